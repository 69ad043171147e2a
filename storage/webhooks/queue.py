"""Deliveries: events in line for an endpoint, as senders take them, and the secrets that sign them.

There is a line a customer, of which only the first is due; whoever changes a line holds its endpoint's row. A
delivery is leased, so that what a sender had in hand when it died is taken again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import ColumnElement, bindparam, delete, or_, update
from sqlmodel import Session, col, func, select

from meterfarm.records import EventKind
from meterfarm.storage import audit
from meterfarm.storage.database import FarmRepository, insert_absent, now, reading, writing
from meterfarm.storage.runs.events import event_of
from meterfarm.storage.tables import (
    EventRow,
    WebhookAttemptRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
    metadata,
)
from meterfarm.storage.vault import Vault
from meterfarm.storage.webhooks import (
    AttemptResult,
    DeliveryState,
    DueDelivery,
    EndpointState,
    SigningSecrets,
    WebhookEndpoint,
    WebhookFigures,
)

_SECRETS = "signing secrets"
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


class WebhookQueue(FarmRepository):
    """As ``Store.webhooks``: the deliveries of all companies."""

    @reading
    def busy_endpoints(self, session: Session) -> Sequence[int]:
        """The ids of the active endpoints that something is due for."""
        at = now(session)
        is_new = (
            select(EventRow.id)
            .where(EventRow.company_id == WebhookEndpointRow.company_id)
            .where(EventRow.id > WebhookEndpointRow.looked_at)
            .exists()
        )
        is_due = (
            select(WebhookDeliveryRow.id)
            .where(WebhookDeliveryRow.endpoint_id == WebhookEndpointRow.id)
            .where(WebhookDeliveryRow.state == _PENDING, col(WebhookDeliveryRow.next_at) <= at)
            .where(_is_free(at))
            .exists()
        )
        rests = col(WebhookEndpointRow.rests_until)
        query = (
            select(WebhookEndpointRow.id)
            .where(WebhookEndpointRow.state == EndpointState.ACTIVE.value)
            .where(or_(rests.is_(None), rests <= at), or_(is_new, is_due))
            .order_by(col(WebhookEndpointRow.id))
        )
        return session.exec(query).all()

    @writing
    def take(self, session: Session, endpoint_id: int, limit: int, lease: timedelta) -> Sequence[DueDelivery]:
        """Take up to ``limit`` deliveries that are due, the longest due first; each is this sender's for
        ``lease``. At most one of a customer is out at a time. Nothing if another sender is just at it."""
        query = select(WebhookEndpointRow).where(WebhookEndpointRow.id == endpoint_id)
        endpoint = session.exec(query.with_for_update(skip_locked=True)).first()
        at = now(session)
        if endpoint is None or endpoint.state != EndpointState.ACTIVE:
            return []
        if endpoint.rests_until is not None and endpoint.rests_until > at:
            return []
        enter_new(session, endpoint)
        due = (
            select(WebhookDeliveryRow, EventRow)
            .join(EventRow, col(EventRow.id) == WebhookDeliveryRow.event_id)
            .where(WebhookDeliveryRow.endpoint_id == endpoint.id, WebhookDeliveryRow.state == _PENDING)
            .where(col(WebhookDeliveryRow.next_at) <= now(session), _is_free(at))
            .order_by(col(WebhookDeliveryRow.next_at), col(WebhookDeliveryRow.event_id))
            .limit(limit)
        )
        taken = []
        for row, event in session.exec(due).all():
            row.attempts += 1
            row.lease_until = at + lease
            about = endpoint_of(endpoint)
            taken.append(DueDelivery(row.id, about, event_of(event), row.attempts, at - row.since))
        return taken

    @writing
    def secrets(self, session: Session, endpoint_id: int) -> SigningSecrets | None:
        """The signing secrets of an endpoint that are good now, None if it is gone. Opening is recorded.

        Raises:
            StorageError: they do not open.
        """
        query = select(WebhookEndpointRow).where(WebhookEndpointRow.id == endpoint_id)
        row = session.exec(query).first()
        return None if row is None else good_now(session, self._farm.vault, row)

    @writing
    def settle(
        self,
        session: Session,
        due: DueDelivery,
        result: AttemptResult,
        again_in: timedelta | None,
        *,
        rests: timedelta | None = None,
        ends: bool = False,
    ) -> bool:
        """Write down how an attempt went: delivered, again later, or parked without ``again_in``.

        The endpoint is left alone for as long as it ``rests``; ``ends`` stops its deliveries for good. The
        customer's next event becomes due. False, and nothing is written, if the delivery is no longer this
        attempt's.
        """
        query = select(WebhookEndpointRow).where(WebhookEndpointRow.id == due.endpoint.id)
        endpoint = session.exec(query.with_for_update()).first()
        found = select(WebhookDeliveryRow).where(WebhookDeliveryRow.id == due.id)
        row = session.exec(found.with_for_update()).first()
        if endpoint is None or row is None or row.state != _PENDING or row.attempts != due.attempt:
            return False
        at = now(session)
        session.add(
            WebhookAttemptRow(
                delivery_id=row.id,
                number=due.attempt,
                at=at,
                milliseconds=result.milliseconds,
                status=result.status,
                answer=result.answer,
                fault=result.fault,
            )
        )
        row.lease_until = None
        if not result.fault:
            row.state = DeliveryState.DELIVERED.value
        elif again_in is None:
            row.state = DeliveryState.PARKED.value
        else:
            row.next_at = at + again_in
        if row.state != _PENDING:
            row.next_at, row.ended_at = None, at
        _note_fault(session, endpoint, result.fault)
        if rests is not None:
            endpoint.rests_until = at + rests
        if ends:
            endpoint.state, endpoint.since = EndpointState.GONE.value, at
        session.flush()
        if row.state != _PENDING:
            put_first_in_line(session, endpoint, {row.customer_id})
        return True

    @writing
    def give_back(self, session: Session, due: DueDelivery) -> None:
        """The attempt was not made: another is due at once."""
        row = session.get(WebhookDeliveryRow, due.id)
        if row is not None and row.attempts == due.attempt:
            row.attempts -= 1
            row.lease_until = None

    @writing
    def forget(self, session: Session, older_than: timedelta, limit: int = 5_000) -> int:
        """Delete deliveries that ended so long ago, with their attempts; how many."""
        old = (
            select(WebhookDeliveryRow.id)
            .where(WebhookDeliveryRow.state != _PENDING)
            .where(col(WebhookDeliveryRow.ended_at) < now(session) - older_than)
            .limit(limit)
        )
        gone = delete(WebhookDeliveryRow).where(col(WebhookDeliveryRow.id).in_(old))
        return session.connection().execute(gone).rowcount

    @reading
    def figures(self, session: Session) -> WebhookFigures:
        """How the deliveries of the whole farm stand."""
        counted = (
            select(WebhookDeliveryRow.state, func.count())
            .where(WebhookDeliveryRow.state != DeliveryState.DELIVERED.value)
            .group_by(col(WebhookDeliveryRow.state))
        )
        counts = {DeliveryState(state): count for state, count in session.exec(counted)}
        oldest = select(func.min(WebhookDeliveryRow.since)).where(WebhookDeliveryRow.state == _PENDING)
        since = session.exec(oldest).one()
        failing = select(func.count()).where(
            WebhookEndpointRow.fault != "", WebhookEndpointRow.state == EndpointState.ACTIVE.value
        )
        return WebhookFigures(
            {state: counts.get(state, 0) for state in (DeliveryState.PENDING, DeliveryState.PARKED)},
            (now(session) - since).total_seconds() if since else 0.0,
            session.exec(failing.select_from(WebhookEndpointRow)).one(),
        )


def _is_free(at: datetime) -> ColumnElement[bool]:
    lease = col(WebhookDeliveryRow.lease_until)
    return or_(lease.is_(None), lease <= at)


def _note_fault(session: Session, endpoint: WebhookEndpointRow, fault: str) -> None:
    if bool(endpoint.fault) != bool(fault):
        endpoint.since = now(session)
    endpoint.fault = fault


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


def good_now(session: Session, vault: Vault, row: WebhookEndpointRow) -> SigningSecrets:
    """The signing secrets that are good now, newest first; opening them is recorded."""
    at = now(session)
    secrets = opened(session, vault, row)
    return SigningSecrets([SecretStr(secret) for secret, until in secrets if until is None or until > at])


def opened(session: Session, vault: Vault, row: WebhookEndpointRow) -> list[tuple[str, datetime | None]]:
    """All signing secrets, newest first, and until when each is good; opening them is recorded."""
    audit.note(session, "webhook_secret", company_id=row.company_id)
    sealed = vault.unseal(row.key_id, row.wrapped_key, owner(row), _SECRETS, row.ciphertext)
    return [
        (secret, datetime.fromisoformat(until) if until else None) for secret, until in json.loads(sealed)
    ]


def rotate_keys(session: Session, vault: Vault) -> None:
    """Wrap the keys of all signing secrets with the primary master key."""
    query = select(WebhookEndpointRow).where(WebhookEndpointRow.key_id != vault.primary.id)
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, owner(row))


def seal(vault: Vault, row: WebhookEndpointRow, secrets: Sequence[tuple[str, datetime | None]]) -> None:
    """Seal the signing secrets, each with until when it is good, into the row."""
    text = json.dumps([[secret, until and until.isoformat()] for secret, until in secrets])
    row.ciphertext = vault.seal(row.key_id, row.wrapped_key, owner(row), _SECRETS, text.encode())


def owner(row: WebhookEndpointRow) -> str:
    """What the key of its secrets is bound to."""
    return f"webhook endpoint {row.id}"
