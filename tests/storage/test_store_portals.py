"""A portal at fault is left alone for longer and longer, and tried with one run before all go back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from meterfarm.records import Outcome, RunKind, RunState, SecretKind
from meterfarm.storage.database import Database, now
from meterfarm.storage.runs import Claim, FollowUp, PortalHealth
from meterfarm.storage.runs.queue import FAULTS
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import CircuitBreakerRow, RunRow
from tests.storage.made import UTILITY, claimed
from tests.storage.opening import ON_BOTH

pytestmark = ON_BOTH

MINUTE = timedelta(minutes=1)
Pass = Callable[[], None]


@pytest.fixture
def time_passes(store: CompanyStore, settings: Settings) -> Iterator[Pass]:
    """Open breakers and runs that wait for later have waited long enough."""
    database = Database(settings, settings.home)

    def go_on() -> None:
        with database.writing() as session:
            past = now(session) - timedelta(seconds=1)
            session.execute(
                update(CircuitBreakerRow)
                .where(col(CircuitBreakerRow.open_until).is_not(None))
                .values(open_until=past)
            )
            session.execute(update(RunRow).values(not_before=past))

    yield go_on
    database.close()


def _claim(store: CompanyStore, number: int, utility: str = UTILITY) -> Claim | None:
    """A connect run of the customer with this number, if it may begin now."""
    username = f"{number}@example.org"
    customer = store.customers.find(username) or store.customers.add(
        utility, username, secrets={SecretKind.PASSWORD: "x"}
    )
    run = next(
        (run for run in store.runs.list(customer_id=customer.id) if run.state is RunState.QUEUED), None
    )
    if run is None:
        old = store.runs.list(customer_id=customer.id)[0]
        return claimed(store, store.runs.retry(old.id), 1)
    return claimed(store, run.id, run.attempt)


def _end(store: CompanyStore, claim: Claim | None, portal: PortalHealth, rests: float = 0.0) -> None:
    assert claim is not None, "the portal is left alone"
    outcome = Outcome.PORTAL_DOWN if portal is PortalHealth.AT_FAULT else Outcome.COMPLETE
    store.runs.finish(claim.lease, outcome, "", follow=FollowUp(portal=portal, portal_rests=rests))


def _fail(store: CompanyStore, *numbers: int, rests: float = 0.0) -> None:
    for number in numbers:
        _end(store, _claim(store, number), PortalHealth.AT_FAULT, rests)


def _rests_for(store: CompanyStore) -> timedelta | None:
    """How long the portal is left alone, in whole minutes."""
    until = store.farm.breakers.open().get(UTILITY)
    return MINUTE * round((until - datetime.now(UTC)) / MINUTE) if until else None


def test_five_logins_in_a_row_open_it_and_one_login_alone_does_not(store: CompanyStore) -> None:
    _fail(store, *[0] * (FAULTS + 1), *range(1, FAULTS - 1))
    assert _rests_for(store) is None
    _fail(store, FAULTS)
    assert _rests_for(store) == MINUTE
    assert _claim(store, 99) is None
    (run, *_) = store.runs.list()
    assert (run.state, run.not_before) == (RunState.QUEUED, store.farm.breakers.open()[UTILITY])
    assert _claim(store, 100, "other_power") is not None, "another portal is none of this"


@pytest.mark.parametrize(("between", "opens"), [(PortalHealth.HEALTHY, False), (PortalHealth.UNSEEN, True)])
def test_a_run_that_the_portal_served_starts_the_count_anew(
    store: CompanyStore, between: PortalHealth, opens: bool
) -> None:
    _fail(store, *range(FAULTS - 1))
    _end(store, _claim(store, 50), between)
    _fail(store, FAULTS)
    assert (_rests_for(store) is not None) == opens


def test_one_run_probes_and_each_failure_doubles_the_pause(store: CompanyStore, time_passes: Pass) -> None:
    _fail(store, *range(FAULTS))
    for minutes in (2, 4, 8, 16, 32, 60, 60):
        time_passes()
        probe = _claim(store, 0)
        assert _claim(store, 1) is None, "one tries for all"
        _end(store, probe, PortalHealth.AT_FAULT)
        assert _rests_for(store) == MINUTE * minutes
        assert _claim(store, 1) is None
    time_passes()
    _end(store, _claim(store, 0), PortalHealth.HEALTHY)
    assert _rests_for(store) is None
    assert [_claim(store, number) is not None for number in (1, 2)] == [True, True]
    _fail(store, *range(10, 10 + FAULTS))
    assert _rests_for(store) == MINUTE, "it is all forgotten"


def test_a_probe_whose_worker_gave_it_back_is_made_by_another(store: CompanyStore, time_passes: Pass) -> None:
    _fail(store, *range(FAULTS))
    time_passes()
    probe = _claim(store, 0)
    assert probe is not None
    store.runs.hand_back(probe.lease, "why")
    assert _claim(store, 1) is not None


def test_the_portals_own_word_counts_if_it_asks_for_longer(store: CompanyStore) -> None:
    _fail(store, *range(FAULTS), rests=600)
    assert _rests_for(store) == 10 * MINUTE


def test_a_customers_faults_are_counted_until_a_run_gets_through(
    store: CompanyStore, time_passes: Pass
) -> None:
    seen = []
    for was in (PortalHealth.AT_FAULT, PortalHealth.AT_FAULT, PortalHealth.HEALTHY, PortalHealth.AT_FAULT):
        time_passes()
        claim = _claim(store, 0)
        assert claim is not None
        assert claim.kind is RunKind.CONNECT
        seen.append(claim.faults)
        _end(store, claim, was)
    assert seen == [0, 1, 2, 0]
