"""Runs: listed, shown, queued again, cancelled; customers refreshed on request."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from meterfarm.records import CustomerState, Part, RunKind, RunState
from meterfarm.services.errors import NotFound, store_refusals
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import QUEUES, RunInfo, RunStory
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.utilities import UtilityUnavailable, load_utility

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The runs that were queued, and a sentence for each customer who cannot be refreshed now."""

    runs: Sequence[int]
    refused: Sequence[str]


@dataclass(frozen=True, slots=True)
class UnservedQueues:
    """Queues in which runs wait that no worker takes, and those that workers serve."""

    unserved: Set[str]
    served: Set[str]


def list_runs(
    store: CompanyStore, *, limit: int | None = None, customer: Customer | None = None
) -> Sequence[RunInfo]:
    """Newest first; of all customers or one. ``limit`` None: all."""
    return store.runs.list(limit=limit or _ALL, customer_id=customer.id if customer else None)


def find_run(store: CompanyStore, run_id: int) -> RunStory:
    """All that is known of a run.

    Raises:
        NotFound: there is none with this id.
    """
    story = store.runs.story(run_id)
    if story is None:
        raise NotFound(f"There is no run {run_id}; `runs` lists them.")
    return story


def offered_parts(utility: str) -> frozenset[Part]:
    """What the utility offers, by its id; everything, if it cannot be loaded."""
    try:
        return load_utility(utility).capabilities.parts
    except UtilityUnavailable:
        return frozenset(Part)


def collected_parts(run: RunInfo) -> Sequence[Part]:
    """What a run is to collect of what its utility offers; of a connect run that is nothing."""
    if run.kind is RunKind.CONNECT:
        return ()
    offered = offered_parts(run.utility)
    return [part for part in map(Part, run.parts.split()) if part in offered]


def retry_run(store: CompanyStore, run_id: int) -> int:
    """Queue what the run was for again; the id of the new run.

    Raises:
        NotFound: there is none with this id.
        Conflict: it is in progress, or its customer has no credentials.
    """
    find_run(store, run_id)
    with store_refusals():
        return store.runs.retry(run_id)


def cancel_run(store: CompanyStore, run_id: int) -> RunState:
    """Cancel a run; the state it is in: one in progress is cancelled by its worker.

    Raises:
        NotFound: there is none with this id.
        Conflict: it has ended.
    """
    find_run(store, run_id)
    with store_refusals():
        return store.runs.cancel(run_id)


def refresh_customers(store: CompanyStore, customers: Sequence[Customer] | None) -> Refreshed:
    """Queue a collect run now for these customers, or with None for all that can be refreshed.

    For one who shares another's connection it is the other's run.
    """
    if customers is None:
        return Refreshed(store.runs.refresh(None), ())
    customers = list({holder.id: holder for holder in map(store.customers.holder, customers)}.values())
    refused = {customer.id: reason for customer in customers if (reason := _not_now(store, customer))}
    ids = [customer.id for customer in customers if customer.id not in refused]
    return Refreshed(store.runs.refresh(ids), list(refused.values()))


def unserved_queues(farm: Store, kind: RunKind | None = None) -> UnservedQueues | None:
    """Where no worker takes runs of this kind, or (None) runs that are due; None if all are served."""
    served = farm.workforce.served_queues()
    unserved = farm.workforce.unserved_queues() if kind is None else {QUEUES.get(kind, "")} - served - {""}
    return UnservedQueues(unserved, served) if unserved else None


def _not_now(store: CompanyStore, customer: Customer) -> str:
    """Why the customer cannot be refreshed, or ""."""
    info = store.customers.info(customer)
    if info.state is CustomerState.ACTIVE:
        return ""
    known = "no password yet" if info.state is CustomerState.NEW else info.reason
    reason = f" ({known})" if known else ""
    return f"The customer {customer.id} cannot be refreshed: {info.state}{reason}."
