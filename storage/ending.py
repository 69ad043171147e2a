"""How a run ends, and what follows from its end in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlmodel import Session

from meterfarm.records import CustomerState, EventKind, LedgerItem, Outcome, Part, RunKind, RunState, WhoActs
from meterfarm.storage import events, leases, portals, queue, readiness
from meterfarm.storage.database import now
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import metadata
from meterfarm.storage.work import FollowUp, Lease, PortalWas
from meterfarm.support.foreign_text import one_line

_LEDGER, _RUN, _CUSTOMER, _LOGIN = (
    metadata.tables[name] for name in ("ledger_item", "run", "customer", "login")
)
_ITEM = [each.name for each in fields(LedgerItem)]
_ENTER_LEDGER = insert(_LEDGER)
_END = (
    update(_RUN)
    .where(_RUN.c.id == bindparam("its_run"))
    .values(
        state=RunState.ENDED.value,
        worker="",
        lease_until=None,
        **{name: bindparam(f"its_{name}") for name in ("outcome", "message", "session", "pages", "evidence")},
        seconds=bindparam("its_seconds", type_=_RUN.c.seconds.type),
        ended_at=bindparam("at", type_=_RUN.c.ended_at.type),
    )
)
_WHOSE = (
    select(_CUSTOMER, _LOGIN.c.utility)
    .join(_LOGIN, _LOGIN.c.id == _CUSTOMER.c.login_id)
    .where(_CUSTOMER.c.id == bindparam("customer"))
    .with_for_update(of=_CUSTOMER)
)
_TOLD_AS_FAILED = frozenset({WhoActs.PORTAL, WhoActs.US})
Columns = Row[*tuple[Any, ...]]


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


def finish(session: Session, lease: Lease, ending: Ending, follow: FollowUp) -> Customer | None:
    """End a run that is held, and all that follows from its end with it; whose it was, unless removed.

    Of a customer who was removed nothing follows, and one who gave new credentials meanwhile need not come
    back before these were tried.
    """
    run = leases.check(session, lease)
    at = now(session)
    _close(session, run, ending, at)
    whose = session.connection().execute(_WHOSE, {"customer": run.customer_id}).one()
    portals.note(session, whose.utility, whose.login_id, run.id, follow.portal, at, follow.portal_rests)
    if whose.state == CustomerState.REMOVED:
        return None
    untried = leases.untried(session, run)
    if untried is not None:
        follow = replace(follow, must_reauthenticate="")
    _tell_events(session, run.id, whose, ending, follow)
    changes = _changes(whose, follow, at)
    if changes:
        session.connection().execute(update(_CUSTOMER).where(_CUSTOMER.c.id == whose.id).values(changes))
    customer = Customer(whose.id, whose.company_id, whose.login_id, whose.utility, whose.username)
    if follow.next_kind is not None and changes.get("state", whose.state) == CustomerState.ACTIVE:
        queue.enter(
            session,
            customer,
            follow.next_kind,
            why=follow.next_why,
            parts=follow.next_parts,
            not_before=follow.next_at,
        )
    if untried is not None:
        queue.enter(session, untried, RunKind.CONNECT, why=queue.NEW_CREDENTIALS)
    return customer


def _close(session: Session, run: Columns, ending: Ending, at: datetime) -> None:
    connection = session.connection()
    if ending.ledger:
        whose = {"company_id": run.company_id, "run_id": run.id}
        items = [whose | {name: getattr(item, name) for name in _ITEM} for item in ending.ledger]
        connection.execute(_ENTER_LEDGER, items)
    leases.lose_challenges(session, run)
    its = {
        "its_run": run.id,
        "its_outcome": ending.outcome.value,
        "its_message": ending.message,
        "its_session": ending.use,
        "its_pages": ending.pages,
        "its_evidence": ending.evidence,
        "its_seconds": dict(ending.seconds),
        "at": at,
    }
    connection.execute(_END, its)
    queue.tell(session, run.id, RunState.ENDED.value, ending.outcome.value)


def _tell_events(session: Session, run_id: int, whose: Columns, ending: Ending, follow: FollowUp) -> None:
    end = {"run_id": run_id, "outcome": ending.outcome.value, "message": one_line(ending.message)}

    def say(kind: EventKind, key: str, about: Mapping[str, object]) -> None:
        events.tell(session, whose.id, kind, key, about, run_id=run_id)

    if Part.BILLS in follow.ready and not events.told(session, whose.id, EventKind.BILLS_READY):
        say(EventKind.BILLS_READY, "first", readiness.bills(session, whose.id))
    if Part.INTERVALS in follow.ready and not events.told(session, whose.id, EventKind.INTERVALS_READY):
        say(EventKind.INTERVALS_READY, "first", readiness.intervals(session, whose.id))
    if follow.must_reauthenticate and whose.state != CustomerState.MUST_REAUTHENTICATE:
        about = {**end, "reason": one_line(follow.must_reauthenticate)}
        say(EventKind.CUSTOMER_MUST_REAUTHENTICATE, str(run_id), about)
    if ending.outcome.who_acts in _TOLD_AS_FAILED and ending.outcome is not Outcome.PARTIAL:
        say(EventKind.RUN_FAILED, str(run_id), end)


def _changes(whose: Columns, follow: FollowUp, at: datetime) -> dict[str, Any]:
    """Of the customer's row."""
    after: dict[str, Any] = {"faults": whose.faults + 1 if follow.portal is PortalWas.AT_FAULT else 0}
    if follow.must_reauthenticate:
        after |= {"state": CustomerState.MUST_REAUTHENTICATE.value, "reason": follow.must_reauthenticate}
        after |= {"bills_due_at": None, "intervals_due_at": None}
        if whose.state != CustomerState.MUST_REAUTHENTICATE:
            after["since"] = at
    elif follow.is_back and whose.state != CustomerState.ACTIVE:
        after |= {"state": CustomerState.ACTIVE.value, "reason": "", "since": at}
    if after.get("state", whose.state) == CustomerState.ACTIVE:
        after["bills_due_at"] = follow.due.get(Part.BILLS, whose.bills_due_at)
        after["intervals_due_at"] = follow.due.get(Part.INTERVALS, whose.intervals_due_at)
    return {name: value for name, value in after.items() if value != getattr(whose, name)}
