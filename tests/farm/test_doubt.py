"""A password that was refused goes out once, one without a known answer twice at most: with real workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meterfarm.farm.policy import follow_up, resend_after
from meterfarm.records import CustomerState, Outcome, Part, RunKind, RunState, SecretKind, WhoActs
from meterfarm.scrapers.page.sending import InDoubt
from meterfarm.scrapers.runs.run_executor import RunResult
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Claim, Lease, PortalHealth
from tests.farm.doubting import Doubting, doubting_portal
from tests.farm.whole import PASSWORD, Farm, farm_at
from tests.scrape.command import scrape

EVERY = {Part.BILLS: timedelta(days=1), Part.INTERVALS: timedelta(hours=1)}
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
CUSTOMER = Customer(1, 1, 1, "speculoos_power", "me@example.com")


@pytest.fixture
def portal() -> Iterator[Doubting]:
    with doubting_portal() as portal:
        yield portal


def _ended(farm: Farm, customer: Customer, times: int = 1) -> bool:
    return sum(run.state is RunState.ENDED for run in farm.runs(customer)) >= times


def test_a_password_refused_in_place_is_sent_once_and_opens_no_breaker(
    portal: Doubting, tmp_path: Path
) -> None:
    with farm_at(tmp_path / "home", portal.url, METERFARM_INTERVALS_EVERY="2") as farm:
        customers = farm.add_many("wrong@example.com", 6)
        farm.start(1)
        farm.wait(lambda: all(_ended(farm, customer) for customer in customers), what="six refusals")
        assert set(farm.outcomes(customers)) == {Outcome.BAD_CREDENTIALS}
        assert not farm.store.farm.breakers.open()
        for run in farm.runs():
            farm.store.runs.retry(run.id)
        farm.wait(lambda: all(_ended(farm, customer, 2) for customer in customers), what="six retries")
        assert set(farm.outcomes(customers)) == {Outcome.BAD_CREDENTIALS}
        assert {*portal.sent.values()} == {1}
        assert {one.state for one in farm.store.customers.list()} == {CustomerState.MUST_REAUTHENTICATE}


def test_a_password_without_an_answer_is_sent_once_more_by_schedule_and_then_asked_for(
    portal: Doubting, tmp_path: Path
) -> None:
    with farm_at(tmp_path / "home", portal.url, METERFARM_INTERVALS_EVERY="4") as farm:
        customer = farm.add("fails@example.com")
        farm.start(1)
        farm.wait(lambda: _ended(farm, customer, 3), what="three runs")
        third, second, first = (run for run in farm.runs(customer) if run.state is RunState.ENDED)
        assert [run.outcome for run in (first, second)] == [Outcome.PORTAL_DOWN] * 2
        assert first.ended_at is not None
        assert (second.not_before - first.ended_at).total_seconds() > 3
        assert third.outcome is Outcome.ACTION_REQUIRED
        assert "was sent the password 2 times" in third.message
        assert portal.sent["fails@example.com"] == 2
        assert farm.store.customers.list()[0].state is CustomerState.MUST_REAUTHENTICATE
        farm.store.customers.update(customer, secrets={SecretKind.PASSWORD: PASSWORD})
        farm.wait(lambda: _ended(farm, customer, 4), what="a run after the password was given again")
        assert portal.sent["fails@example.com"] == 3


def test_a_worker_killed_between_the_press_and_the_answer_leaves_the_sending_known(
    portal: Doubting, tmp_path: Path
) -> None:
    with farm_at(tmp_path / "home", portal.url) as farm:
        customer = farm.add("hangs@example.com")
        farm.start(1)
        farm.wait(lambda: portal.sent["hangs@example.com"], what="the password at the portal")
        os.kill(farm.worker_pids()[0], signal.SIGKILL)
        farm.wait(lambda: _ended(farm, customer), what="the run taken up again")
        last = farm.last(customer)
        assert last.attempt == 2
        assert last.outcome is Outcome.PORTAL_DOWN
        assert "no answer is known; it is sent once more, but not before" in last.message
        queued = farm.runs(customer)[0]
        assert queued.state is RunState.QUEUED
        assert queued.not_before > datetime.now(UTC) + timedelta(minutes=50)
        assert not farm.store.farm.breakers.open()
        assert portal.sent["hangs@example.com"] == 1
        farm.store.runs.retry(last.id)
        farm.wait(lambda: portal.sent["hangs@example.com"] == 2, what="a person's retry")


def test_scrape_counts_with_the_workers(portal: Doubting, tmp_path: Path) -> None:
    """Given on standard input, as a program would: no person says that it may be sent again."""
    ends = [
        scrape(tmp_path / "home", tmp_path / "out", "fails@example.com", "--base-url", portal.url)
        for _ in range(3)
    ]
    assert [ran.status for ran in ends] == [11, 11, 10]
    assert "was sent the password 2 times" in ends[2].summary["message"]
    assert portal.sent["fails@example.com"] == 2


@pytest.mark.parametrize("outcome", [Outcome.PORTAL_DOWN, Outcome.RATE_LIMITED, Outcome.MAINTENANCE])
@pytest.mark.parametrize("kind", [RunKind.CONNECT, RunKind.COLLECT])
def test_what_follows_a_sending_in_doubt_waits_for_the_schedule(kind: RunKind, outcome: Outcome) -> None:
    claim = Claim(Lease(1, 1), CUSTOMER, kind, frozenset({Part.INTERVALS}), 1, 0)
    result = RunResult(CUSTOMER, outcome, "It.", asked_portal=True, in_doubt=InDoubt.SENT, retry_after=9)
    follow = follow_up(claim, result, AT, EVERY)
    next_at = follow.next_at if kind is RunKind.CONNECT else follow.due[Part.INTERVALS]
    assert next_at is not None
    assert AT + resend_after(EVERY) <= next_at <= AT + timedelta(hours=1.1)
    assert follow.portal is PortalHealth.AT_FAULT
    assert (follow.next_kind is RunKind.CONNECT) is (kind is RunKind.CONNECT)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome.who_acts is WhoActs.US])
def test_a_sign_in_that_is_for_us_to_mend_is_tried_when_the_next_refresh_would_be(outcome: Outcome) -> None:
    """Unless the portal would ask somebody for a code who is not there."""
    claim = Claim(Lease(1, 1), CUSTOMER, RunKind.CONNECT, frozenset(Part), 1, 0)
    result = RunResult(CUSTOMER, outcome, "It.", asked_portal=True, in_doubt=InDoubt.SENT)
    follow = follow_up(claim, result, AT, EVERY)
    assert follow.next_kind is RunKind.CONNECT
    assert follow.next_at is not None
    assert AT + resend_after(EVERY) <= follow.next_at <= AT + timedelta(hours=1.1)
    assert (follow.portal, follow.must_reauthenticate) == (PortalHealth.HEALTHY, "")
    assert follow_up(claim, result, AT, EVERY, asks_somebody=True).next_kind is None


@pytest.mark.parametrize("asked", [True, False])
def test_a_password_held_back_is_no_fault_of_the_portals(asked: bool) -> None:
    claim = Claim(Lease(1, 1), CUSTOMER, RunKind.COLLECT, frozenset(Part), 1, 0)
    held_back = InDoubt.HELD_BACK
    result = RunResult(CUSTOMER, Outcome.PORTAL_DOWN, "It.", asked_portal=asked, in_doubt=held_back)
    assert follow_up(claim, result, AT, EVERY).portal is (
        PortalHealth.HEALTHY if asked else PortalHealth.UNSEEN
    )


@pytest.mark.parametrize("asked", [True, False])
def test_a_portal_that_was_not_asked_is_not_at_fault(asked: bool) -> None:
    claim = Claim(Lease(1, 1), CUSTOMER, RunKind.COLLECT, frozenset(Part), 1, 0)
    result = RunResult(CUSTOMER, Outcome.PORTAL_DOWN, "No address.", asked_portal=asked)
    assert follow_up(claim, result, AT, EVERY).portal is (
        PortalHealth.AT_FAULT if asked else PortalHealth.UNSEEN
    )
