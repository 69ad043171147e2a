"""Which customers are due, and which trust will lapse."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from meterfarm.records import CustomerState, EventKind, Part, RunKind
from meterfarm.storage import events, portals, queue
from meterfarm.storage.database import now
from meterfarm.storage.queue import ACTIVE
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import CustomerRow, PortalSessionRow, RunRow

REFRESH_JITTER = 0.1
_DUE = {Part.BILLS: CustomerRow.bills_due_at, Part.INTERVALS: CustomerRow.intervals_due_at}
AT_ONCE = 1000
"""How many customers a transaction queues."""


def next_time(at: datetime, every: timedelta) -> datetime:
    """When to come again, a little sooner or later, so that customers who began together spread out."""
    return at + every * random.uniform(1 - REFRESH_JITTER, 1 + REFRESH_JITTER)  # noqa: S311 - spreads load, guards nothing


def due_parts(bills: datetime | None, intervals: datetime | None, at: datetime) -> frozenset[Part]:
    """Which parts a run that is queued now refreshes; a part without a due time is none."""
    due = {Part.BILLS: bills, Part.INTERVALS: intervals}
    return frozenset(part for part, when in due.items() if when is not None and when <= at)


def queue_due(session: Session, utility: str, every: Mapping[Part, timedelta], limit: int) -> int:
    """Queue collect runs for customers of the utility with a part in ``every`` that is due; how many.

    Those who have waited longest come first. With these at most ``limit`` of the utility's are queued or
    in progress, one while a portal that was at fault has yet to be tried, and none while it is left alone.
    """
    at = now(session)
    room = portals.room(session, utility, limit, at) - _in_progress(session, utility, at)
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
    return len(queue.enter_all(session, RunKind.COLLECT, wanted, why="refresh"))


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
        select(PortalSessionRow, CustomerRow)
        .join(CustomerRow, col(CustomerRow.id) == PortalSessionRow.customer_id)
        .where(CustomerRow.utility == utility, CustomerRow.state == CustomerState.ACTIVE.value)
        .where(col(PortalSessionRow.trusted_since) < at + ahead - lasts)
        .where(
            col(PortalSessionRow.announced_at).is_(None)
            | (col(PortalSessionRow.announced_at) < col(PortalSessionRow.trusted_since))
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
