"""What follows from a run's end: the next run, the customer's state, events; and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from meterfarm.records import (
    CustomerState,
    EventKind,
    LedgerItem,
    Outcome,
    Part,
    RunKind,
    RunState,
    SecretKind,
)
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Claim, FollowUp, Lease
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, USERNAME, UTILITY, bill, claimed, listed, pdf, save_bill
from tests.storage.opening import ON_BOTH, Rows

pytestmark = ON_BOTH

PASSWORD = {SecretKind.PASSWORD: "canary-51d0"}
BETTER = {SecretKind.PASSWORD: "canary-better"}
REFUSED = FollowUp(must_reauthenticate="bad_credentials: No match.")
HOURLY = {Part.BILLS: timedelta(days=1), Part.INTERVALS: timedelta(hours=1)}
MUST = EventKind.CUSTOMER_MUST_REAUTHENTICATE


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    return store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)


def _take(store: CompanyStore, kind: RunKind = RunKind.CONNECT) -> Claim:
    (run,) = [run for run in store.runs.list(active=True) if run.kind is kind]
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    return claim


def _back(store: CompanyStore, **follow: object) -> None:
    """The customer's connect run signs in."""
    given = FollowUp(is_back=True, **follow)  # type: ignore[arg-type]
    store.runs.finish(_take(store).lease, Outcome.COMPLETE, "", follow=given)


def _active(store: CompanyStore) -> list[tuple[RunKind, str]]:
    return [(run.kind, run.why) for run in store.runs.list(active=True)]


def test_an_end_leads_to_the_next_run_and_the_next_times(store: CompanyStore, customer: Customer) -> None:
    claim = _take(store)
    at = datetime.now(UTC).replace(microsecond=0)
    items = [
        LedgerItem("1", f"bill {n}", stored=n > 0, downloaded=n > 1, reason="" if n else "no")
        for n in range(3)
    ]
    follow = FollowUp(
        is_back=True,
        next_kind=RunKind.COLLECT,
        next_at=at + timedelta(hours=1),
        next_why="signed in",
        next_parts=frozenset({Part.BILLS}),
        due={Part.BILLS: at + timedelta(days=1)},
    )
    store.runs.finish(
        claim.lease,
        Outcome.PARTIAL,
        "one is missing",
        use="new",
        seconds={"sign_in": 1.5},
        pages=1,
        ledger=items,
        follow=follow,
    )
    (run,) = store.runs.list(active=True)
    assert (run.kind, run.why, run.parts, run.not_before) == (
        RunKind.COLLECT,
        "signed in",
        "bills",
        at + timedelta(hours=1),
    )
    story = store.runs.story(claim.lease.run_id)
    assert story is not None
    assert list(story.ledger) == items
    assert (story.run.listed, story.run.stored, story.run.outcome) == (3, 2, Outcome.PARTIAL)
    assert (story.run.session, story.run.seconds, story.run.pages) == ("new", {"sign_in": 1.5}, 1)
    assert [step.step for step in story.steps] == ["queued", "taken", "ended"]
    assert store.customers.info(customer).bills_due_at == at + timedelta(days=1)


def test_who_must_come_back_is_told_once_and_not_refreshed(store: CompanyStore, customer: Customer) -> None:
    due = {part: datetime(2026, 1, 1, tzinfo=UTC) for part in Part}
    _back(store, due=due)
    assert store.farm.runs.queue_due(UTILITY, HOURLY) == 1
    waiting = store.runs.list(active=True)[0]
    store.runs.retry(store.runs.list()[-1].id)
    store.runs.finish(_take(store).lease, Outcome.BAD_CREDENTIALS, "No match.", follow=REFUSED)
    info = store.customers.info(customer)
    assert (info.state, info.reason) == (CustomerState.MUST_REAUTHENTICATE, "bad_credentials: No match.")
    assert (info.bills_due_at, info.intervals_due_at) == (None, None)
    assert claimed(store, waiting.id, waiting.attempt) is None
    assert store.runs.list(active=True) == [], "the refresh that waited is cancelled as its turn comes"
    assert (store.farm.runs.queue_due(UTILITY, HOURLY), store.runs.refresh()) == (0, [])
    store.runs.retry(waiting.id)
    store.runs.finish(_take(store).lease, Outcome.BAD_CREDENTIALS, "No match.", follow=REFUSED)
    (event,) = store.events.after(kinds=[MUST])
    assert event.facts["reason"] == "bad_credentials: No match."
    store.customers.update(customer, secrets=BETTER)
    _back(store, due=due)
    assert store.customers.info(customer).state is CustomerState.ACTIVE
    assert store.farm.runs.queue_due(UTILITY, HOURLY) == 1


@pytest.mark.parametrize(
    ("outcome", "tells"),
    [
        (Outcome.COMPLETE, False),
        (Outcome.PARTIAL, False),
        (Outcome.MFA_EXPIRED, False),
        (Outcome.PORTAL_DOWN, True),
        (Outcome.UNKNOWN_PAGE, True),
    ],
)
def test_a_run_that_the_portal_or_we_failed_is_told(
    store: CompanyStore, customer: Customer, outcome: Outcome, tells: bool
) -> None:
    store.runs.finish(_take(store).lease, outcome, "how")
    assert len(store.events.after(kinds=[EventKind.RUN_FAILED])) == tells


def test_data_is_said_to_be_ready_once(store: CompanyStore, customer: Customer) -> None:
    account = store.accounts.save(customer, ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    _back(store, ready=frozenset({Part.BILLS}))
    store.customers.update(customer, secrets=BETTER)
    _back(store, ready=frozenset(Part))
    ready = store.events.after(kinds=[EventKind.BILLS_READY, EventKind.INTERVALS_READY])
    assert [event.kind for event in ready] == [EventKind.BILLS_READY, EventKind.INTERVALS_READY]
    (first, *_) = ready[0].facts["bills"]
    assert first["billed_on"] == "2026-01-05"


ENDS: dict[str, Callable[[CompanyStore, Lease], None]] = {
    "ended": lambda store, lease: store.runs.finish(lease, Outcome.BAD_CREDENTIALS, "No.", follow=REFUSED),
    "stopped": lambda store, lease: store.runs.stop(lease),
    "abandoned": lambda store, lease: store.runs.abandon(lease),
}


@pytest.mark.parametrize("end", ENDS)
def test_credentials_given_while_others_are_tried_are_tried_next(
    store: CompanyStore, customer: Customer, end: str
) -> None:
    """And nobody is asked to come back who has just done so."""
    _back(store)
    store.customers.update(customer, secrets={SecretKind.PASSWORD: "canary-worse"})
    claim = _take(store)
    store.customers.update(customer, secrets=BETTER)
    assert len(store.runs.list()) == 2
    ENDS[end](store, claim.lease)
    assert _active(store) == [(RunKind.CONNECT, "new credentials")]
    assert store.events.after(kinds=[MUST]) == []
    assert store.customers.info(customer).state is CustomerState.ACTIVE
    store.runs.finish(_take(store).lease, Outcome.BAD_CREDENTIALS, "No.", follow=REFUSED)
    assert _active(store) == []
    assert len(store.events.after(kinds=[MUST])) == 1


def test_a_run_that_is_taken_again_knows_the_new_credentials(store: CompanyStore, customer: Customer) -> None:
    claim = _take(store)
    store.customers.update(customer, secrets=BETTER)
    store.runs.hand_back(claim.lease, "why")
    store.runs.finish(_take(store).lease, Outcome.BAD_CREDENTIALS, "No.", follow=REFUSED)
    assert _active(store) == []
    assert store.customers.info(customer).state is CustomerState.MUST_REAUTHENTICATE


def test_new_credentials_wait_with_the_retry_that_the_portal_asked_for(
    store: CompanyStore, customer: Customer
) -> None:
    claim = _take(store)
    store.customers.update(customer, secrets=BETTER)
    later = datetime.now(UTC) + timedelta(hours=1)
    follow = FollowUp(next_kind=RunKind.CONNECT, next_at=later, next_why="retry after rate_limited")
    store.runs.finish(claim.lease, Outcome.RATE_LIMITED, "429", follow=follow)
    (run,) = store.runs.list(active=True)
    assert (run.kind, run.not_before) == (RunKind.CONNECT, later)


def test_a_user_name_given_while_another_is_tried_is_tried_next(
    store: CompanyStore, customer: Customer
) -> None:
    claim = _take(store)
    store.customers.update(customer, username="other@example.org", secrets={})
    assert [beat.cancelled for beat in store.farm.workforce.heartbeat()] == [True]
    store.runs.stop(claim.lease)
    assert _take(store).customer.username == "other@example.org"


def test_cancelling_a_run_that_waits_with_new_credentials_cancels_it(
    store: CompanyStore, customer: Customer
) -> None:
    claim = _take(store)
    store.runs.hand_back(claim.lease, "why")
    store.customers.update(customer, secrets=BETTER)
    store.runs.cancel(claim.lease.run_id)
    assert _active(store) == []


def test_of_a_removed_customers_run_nothing_follows(
    store: CompanyStore, customer: Customer, rows: Rows
) -> None:
    claim = _take(store)
    store.customers.update(customer, secrets=BETTER)
    store.customers.remove(customer, data=False)
    told = len(store.events.after())
    follow = FollowUp(
        must_reauthenticate="captcha: why", next_kind=RunKind.COLLECT, ready=frozenset(Part), is_back=True
    )
    store.runs.finish(claim.lease, Outcome.PORTAL_DOWN, "down", follow=follow)
    assert store.runs.list()[0].state is RunState.ENDED
    assert store.runs.list(active=True) == []
    assert len(store.events.after()) == told
    assert store.customers.info(customer).state is CustomerState.REMOVED


def test_only_the_parts_that_are_due_are_refreshed(store: CompanyStore, customer: Customer) -> None:
    now = datetime.now(UTC)
    _back(store, due={Part.BILLS: now + timedelta(days=1), Part.INTERVALS: now - timedelta(seconds=1)})
    assert store.farm.runs.queue_due("other_power", HOURLY) == 0
    assert store.farm.runs.queue_due(UTILITY, HOURLY) == 1
    (run,) = store.runs.list(active=True)
    assert (run.kind, run.parts, run.why) == (RunKind.COLLECT, "intervals", "refresh")
    info = store.customers.info(customer)
    assert info.bills_due_at == now + timedelta(days=1)
    assert store.farm.runs.queue_due(UTILITY, HOURLY) == 0


def test_next_times_spread(store: CompanyStore) -> None:
    past = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(8):
        store.customers.add(UTILITY, f"{number}@example.org", secrets=PASSWORD)
    for run in store.runs.list():
        claim = claimed(store, run.id, run.attempt)
        assert claim is not None
        follow = FollowUp(is_back=True, due=dict.fromkeys(Part, past))
        store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=follow)
    assert [store.farm.runs.queue_due(UTILITY, HOURLY, limit) for limit in (5, 5, 8, 20)] == [5, 0, 3, 0]
    now = datetime.now(UTC)
    waits = [info.intervals_due_at - now for info in store.customers.list() if info.intervals_due_at]
    assert all(timedelta(minutes=53) < wait < timedelta(minutes=67) for wait in waits)
    assert len({round(wait.total_seconds()) for wait in waits}) > 4


def test_trust_that_lapses_is_told_once_for_each_sign_in(store: CompanyStore, customer: Customer) -> None:
    lasts, ahead = timedelta(days=30), timedelta(days=3)

    def tell() -> int:
        return store.farm.runs.announce_expiring_trust(UTILITY, lasts, ahead)

    signed_in = datetime.now(UTC).replace(microsecond=0) - timedelta(days=28)
    store.credentials.save_session(customer, b"one", trusted_since=signed_in)
    assert store.farm.runs.announce_expiring_trust("other_power", lasts, ahead) == 0
    assert [tell(), tell()] == [1, 0]
    store.credentials.save_session(customer, b"two", trusted_since=None)
    assert tell() == 0
    store.credentials.save_session(customer, b"three", trusted_since=datetime.now(UTC))
    assert tell() == 0
    (event,) = store.events.after(kinds=[EventKind.TRUST_EXPIRING])
    expires = event.facts["expires_at"]
    assert datetime.fromisoformat(expires) == signed_in + lasts
