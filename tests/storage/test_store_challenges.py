"""A challenge is answered once, in time, by whoever may; what was said is legible to its run alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from meterfarm.records import Challenge, ChallengeState, Factor, FactorOption, RunKind, RunState
from meterfarm.storage import AnswerRefused, LeaseLost, StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import ChallengeInfo, Lease
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import metadata
from tests.storage.made import USERNAME, UTILITY, begun, claimed
from tests.storage.opening import ON_BOTH, Rows

pytestmark = ON_BOTH

WAIT = timedelta(minutes=10)
OVER = timedelta(seconds=-1)
ASKED = Challenge(
    "Enter the code.",
    Factor.SMS,
    "•••-•••-0199",
    (FactorOption(Factor.EMAIL, "Email me", "a•••@example.org"),),
    attempts_left=3,
    can_resend=True,
)
SAID = {"kind": "code", "text": "canary-123456"}


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    return store.customers.ensure(UTILITY, USERNAME)


@pytest.fixture
def lease(store: CompanyStore, customer: Customer) -> Lease:
    """A connect run of the customer, taken by this process."""
    return begun(store, customer, RunKind.CONNECT)


def _one(store: CompanyStore, challenge_id: int) -> ChallengeInfo:
    found = store.challenges.find(challenge_id)
    assert found is not None
    return found


def _state(store: CompanyStore) -> RunState:
    return store.runs.list()[0].state


def test_a_challenge_is_kept_as_the_portal_put_it_while_its_run_waits(
    store: CompanyStore, customer: Customer, lease: Lease
) -> None:
    asked = store.challenges.open(lease, ASKED, WAIT)
    (info,) = store.challenges.list(only_open=True)
    assert info == _one(store, asked)
    assert info.challenge.options == list(ASKED.options)
    assert (info.challenge.prompt, info.challenge.factor, info.challenge.destination) == (
        ASKED.prompt,
        ASKED.factor,
        ASKED.destination,
    )
    assert (info.challenge.attempts_left, info.challenge.can_resend) == (3, True)
    assert (info.run_id, info.customer_id, info.state) == (lease.run_id, customer.id, ChallengeState.OPEN)
    assert info.expires_at - info.asked_at == WAIT
    assert _state(store) is RunState.WAITING
    assert store.challenges.find(asked + 1) is None


def test_a_portal_that_gives_less_time_is_believed(store: CompanyStore, lease: Lease) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    asked = store.challenges.open(lease, Challenge("Code?", expires_at=soon), WAIT)
    assert _one(store, asked).expires_at == soon


def test_an_answer_reaches_its_run_once(store: CompanyStore, lease: Lease) -> None:
    asked = store.challenges.open(lease, ASKED, WAIT)
    assert store.farm.challenges.closed([asked]) == []
    store.challenges.answer(asked, SAID)
    assert store.farm.challenges.closed([asked, asked + 1]) == [asked]
    assert store.challenges.list(only_open=True) == []
    assert store.challenges.take_answer(lease, asked) == SAID
    assert _state(store) is RunState.RUNNING
    assert store.challenges.take_answer(lease, asked) is None
    assert _one(store, asked).state is ChallengeState.USED


def test_what_was_said_is_in_no_column(store: CompanyStore, lease: Lease, rows: Rows) -> None:
    asked = store.challenges.open(lease, ASKED, WAIT)
    store.challenges.answer(asked, SAID)
    ((sealed,),) = rows("SELECT answer FROM challenge")
    assert sealed
    for when in ("answered", "taken"):
        for table in metadata.tables:
            found = rows(f'SELECT * FROM "{table}"')  # noqa: S608 - a test's own
            cells = [bytes(cell) if isinstance(cell, memoryview) else cell for row in found for cell in row]
            assert b"canary" not in b" ".join(repr(cell).encode() for cell in cells), f"{table}, {when}"
        store.challenges.take_answer(lease, asked)
    assert rows("SELECT answer FROM challenge") == [(None,)]


def test_an_answer_moved_to_another_challenge_does_not_open(
    store: CompanyStore, lease: Lease, rows: Rows
) -> None:
    first, second = (store.challenges.open(lease, ASKED, WAIT) for _ in range(2))
    store.challenges.answer(first, SAID)
    store.challenges.answer(second, SAID)
    rows("UPDATE challenge SET answer = (SELECT answer FROM challenge WHERE id = :id)", id=first)
    assert store.challenges.take_answer(lease, first) == SAID
    with pytest.raises(StorageError, match="does not open"):
        store.challenges.take_answer(lease, second)


def test_who_answers_too_late_or_again_hears_why(
    store: CompanyStore, customer: Customer, lease: Lease
) -> None:
    answered = store.challenges.open(lease, ASKED, WAIT)
    store.challenges.answer(answered, SAID)
    over = store.challenges.open(lease, ASKED, OVER)
    with pytest.raises(AnswerRefused, match=f"The challenge {answered} was answered at"):
        store.challenges.answer(answered, SAID)
    store.challenges.take_answer(lease, answered)
    with pytest.raises(AnswerRefused, match=f"The challenge {answered} was answered at"):
        store.challenges.answer(answered, SAID)
    with pytest.raises(AnswerRefused, match=f"expired at .*; `run retry {lease.run_id}`"):
        store.challenges.answer(over, SAID)
    assert store.challenges.list(only_open=True) == []
    assert store.challenges.take_answer(lease, over) is None
    assert _one(store, over).state is ChallengeState.EXPIRED
    with pytest.raises(AnswerRefused, match="expired at"):
        store.challenges.answer(over, SAID)
    with pytest.raises(AnswerRefused, match="no challenge 999"):
        store.challenges.answer(999, SAID)
    removed = store.challenges.open(lease, ASKED, WAIT)
    store.customers.remove(customer, data=False)
    with pytest.raises(AnswerRefused, match="expired at"):
        store.challenges.answer(removed, SAID)


def test_a_challenge_is_lost_with_its_worker_and_the_answer_with_it(
    store: CompanyStore, lease: Lease
) -> None:
    asked = [store.challenges.open(lease, ASKED, WAIT) for _ in range(2)]
    store.challenges.answer(asked[0], SAID)
    store.runs.hand_back(lease, "its worker is being stopped")
    assert [_one(store, each).state for each in asked] == [ChallengeState.LOST] * 2
    with pytest.raises(AnswerRefused, match="was lost with the worker"):
        store.challenges.answer(asked[1], SAID)
    with pytest.raises(LeaseLost):
        store.challenges.take_answer(lease, asked[0])
    (run,) = store.runs.list()
    again = claimed(store, run.id, run.attempt)
    assert again is not None
    assert store.challenges.take_answer(again.lease, asked[0]) is None


def test_what_was_answered_before_is_kept_as_used(store: CompanyStore, lease: Lease) -> None:
    used = store.challenges.open(lease, ASKED, WAIT)
    store.challenges.answer(used, SAID)
    store.challenges.take_answer(lease, used)
    store.runs.stop(lease)
    assert _one(store, used).state is ChallengeState.USED
