"""What happens next with a run and its customer, in a sentence or two."""

from __future__ import annotations

from datetime import UTC, datetime

from meterfarm.records import ChallengeState, CustomerState, RunState, WhoActs
from meterfarm.storage.customers import Customer, CustomerInfo
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import shown


def next_step(store: CompanyStore, run: RunInfo) -> str:
    """Who does what, and when."""
    if run.state is RunState.QUEUED:
        return _of_queued(store, run)
    if run.state is RunState.RUNNING:
        return f"Its worker ({run.worker}) continues it."
    if run.state is RunState.WAITING:
        return _of_waiting(store, run)
    others = [active for active in _active(store, run) if active.id != run.id]
    if others:
        later = others[0]
        when = f" for {shown(later.not_before)}" if later.not_before > datetime.now(UTC) else ""
        return f"Run {later.id} ({later.kind}, {later.why}) is {later.state}{when}."
    customer = _customer(store, run)
    if customer is None or customer.state is CustomerState.REMOVED:
        return "Nothing: the customer was removed."
    return _of_ended(run, customer)


def _of_queued(store: CompanyStore, run: RunInfo) -> str:
    until = store.farm.breakers.open().get(run.utility)
    if until is not None:
        return f"The portal is left alone until {shown(until)}; then a worker takes it."
    if run.not_before > datetime.now(UTC):
        return f"A worker takes it from {shown(run.not_before)} on."
    return "A worker takes it as soon as one is free and no other run uses the login."


def _of_waiting(store: CompanyStore, run: RunInfo) -> str:
    asked = [challenge for challenge in store.challenges.list(only_open=True) if challenge.run_id == run.id]
    if not asked or asked[0].state is not ChallengeState.OPEN:
        return f"Its worker ({run.worker}) continues with the answer."
    return f"The customer answers, until {shown(asked[0].expires_at)}: `answer {asked[0].id}`."


def _of_ended(run: RunInfo, customer: CustomerInfo) -> str:
    if customer.state is CustomerState.MUST_REAUTHENTICATE:
        return (
            f"The customer has to come back ({customer.reason}): "
            f"`customer update {customer.id} --password-stdin`, or `run retry {run.id}`."
        )
    parts = []
    if run.outcome is None:
        parts.append(f"`run retry {run.id}` tries again.")
    elif run.outcome.who_acts is WhoActs.US:
        mended = "the script may need mending" if run.evidence else "see the ledger's gaps"
        parts.append(f"We act: {mended}; `run retry {run.id}` tries again.")
    due = {"bills": customer.bills_due_at, "intervals": customer.intervals_due_at}
    refreshes = [f"{part} {shown(at)}" for part, at in due.items() if at]
    if refreshes:
        parts.append(f"Refreshed when due: {', '.join(refreshes)}.")
    return " ".join(parts) or "Nothing, until somebody asks for it."


def _active(store: CompanyStore, run: RunInfo) -> list[RunInfo]:
    return list(store.runs.list(limit=5, customer_id=run.customer_id, active=True))


def _customer(store: CompanyStore, run: RunInfo) -> CustomerInfo | None:
    found: Customer | None = store.customers.find(str(run.customer_id))
    return store.customers.info(found) if found else None
