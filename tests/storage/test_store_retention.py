"""Runs that ended long ago are forgotten; what is known of a customer is not."""

from __future__ import annotations

from datetime import timedelta

from meterfarm.records import LedgerItem, Outcome, RunState, SecretKind
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from tests.storage.made import UTILITY, claimed
from tests.storage.opening import ON_BOTH, Rows

pytestmark = ON_BOTH


def _run(store: CompanyStore, reference: str) -> int:
    """A run of the customer that ends."""
    customer = store.customers.find(reference)
    assert customer is not None
    (queued,) = [
        run for run in store.runs.list(customer_id=customer.id, active=True) if run.state is RunState.QUEUED
    ] or [store.runs.list(customer_id=customer.id)[0]]
    run_id = queued.id if queued.state is RunState.QUEUED else store.runs.retry(queued.id)
    claim = claimed(store, run_id, 1)
    assert claim is not None
    item = LedgerItem("1", "bill", stored=True, downloaded=True, reason="")
    store.runs.finish(claim.lease, Outcome.COMPLETE, "", ledger=[item], follow=FollowUp())
    return run_id


def test_old_runs_go_but_each_customers_newest_and_those_that_wait(store: CompanyStore, rows: Rows) -> None:
    for name in ("a@example.org", "b@example.org"):
        store.customers.add(UTILITY, name, secrets={SecretKind.PASSWORD: "x"})
    first, second, third = (_run(store, "a@example.org") for _ in range(3))
    only = _run(store, "b@example.org")
    waits = store.runs.retry(only)
    long_ago = "2026-01-01 00:00:00+00:00"
    rows("UPDATE run SET not_before = :at, ended_at = :at WHERE id <> :third", at=long_ago, third=third)
    events = len(store.events.after())
    assert [store.farm.runs.forget(timedelta(days=30), limit=1) for _ in range(3)] == [1, 1, 0]
    assert sorted(run.id for run in store.runs.list()) == sorted([third, only, waits])
    assert store.runs.story(first) is store.runs.story(second) is None
    assert rows("SELECT count(*) FROM ledger_item") == [(2,)]
    assert len(store.events.after()) == events
    for info in store.customers.list():
        assert info.last_run is not None
    assert store.farm.runs.forget(timedelta(days=30)) == 0
