"""How a run ends, and what follows from its end in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from meterfarm.records import (
    CustomerState,
    EventKind,
    LedgerItem,
    Outcome,
    Part,
    RunKind,
    RunState,
    WhoActs,
)
from meterfarm.storage.customers import Customer, registration
from meterfarm.storage.database import now
from meterfarm.storage.runs import (
    NEW_CREDENTIALS,
    FollowUp,
    Lease,
    PortalHealth,
    events,
    leases,
    queue,
)
from meterfarm.storage.runs.leases import Columns
from meterfarm.storage.tables import metadata
from meterfarm.storage.vault import Vault
from meterfarm.support.foreign_text import one_line

_LEDGER, _RUN, _CUSTOMER, _LOGIN, _EVENT = (
    metadata.tables[name] for name in ("ledger_item", "run", "customer", "login", "event")
)
_ITEM = [each.name for each in fields(LedgerItem)]
_ENTER_LEDGER = insert(_LEDGER)
_END = (
    update(_RUN)
    .where(_RUN.c.id == bindparam("this_run"))
    .values(
        state=RunState.ENDED.value,
        worker="",
        lease_until=None,
        **{name: bindparam(f"new_{name}") for name in ("outcome", "message", "session", "pages", "evidence")},
        seconds=bindparam("new_seconds", type_=_RUN.c.seconds.type),
        ended_at=bindparam("at", type_=_RUN.c.ended_at.type),
    )
)
_CUSTOMER_OF = (
    select(_CUSTOMER, _LOGIN.c.utility)
    .join(_LOGIN, _LOGIN.c.id == _CUSTOMER.c.login_id)
    .where(_CUSTOMER.c.id == bindparam("customer"))
    .with_for_update(of=_CUSTOMER)
)
_FAILED = frozenset({WhoActs.PORTAL, WhoActs.US})


@dataclass(frozen=True, slots=True)
class Ending:
    """What is kept of how a run went. ``use`` of the session is new, reused or challenged_again."""

    outcome: Outcome
    message: str
    use: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    pages: int = 0
    evidence: str = ""
    ledger: Sequence[LedgerItem] = ()


def finish(
    session: Session, vault: Vault, lease: Lease, company_id: int, ending: Ending, follow: FollowUp
) -> Customer | None:
    """End a run that is held, and all that follows from its end with it; its customer, unless removed.

    Of a customer who was removed nothing follows, and one who gave new credentials meanwhile need not come
    back before these were tried.
    """
    run = leases.check(session, lease, company_id)
    at = now(session)
    _close(session, run, ending, at)
    row = session.connection().execute(_CUSTOMER_OF, {"customer": run.customer_id}).one()
    queue.note_health(session, row.utility, row.login_id, run.id, follow.portal, at, follow.portal_rests)
    if row.state == CustomerState.REMOVED:
        return None
    untried = leases.untried(session, run)
    if untried is not None:
        follow = replace(follow, must_reauthenticate="")
    _publish(session, run.id, row, ending, follow, at)
    changes = _changes(row, follow, at)
    if changes:
        session.connection().execute(update(_CUSTOMER).where(_CUSTOMER.c.id == row.id).values(changes))
    customer = Customer.of(row)
    holder = registration.share(session, vault, customer) if follow.is_back else None
    if holder is not None:
        _announce(session, customer.id, holder.id)
    is_active = changes.get("state", row.state) == CustomerState.ACTIVE
    comes_back = follow.next_kind is RunKind.CONNECT
    if holder is None and follow.next_kind is not None and (is_active or comes_back):
        queue.enter(
            session,
            customer,
            follow.next_kind,
            why=follow.next_why,
            parts=follow.next_parts,
            not_before=follow.next_at,
        )
    if untried is not None:
        queue.enter(session, untried, RunKind.CONNECT, why=NEW_CREDENTIALS)
    return customer


def _close(session: Session, run: Columns, ending: Ending, at: datetime) -> None:
    connection = session.connection()
    if ending.ledger:
        shared = {"company_id": run.company_id, "run_id": run.id}
        items = [shared | {name: getattr(item, name) for name in _ITEM} for item in ending.ledger]
        connection.execute(_ENTER_LEDGER, items)
    leases.lose_challenges(session, run)
    values = {
        "this_run": run.id,
        "new_outcome": ending.outcome.value,
        "new_message": ending.message,
        "new_session": ending.use,
        "new_pages": ending.pages,
        "new_evidence": ending.evidence,
        "new_seconds": dict(ending.seconds),
        "at": at,
    }
    connection.execute(_END, values)
    queue.add_step(session, run.id, RunState.ENDED.value, ending.outcome.value)


def _publish(
    session: Session, run_id: int, row: Columns, ending: Ending, follow: FollowUp, at: datetime
) -> None:
    """Who was never let in yet need not come back: they are still trying."""
    end = {"run_id": run_id, "outcome": ending.outcome.value, "message": one_line(ending.message)}

    def publish(kind: EventKind, key: str, about: Mapping[str, object]) -> None:
        events.publish(session, row.id, kind, key, about, run_id=run_id)

    if follow.is_back:
        filled = {"has_filled_credentials": True, "has_filled_credentials_on": events.instant(at)}
        publish(EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS, str(run_id), filled)
    if Part.BILLS in follow.ready and not events.exists(session, row.id, EventKind.BILLS_READY):
        publish(EventKind.BILLS_READY, "first", events.bill_facts(session, row.id))
    if Part.INTERVALS in follow.ready and not events.exists(session, row.id, EventKind.INTERVALS_READY):
        publish(EventKind.INTERVALS_READY, "first", events.interval_facts(session, row.id))
    was_let_in = row.authenticated_at is not None and row.state != CustomerState.MUST_REAUTHENTICATE
    if follow.must_reauthenticate and was_let_in:
        about = {**end, "reason": one_line(follow.must_reauthenticate)}
        publish(EventKind.CUSTOMER_MUST_REAUTHENTICATE, str(run_id), about)
    if ending.outcome.who_acts in _FAILED and ending.outcome is not Outcome.PARTIAL:
        publish(EventKind.RUN_FAILED, str(run_id), end)


def _announce(session: Session, customer_id: int, holder_id: int) -> None:
    """Announce what a connection has brought so far to a customer who shares it from now on."""
    query = (
        select(_EVENT.c.kind, _EVENT.c.key, _EVENT.c.facts)
        .where(_EVENT.c.customer_id == holder_id)
        .where(_EVENT.c.kind.in_([kind.value for kind in events.ABOUT_A_BILL]))
        .where(~_EVENT.c.key.startswith(events.FIRED))
        .order_by(_EVENT.c.id)
    )
    announced = [
        (EventKind(kind), key, {name: value for name, value in facts.items() if name not in events.ADDED})
        for kind, key, facts in session.execute(query)
    ]
    if events.exists(session, holder_id, EventKind.BILLS_READY):
        announced.append((EventKind.BILLS_READY, "first", events.bill_facts(session, holder_id)))
    if events.exists(session, holder_id, EventKind.INTERVALS_READY):
        announced.append((EventKind.INTERVALS_READY, "first", events.interval_facts(session, holder_id)))
    events.publish_all(session, customer_id, announced)


def _changes(row: Columns, follow: FollowUp, at: datetime) -> dict[str, Any]:
    """Of the customer's row."""
    after: dict[str, Any] = {"faults": row.faults + 1 if follow.portal is PortalHealth.AT_FAULT else 0}
    if follow.must_reauthenticate:
        after |= {"state": CustomerState.MUST_REAUTHENTICATE.value, "reason": follow.must_reauthenticate}
        after |= {"bills_due_at": None, "intervals_due_at": None}
        if row.state != CustomerState.MUST_REAUTHENTICATE:
            after["since"] = at
    elif follow.is_back and row.state != CustomerState.ACTIVE:
        after |= {"state": CustomerState.ACTIVE.value, "reason": "", "since": at}
    if follow.is_back and row.authenticated_at is None:
        after["authenticated_at"] = at
    if follow.ready:
        after["revision"] = row.revision + 1
    if after.get("state", row.state) == CustomerState.ACTIVE:
        after["bills_due_at"] = follow.due.get(Part.BILLS, row.bills_due_at)
        after["intervals_due_at"] = follow.due.get(Part.INTERVALS, row.intervals_due_at)
    return {name: value for name, value in after.items() if value != getattr(row, name)}
