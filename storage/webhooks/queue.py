"""Deliveries as senders take them: leased, so that what a sender had in hand when it died is taken again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_
from sqlmodel import Session, col, func, select

from meterfarm.storage.database import FarmRepository, now, reading, writing
from meterfarm.storage.runs.events import event_of
from meterfarm.storage.tables import EventRow, WebhookAttemptRow, WebhookDeliveryRow, WebhookEndpointRow
from meterfarm.storage.webhooks import (
    AttemptResult,
    DeliveryState,
    DueDelivery,
    EndpointState,
    SigningSecrets,
    WebhookFigures,
    lines,
)
from meterfarm.storage.webhooks.endpoints import good_now

_PENDING = DeliveryState.PENDING.value


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
        lines.enter_new(session, endpoint)
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
            about = lines.endpoint_of(endpoint)
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
            lines.put_first_in_line(session, endpoint, {row.customer_id})
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
