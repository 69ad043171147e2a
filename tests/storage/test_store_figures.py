"""What the gauges of the whole farm are made of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from meterfarm.farm.telemetry.prometheus import farm_gauges
from meterfarm.records import Outcome, Part, RunKind, RunState, SecretKind
from meterfarm.storage.runs import FollowUp, PortalHealth, QueueFigures
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import CustomerRow, RunRow
from tests.storage.made import ACCOUNT, UTILITY, bill, claimed, listed, pdf, save_bill
from tests.storage.opening import ON_BOTH

pytestmark = ON_BOTH
PASSWORD = {SecretKind.PASSWORD: "x"}


@pytest.fixture
def alter(store: CompanyStore) -> Callable[..., None]:
    def change(table: type[RunRow] | type[CustomerRow], number: int, **values: object) -> None:
        with store.farm._farm.database.writing() as session:
            session.execute(update(table).where(col(table.id) == number).values(**values))

    return change


def test_an_empty_farm_has_nothing_to_tell(store: CompanyStore) -> None:
    figures = store.farm.runs.figures([UTILITY])
    assert (figures.queues, figures.held, figures.resting) == ({}, {}, frozenset())
    assert figures.late_seconds == {(UTILITY, part): 0 for part in Part}


def test_queued_runs_are_told_by_whether_they_could_begin(
    store: CompanyStore, alter: Callable[..., None]
) -> None:
    """The age counts from when a run could begin, not from when it was asked for."""
    at = datetime.now(UTC)
    for number, not_before in enumerate((at - timedelta(minutes=5), at - timedelta(minutes=1)), start=1):
        store.customers.add(UTILITY, f"c{number}@bayou.energy", secrets=PASSWORD)
        alter(RunRow, number, not_before=not_before)
    store.customers.add(UTILITY, "c3@bayou.energy", secrets=PASSWORD)
    alter(RunRow, 3, not_before=at + timedelta(hours=1))
    queue = store.farm.runs.figures([]).queues[RunKind.CONNECT]
    assert (queue.ready, queue.later) == (2, 1)
    assert 295 < queue.oldest_seconds < 330
    for number in (1, 2):
        alter(RunRow, number, not_before=at + timedelta(hours=1))
    assert store.farm.runs.figures([]).queues == {RunKind.CONNECT: QueueFigures(0, 3, 0.0)}


def test_runs_under_way_are_told_by_utility_kind_and_state(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, "c1@bayou.energy", secrets=PASSWORD)
    (run,) = store.runs.list(customer_id=customer.id)
    assert claimed(store, run.id, run.attempt) is not None
    assert store.farm.runs.figures([]).held == {(UTILITY, RunKind.CONNECT, RunState.RUNNING): 1}


def test_lateness_is_that_of_who_is_due_the_longest(store: CompanyStore, alter: Callable[..., None]) -> None:
    at = datetime.now(UTC)
    for number, hours in enumerate((-1, -3, 2), start=1):
        store.customers.add(UTILITY, f"c{number}@bayou.energy", secrets=PASSWORD)
        alter(CustomerRow, number, intervals_due_at=at + timedelta(hours=hours))
    late = store.farm.runs.figures([UTILITY, "elsewhere"]).late_seconds
    assert 3 * 3600 <= late[UTILITY, Part.INTERVALS] < 3 * 3600 + 60
    assert late[UTILITY, Part.BILLS] == late["elsewhere", Part.INTERVALS] == 0


def test_portals_that_are_left_alone_are_told(store: CompanyStore) -> None:
    for number in range(5):
        customer = store.customers.add(UTILITY, f"c{number}@bayou.energy", secrets=PASSWORD)
        (run,) = store.runs.list(customer_id=customer.id)
        claim = claimed(store, run.id, run.attempt)
        assert claim is not None
        assert not store.farm.runs.figures([]).resting
        store.runs.finish(claim.lease, Outcome.PORTAL_DOWN, "", follow=FollowUp(portal=PortalHealth.AT_FAULT))
    assert store.farm.runs.figures([]).resting == {UTILITY}


def test_a_bill_counts_as_unread_until_a_layout_has_read_it(store: CompanyStore) -> None:
    customer = store.customers.add(UTILITY, "c1@bayou.energy", secrets=PASSWORD)
    account = store.accounts.save(customer, ACCOUNT)
    for key, read in (("b1", None), ("b2", None), ("b3", bill())):
        save_bill(
            store, account, listed(key), pdf(key.encode()), read, layout="l", layout_version=1, problems=["x"]
        )
    assert store.farm.runs.figures([UTILITY]).unread_bills == {UTILITY: 2}
    save_bill(store, account, listed("b1"), pdf(b"b1"), bill(), layout="l", layout_version=2)
    assert store.farm.runs.figures([UTILITY]).unread_bills == {UTILITY: 1}
    assert _gauge_values(store)["meterfarm_bills_unread"] == {UTILITY: 1, "elsewhere": 0}
    store.customers.remove(customer, data=False)
    assert store.farm.runs.figures([UTILITY]).unread_bills == {}


def _gauge_values(store: CompanyStore) -> dict[str, dict[str, float]]:
    utilities = [UTILITY, "elsewhere"]
    found = farm_gauges(store.farm.runs.figures(utilities), utilities)
    return {
        metric.name: {sample.labels["utility"]: sample.value for sample in metric.samples}
        for metric in found
        if metric.name in {"meterfarm_bills_unread", "meterfarm_exports_pending"}
    }
