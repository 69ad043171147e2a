"""Events in line for an endpoint: one line a customer, of which only the first is due.

Whoever changes a line holds its endpoint's row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, func, select

from meterfarm.records import EventKind
from meterfarm.storage.database import insert_absent, now
from meterfarm.storage.tables import EventRow, WebhookDeliveryRow, WebhookEndpointRow, metadata
from meterfarm.storage.webhooks import DeliveryState, EndpointState, WebhookEndpoint

_PENDING = DeliveryState.PENDING.value
_DELIVERY = metadata.tables["webhook_delivery"]
_BECOMES_DUE = (
    update(_DELIVERY).where(_DELIVERY.c.id == bindparam("this")).values(next_at=bindparam("due_at"))
)
_FOR_NOW = (
    update(_DELIVERY)
    .where(
        _DELIVERY.c.endpoint_id == bindparam("endpoint"),
        _DELIVERY.c.customer_id == bindparam("customer"),
        _DELIVERY.c.state == _PENDING,
        _DELIVERY.c.id != bindparam("first"),
        _DELIVERY.c.next_at.is_not(None),
    )
    .values(next_at=None)
)
MOST_AT_ONCE = 500
"""Events that a transaction enters."""


def enter_new(session: Session, endpoint: WebhookEndpointRow) -> None:
    """Put the company's events that the endpoint has not seen in line, so many at once."""
    query = (
        select(EventRow.id, EventRow.customer_id, EventRow.kind)
        .where(EventRow.company_id == endpoint.company_id, EventRow.id > endpoint.looked_at)
        .order_by(col(EventRow.id))
        .limit(MOST_AT_ONCE)
    )
    events = session.exec(query).all()
    if not events:
        return
    kinds = set(endpoint.kinds.split())
    wanted = [(event, customer) for event, customer, kind in events if kind in kinds]
    _insert(session, endpoint, wanted)
    endpoint.looked_at = events[-1][0]
    session.flush()
    put_first_in_line(session, endpoint, {customer for _, customer in wanted})


def enter_again(session: Session, endpoint: WebhookEndpointRow, event_ids: Collection[int]) -> int:
    """Put these of the company's events in line once more, those too that were delivered; how many."""
    query = select(EventRow.id, EventRow.customer_id).where(
        EventRow.company_id == endpoint.company_id, col(EventRow.id).in_(event_ids)
    )
    events = session.exec(query).all()
    new = set(_insert(session, endpoint, [(event, customer) for event, customer in events]))
    there = [event for event, _ in events if event not in new]
    at = now(session)
    session.execute(
        update(WebhookDeliveryRow)
        .where(col(WebhookDeliveryRow.endpoint_id) == endpoint.id)
        .where(col(WebhookDeliveryRow.event_id).in_(there))
        .values(state=_PENDING, since=at, next_at=None, lease_until=None, ended_at=None)
    )
    put_first_in_line(session, endpoint, {customer for _, customer in events}, at_once=True)
    return len(events)


def put_first_in_line(
    session: Session, endpoint: WebhookEndpointRow, customers: Iterable[int], *, at_once: bool = False
) -> None:
    """Make the first pending delivery of each customer's line due, and no other. One that was due already
    keeps its time unless it is to be ``at_once``."""
    customers = sorted(set(customers))
    query = (
        select(WebhookDeliveryRow.customer_id, func.min(WebhookDeliveryRow.event_id))
        .where(WebhookDeliveryRow.endpoint_id == endpoint.id, WebhookDeliveryRow.state == _PENDING)
        .where(col(WebhookDeliveryRow.customer_id).in_(customers))
        .group_by(col(WebhookDeliveryRow.customer_id))
    )
    firsts = [event for _, event in session.exec(query)]
    at = now(session)
    rows = session.exec(
        select(WebhookDeliveryRow.id, WebhookDeliveryRow.customer_id, WebhookDeliveryRow.next_at)
        .where(WebhookDeliveryRow.endpoint_id == endpoint.id)
        .where(col(WebhookDeliveryRow.event_id).in_(firsts))
    ).all()
    connection = session.connection()
    for first, customer, next_at in rows:
        others = {"endpoint": endpoint.id, "customer": customer, "first": first}
        connection.execute(_FOR_NOW, others)
        if next_at is None or (at_once and next_at > at):
            connection.execute(_BECOMES_DUE, {"this": first, "due_at": at})


def endpoint_of(row: WebhookEndpointRow) -> WebhookEndpoint:
    """The endpoint of a row."""
    return WebhookEndpoint(
        row.id,
        row.company_id,
        row.url,
        tuple(EventKind(kind) for kind in row.kinds.split()),
        row.allows_private,
        EndpointState(row.state),
        row.fault,
        row.since,
        row.created_at,
        row.version,
    )


def _insert(session: Session, endpoint: WebhookEndpointRow, events: Collection[tuple[int, int]]) -> list[int]:
    """Those that are in no line yet, each an event and its customer; the ids of these events."""
    at: datetime = now(session)
    shared = {
        "company_id": endpoint.company_id,
        "endpoint_id": endpoint.id,
        "state": _PENDING,
        "attempts": 0,
        "since": at,
    }
    rows = [shared | {"event_id": event, "customer_id": customer} for event, customer in events]
    return insert_absent(session, WebhookDeliveryRow, rows, "event_id")
