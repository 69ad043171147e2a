"""Customers who are due are queued as the portal can take them, the longest due first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from meterfarm.records import Outcome, Part, RunState, SecretKind
from meterfarm.storage.customers import Customer
from meterfarm.storage.engines import parse
from meterfarm.storage.runs import Claim, FollowUp, PortalHealth
from meterfarm.storage.runs.queue import FAULTS
from meterfarm.storage.store import CompanyStore
from tests.storage.made import UTILITY, claimed
from tests.storage.opening import ON_BOTH, OpenStore, Rows

pytestmark = ON_BOTH

EVERY: Mapping[Part, timedelta] = {Part.BILLS: timedelta(days=1), Part.INTERVALS: timedelta(hours=1)}
AT = datetime(2026, 1, 1, tzinfo=UTC)


def _due(store: CompanyStore, number: int, **due: datetime) -> Customer:
    """A customer who signed in once and is due as told."""
    customer = store.customers.add(UTILITY, f"{number}@example.org", secrets={SecretKind.PASSWORD: "x"})
    parts = {Part(part): when for part, when in due.items()}
    store.runs.finish(_claim(store).lease, Outcome.COMPLETE, "", follow=FollowUp(is_back=True, due=parts))
    return customer


def _claim(store: CompanyStore) -> Claim:
    (run,) = [run for run in store.runs.list(active=True) if run.state is RunState.QUEUED][-1:]
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    return claim


def _queued(store: CompanyStore) -> list[int]:
    return [run.customer_id for run in reversed(store.runs.list(active=True))]


def test_as_many_as_the_portal_takes_the_longest_due_first(store: CompanyStore) -> None:
    customers = [
        _due(store, number, intervals=AT + timedelta(minutes=order)) for number, order in enumerate((2, 0, 1))
    ]
    assert store.farm.runs.queue_due(UTILITY, EVERY, 2) == 2
    assert _queued(store) == [customers[1].id, customers[2].id]
    assert store.farm.runs.queue_due(UTILITY, EVERY, 2) == 0, "there are two"
    store.runs.finish(_claim(store).lease, Outcome.COMPLETE, "")
    assert store.farm.runs.queue_due(UTILITY, EVERY, 2) == 1


def test_a_part_that_the_utility_does_not_offer_is_not_queued(store: CompanyStore) -> None:
    """Though it was due when it still did."""
    _due(store, 1, intervals=AT, bills=AT)
    _due(store, 2, intervals=AT)
    assert store.farm.runs.queue_due(UTILITY, {Part.BILLS: EVERY[Part.BILLS]}, 9) == 1
    assert _claim(store).parts == {Part.BILLS}


def test_what_is_asked_for_is_what_is_refreshed(store: CompanyStore) -> None:
    customer = _due(store, 1, bills=AT)
    store.runs.refresh([customer.id])
    assert _claim(store).parts == {Part.BILLS}


def test_a_part_that_falls_due_while_another_is_fetched_is_fetched_next(store: CompanyStore) -> None:
    customer = _due(store, 1, intervals=AT, bills=datetime.now(UTC) + timedelta(seconds=20))
    assert store.farm.runs.queue_due(UTILITY, EVERY, 9) == 1
    claim = _claim(store)
    assert claim.parts == {Part.INTERVALS}
    bills_due = store.customers.info(customer).bills_due_at
    assert store.farm.runs.queue_due(UTILITY, EVERY, 9) == 0
    assert store.customers.info(customer).bills_due_at == bills_due, "it is due still"
    store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=FollowUp(due={Part.BILLS: AT}))
    assert store.farm.runs.queue_due(UTILITY, EVERY, 9) == 1
    assert _claim(store).parts == {Part.BILLS}


def test_none_are_queued_for_a_portal_that_is_left_alone_then_one(store: CompanyStore, rows: Rows) -> None:
    for number in range(FAULTS + 3):
        _due(store, number, intervals=AT)
    assert store.farm.runs.queue_due(UTILITY, EVERY, FAULTS) == FAULTS
    for _ in range(FAULTS):
        store.runs.finish(
            _claim(store).lease, Outcome.PORTAL_DOWN, "", follow=FollowUp(portal=PortalHealth.AT_FAULT)
        )
    assert store.farm.runs.queue_due(UTILITY, EVERY, 9) == 0
    rows("UPDATE circuit_breaker SET open_until = :then", then="2026-01-01 00:00:00+00:00")
    assert [store.farm.runs.queue_due(UTILITY, EVERY, 9) for _ in range(2)] == [1, 0]
    store.runs.finish(_claim(store).lease, Outcome.COMPLETE, "", follow=FollowUp(portal=PortalHealth.HEALTHY))
    assert store.farm.runs.queue_due(UTILITY, EVERY, 9) == 2


@pytest.mark.parametrize("column", ["bills_due_at", "intervals_due_at"])
def test_who_is_due_is_found_by_an_index(
    open_store: OpenStore, environment: Mapping[str, str], rows: Rows, column: str, backend: str
) -> None:
    """However many customers there are, of this and other utilities."""
    open_store()
    engine = create_engine(
        parse(environment.get("DATABASE_URL") or f"sqlite:///{environment['METERFARM_HOME']}/meterfarm.db")
    )
    explain = "EXPLAIN QUERY PLAN" if backend == "sqlite" else "EXPLAIN"
    query = (
        f"{explain} SELECT id FROM customer WHERE utility = '{UTILITY}' AND {column} <= '2026-01-01'"  # noqa: S608
        f" AND state = 'active' ORDER BY {column} LIMIT 5"
    )
    with engine.connect() as connection:
        if backend == "postgres":  # a table as small as this it would read as a whole, and sort
            for shorter in ("seqscan", "bitmapscan", "sort"):
                connection.execute(text(f"SET enable_{shorter} = off"))
        plan = "\n".join(str(row) for row in connection.execute(text(query)))
    engine.dispose()
    assert f"ix_customer_utility_{column}" in plan
    assert "B-TREE" not in plan
    assert "Sort" not in plan
