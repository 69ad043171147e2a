"""When a visit is over: which of its runs count, and which retry is waited for."""

from __future__ import annotations

from datetime import UTC, datetime

from meterfarm.nightly.rounds import counted, gaps_by_reason
from meterfarm.records import LedgerItem, Outcome, RunKind, RunState
from meterfarm.storage.runs import RunInfo

AT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def _run(number: int, why: str, outcome: Outcome | None, state: RunState = RunState.ENDED) -> RunInfo:
    return RunInfo(
        id=number,
        customer_id=1,
        external_id=None,
        utility="a_utility",
        username="ida@example.com",
        kind=RunKind.CONNECT,
        state=state,
        parts="",
        why=why,
        attempt=1,
        worker="",
        outcome=outcome,
        message="",
        session="",
        pages=1,
        evidence="",
        seconds={},
        requested_at=AT,
        not_before=AT,
        started_at=AT,
        ended_at=AT,
        listed=0,
        stored=0,
        unread=0,
    )


DOWN = _run(1, "added", Outcome.PORTAL_DOWN)
RETRY = "retry after portal_down"
QUEUED = _run(2, RETRY, None, RunState.QUEUED)


def test_a_fault_that_is_meant_is_not_tried_again() -> None:
    assert counted([QUEUED, DOWN], "portal_down") == [DOWN]


def test_after_one_that_is_not_meant_a_retry_is_waited_for() -> None:
    assert counted([QUEUED, DOWN], "complete") == [QUEUED, DOWN]
    assert counted([QUEUED, DOWN], "complete", retries=False) == [DOWN]


def test_what_the_retry_came_to_counts() -> None:
    again = _run(2, RETRY, Outcome.COMPLETE)
    collect = _run(3, "signed in", None, RunState.QUEUED)
    assert counted([again, DOWN], "complete") == [again, DOWN]
    assert counted([collect, again, DOWN], "complete") == [collect, again, DOWN]


def test_a_second_retry_is_not_waited_for() -> None:
    again = _run(2, RETRY, Outcome.PORTAL_DOWN)
    third = _run(3, RETRY, None, RunState.QUEUED)
    assert counted([third, again, DOWN], "complete") == [again, DOWN]


def test_gaps_are_told_by_reason_and_not_one_by_one() -> None:
    unread = [LedgerItem("1", f"bill {key}", stored=False, reason="cannot be read") for key in "abd"]
    gaps = [*unread[:2], LedgerItem("1", "bill c", stored=False, reason="a placeholder"), unread[2]]
    assert gaps_by_reason(gaps) == ": bill a and 2 more (cannot be read); bill c (a placeholder)"
    assert gaps_by_reason([]) == ""
