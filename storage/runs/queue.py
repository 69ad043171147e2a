"""The queue of runs: a row each, and who is due for a refresh. Redis only notifies workers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, insert
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from meterfarm.records import CustomerState, EventKind, Part, RunKind, RunState
from meterfarm.storage.customers import Customer
from meterfarm.storage.database import insert_absent, now
from meterfarm.storage.runs import ACTIVE, AT_ONCE, circuit_breaker, events, next_time
from meterfarm.storage.tables import CustomerRow, RunRow, SavedSessionRow, metadata
from meterfarm.storage.tables.base import UtcDateTime

_ADD_STEP = insert(metadata.tables["run_step"])


def enter(
    session: Session,
    customer: Customer,
    kind: RunKind,
    *,
    why: str,
    parts: Collection[Part] = tuple(Part),
    not_before: datetime | None = None,
) -> int:
    """Queue a run; returns its id, or that of the customer's run of this kind which has not ended yet."""
    inserted = enter_all(session, kind, [(customer, parts)], why=why, not_before=not_before)
    if inserted:
        return inserted[0]
    query = select(RunRow.id).where(
        RunRow.customer_id == customer.id, RunRow.kind == kind.value, col(RunRow.state).in_(ACTIVE)
    )
    return session.exec(query).one()


def enter_all(
    session: Session,
    kind: RunKind,
    wanted: Sequence[tuple[Customer, Collection[Part]]],
    *,
    why: str,
    not_before: datetime | None = None,
) -> list[int]:
    """Queue a run for each customer who has none of this kind that has not ended; the ids of the new runs."""
    at = now(session)
    rows = [_row(customer, kind, parts, why, not_before or at, at) for customer, parts in wanted]
    inserted: list[int] = sorted(insert_absent(session, RunRow, rows, "id"))
    if inserted:
        lines = [{"run_id": run_id, "at": at, "step": "queued", "detail": why} for run_id in inserted]
        session.connection().execute(_ADD_STEP, lines)
    return inserted


def _row(
    customer: Customer, kind: RunKind, parts: Collection[Part], why: str, not_before: datetime, at: datetime
) -> dict[str, Any]:
    return {
        "company_id": customer.company_id,
        "customer_id": customer.id,
        "login_id": customer.login_id,
        "kind": kind.value,
        "state": RunState.QUEUED.value,
        "parts": " ".join(part.value for part in Part if part in parts),
        "why": why,
        "attempt": 1,
        "fence": 0,
        "worker": "",
        "not_before": not_before,
        "cancelled": False,
        "asked": False,
        "outcome": "",
        "message": "",
        "session": "",
        "pages": 0,
        "evidence": "",
        "seconds": {},
        "requested_at": at,
    }


def add_step(session: Session, run_id: int, step: str, detail: str = "") -> None:
    """Add a line to the run's story."""
    line = {"run_id": run_id, "at": now(session), "step": step, "detail": detail}
    session.connection().execute(_ADD_STEP, line)


_DUE = {Part.BILLS: CustomerRow.bills_due_at, Part.INTERVALS: CustomerRow.intervals_due_at}
_ANY_DUE = {
    part: columns(col(CustomerRow.id))
    .where(col(CustomerRow.utility) == bindparam("utility"), col(when) <= bindparam("at", type_=UtcDateTime))
    .where(col(CustomerRow.state) == CustomerState.ACTIVE.value)
    .limit(1)
    for part, when in _DUE.items()
}


def due_parts(bills: datetime | None, intervals: datetime | None, at: datetime) -> frozenset[Part]:
    """Which parts a run that is queued now refreshes; a part without a due time is none."""
    due = {Part.BILLS: bills, Part.INTERVALS: intervals}
    return frozenset(part for part, when in due.items() if when is not None and when <= at)


def is_anybody_due(session: Session, utility: str, parts: Collection[Part]) -> bool:
    """Whether a customer of the utility is due for one of the parts; they may be queued already."""
    asked = {"utility": utility, "at": now(session)}
    return any(session.connection().scalar(_ANY_DUE[part], asked) is not None for part in parts)


def queue_due(session: Session, utility: str, every: Mapping[Part, timedelta], limit: int) -> int:
    """Queue collect runs for customers of the utility with a part in ``every`` that is due; how many.

    Those who have waited longest come first. With these at most ``limit`` of the utility's are queued or
    in progress, one while a portal that was at fault has yet to be tried, and none while it is left alone.
    """
    at = now(session)
    room = circuit_breaker.room(session, utility, limit, at) - _in_progress(session, utility, at)
    if room <= 0:
        return 0
    found: dict[int, CustomerRow] = {}
    for part in (Part.INTERVALS, Part.BILLS):
        if part not in every:
            continue
        when = col(_DUE[part])
        query = (
            select(CustomerRow)
            .where(CustomerRow.utility == utility, when <= at)
            .where(CustomerRow.state == CustomerState.ACTIVE.value, ~_is_queued())
            .order_by(when)
            .limit(min(room, AT_ONCE) - len(found))
            .with_for_update(skip_locked=True)
        )
        found |= {customer.id: customer for customer in session.exec(query)}
    wanted: list[tuple[Customer, Collection[Part]]] = []
    for customer in found.values():
        due = due_parts(customer.bills_due_at, customer.intervals_due_at, at) & every.keys()
        if Part.BILLS in due:
            customer.bills_due_at = next_time(at, every[Part.BILLS])
        if Part.INTERVALS in due:
            customer.intervals_due_at = next_time(at, every[Part.INTERVALS])
        wanted.append((Customer.of(customer), due))
    return len(enter_all(session, RunKind.COLLECT, wanted, why="refresh"))


def _in_progress(session: Session, utility: str, at: datetime) -> int:
    """How many collect runs of the utility's customers are at work, or wait for nothing but a worker."""
    query = (
        select(func.count())
        .select_from(RunRow)
        .join(CustomerRow, col(CustomerRow.id) == RunRow.customer_id)
        .where(col(RunRow.state).in_(ACTIVE), col(RunRow.not_before) <= at)
        .where(RunRow.kind == RunKind.COLLECT.value, CustomerRow.utility == utility)
    )
    return session.exec(query).one()


def _is_queued() -> ColumnElement[bool]:
    """Whether the customer has a collect run that has not ended."""
    return (
        select(RunRow.id)
        .where(RunRow.customer_id == CustomerRow.id, RunRow.kind == RunKind.COLLECT.value)
        .where(col(RunRow.state).in_(ACTIVE))
        .exists()
    )


def refreshed_parts(customer: CustomerRow) -> frozenset[Part]:
    """The parts that are refreshed of the customer; all, while that is not known."""
    due = {Part.BILLS: customer.bills_due_at, Part.INTERVALS: customer.intervals_due_at}
    return frozenset(part for part, when in due.items() if when is not None) or frozenset(Part)


def publish_expiring(session: Session, utility: str, lasts: timedelta, ahead: timedelta) -> int:
    """An event for each sign-in, once, of which the trust lapses within ``ahead``; how many."""
    at = now(session)
    query = (
        select(SavedSessionRow, CustomerRow)
        .join(CustomerRow, col(CustomerRow.id) == SavedSessionRow.customer_id)
        .where(CustomerRow.utility == utility, CustomerRow.state == CustomerState.ACTIVE.value)
        .where(col(SavedSessionRow.trusted_since) < at + ahead - lasts)
        .where(
            col(SavedSessionRow.announced_at).is_(None)
            | (col(SavedSessionRow.announced_at) < col(SavedSessionRow.trusted_since))
        )
    )
    found = session.exec(query).all()
    for kept, customer in found:
        kept.announced_at = at
        if kept.trusted_since is None:
            continue
        payload = {
            "trusted_since": events.instant(kept.trusted_since),
            "expires_at": events.instant(kept.trusted_since + lasts),
        }
        key = kept.trusted_since.isoformat()
        events.publish(session, customer.id, EventKind.TRUST_EXPIRING, key, payload)
    return len(found)
