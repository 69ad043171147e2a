"""A company's endpoints, and what became of the deliveries of its events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr
from sqlmodel import Session, col, func, select

from meterfarm.records import EventKind
from meterfarm.storage import StorageError
from meterfarm.storage.database import Repository, now, reading, writing
from meterfarm.storage.runs.events import event_of
from meterfarm.storage.tables import EventRow, WebhookAttemptRow, WebhookDeliveryRow, WebhookEndpointRow
from meterfarm.storage.webhooks import (
    AttemptResult,
    DeliveryState,
    EndpointState,
    SigningSecrets,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    new_secret,
)
from meterfarm.storage.webhooks.queue import (
    MOST_AT_ONCE,
    endpoint_of,
    enter_again,
    good_now,
    opened,
    owner,
    seal,
)


class Webhooks(Repository):
    """As ``CompanyStore.webhooks``."""

    @writing
    def add(
        self, session: Session, url: str, kinds: Sequence[EventKind], *, allows_private: bool
    ) -> tuple[WebhookEndpoint, SecretStr]:
        """Enter an endpoint for the events from now on; the secret that its deliveries are signed with."""
        at = now(session)
        newest = select(func.max(EventRow.id)).where(EventRow.company_id == self._company_id)
        row = WebhookEndpointRow(
            company_id=self._company_id,
            url=url,
            kinds=_joined(kinds),
            allows_private=allows_private,
            state=EndpointState.ACTIVE.value,
            looked_at=session.exec(newest).one() or 0,
            since=at,
            key_id="",
            wrapped_key=b"",
            ciphertext=b"",
            created_at=at,
        )
        session.add(row)
        session.flush()
        secret = new_secret()
        row.key_id, row.wrapped_key = self._vault.new_data_key(owner(row))
        seal(self._vault, row, [(secret, None)])
        return endpoint_of(row), SecretStr(secret)

    @reading
    def list(self, session: Session) -> Sequence[WebhookEndpoint]:
        """By id, with how many deliveries are pending and parked."""
        query = select(WebhookEndpointRow).where(WebhookEndpointRow.company_id == self._company_id)
        counted = (
            select(WebhookDeliveryRow.endpoint_id, WebhookDeliveryRow.state, func.count())
            .where(WebhookDeliveryRow.company_id == self._company_id)
            .where(WebhookDeliveryRow.state != DeliveryState.DELIVERED.value)
            .group_by(col(WebhookDeliveryRow.endpoint_id), col(WebhookDeliveryRow.state))
        )
        counts = {(endpoint, state): count for endpoint, state, count in session.exec(counted)}
        return [
            replace(
                endpoint_of(row),
                pending=counts.get((row.id, DeliveryState.PENDING.value), 0),
                parked=counts.get((row.id, DeliveryState.PARKED.value), 0),
            )
            for row in session.exec(query.order_by(col(WebhookEndpointRow.id)))
        ]

    @writing
    def change(
        self,
        session: Session,
        endpoint_id: int,
        *,
        url: str | None = None,
        kinds: Sequence[EventKind] | None = None,
        allows_private: bool | None = None,
        state: EndpointState | None = None,
    ) -> WebhookEndpoint:
        """Change what is given. An endpoint that is active again gets what waits for it.

        Raises:
            StorageError: there is no such endpoint.
        """
        row = self._locked(session, endpoint_id)
        if url is not None:
            row.url = url
        if kinds is not None:
            row.kinds = _joined(kinds)
        if allows_private is not None:
            row.allows_private = allows_private
        if state is not None and state != row.state:
            row.state, row.fault, row.since = state.value, "", now(session)
        row.rests_until = None
        return endpoint_of(row)

    def remove(self, endpoint_id: int) -> None:
        """Forget the endpoint, its secrets and its deliveries.

        Raises:
            StorageError: there is no such endpoint.
        """
        self._remove(endpoint_id)
        self._database.forget_deleted()

    @writing
    def _remove(self, session: Session, endpoint_id: int) -> None:
        session.delete(self._locked(session, endpoint_id))

    @writing
    def rotate(self, session: Session, endpoint_id: int, both_for: timedelta) -> SecretStr:
        """A new signing secret; the present ones stay good for so long beside it.

        Raises:
            StorageError: there is no such endpoint, or its secrets do not open.
        """
        row = self._locked(session, endpoint_id)
        at, secret = now(session), new_secret()
        kept = [
            (old, min(until or at + both_for, at + both_for))
            for old, until in opened(session, self._vault, row)
            if until is None or until > at
        ]
        seal(self._vault, row, [(secret, None), *kept])
        row.version += 1
        return SecretStr(secret)

    @writing
    def secrets(self, session: Session, endpoint_id: int) -> SigningSecrets:
        """The signing secrets that are good now; opening them is recorded.

        Raises:
            StorageError: there is no such endpoint, or its secrets do not open.
        """
        return good_now(session, self._vault, self._locked(session, endpoint_id))

    @reading
    def deliveries(
        self,
        session: Session,
        *,
        states: Collection[DeliveryState] = (),
        failed: bool = False,
        endpoint_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[WebhookDelivery]:
        """Newest events first. ``failed``: parked, or pending after an attempt that failed."""
        query = (
            select(WebhookDeliveryRow, WebhookEndpointRow, EventRow)
            .join(WebhookEndpointRow, col(WebhookEndpointRow.id) == WebhookDeliveryRow.endpoint_id)
            .join(EventRow, col(EventRow.id) == WebhookDeliveryRow.event_id)
            .where(WebhookDeliveryRow.company_id == self._company_id)
            .order_by(col(WebhookDeliveryRow.event_id).desc(), col(WebhookDeliveryRow.endpoint_id))
            .limit(limit)
        )
        if states:
            query = query.where(col(WebhookDeliveryRow.state).in_([state.value for state in states]))
        if failed:
            query = query.where(WebhookDeliveryRow.state != DeliveryState.DELIVERED.value)
            made = select(WebhookAttemptRow.id).where(WebhookAttemptRow.delivery_id == WebhookDeliveryRow.id)
            query = query.where(made.exists())
        if endpoint_id is not None:
            query = query.where(WebhookDeliveryRow.endpoint_id == endpoint_id)
        return _with_attempts(session, session.exec(query).all())

    @reading
    def of_events(
        self, session: Session, event_ids: Collection[int]
    ) -> Mapping[int, Sequence[WebhookDelivery]]:
        """The deliveries of the events that have any, with their attempts, by event."""
        query = (
            select(WebhookDeliveryRow, WebhookEndpointRow, EventRow)
            .join(WebhookEndpointRow, col(WebhookEndpointRow.id) == WebhookDeliveryRow.endpoint_id)
            .join(EventRow, col(EventRow.id) == WebhookDeliveryRow.event_id)
            .where(WebhookDeliveryRow.company_id == self._company_id)
            .where(col(WebhookDeliveryRow.event_id).in_(event_ids))
            .order_by(col(WebhookDeliveryRow.id))
        )
        found: dict[int, list[WebhookDelivery]] = {}
        for delivery in _with_attempts(session, session.exec(query).all()):
            found.setdefault(delivery.event.id, []).append(delivery)
        return found

    @reading
    def undelivered(self, session: Session, after: int, limit: int) -> Sequence[int]:
        """The ids of events after one that some endpoint has not got, by id."""
        query = (
            select(WebhookDeliveryRow.event_id)
            .where(WebhookDeliveryRow.company_id == self._company_id, WebhookDeliveryRow.event_id > after)
            .where(WebhookDeliveryRow.state != DeliveryState.DELIVERED.value)
            .group_by(col(WebhookDeliveryRow.event_id))
            .order_by(col(WebhookDeliveryRow.event_id))
            .limit(limit)
        )
        return session.exec(query).all()

    @writing
    def resend(self, session: Session, event_ids: Collection[int], endpoint_id: int) -> int:
        """Deliver these events of the company to the endpoint once more, before later ones; how many.

        Raises:
            StorageError: there is no such endpoint.
        """
        row = self._locked(session, endpoint_id)
        return enter_again(session, row, event_ids)

    def resend_after(self, endpoint_id: int, after: int) -> int:
        """Deliver the events after one to the endpoint once more, of the kinds that it gets; how many.

        Raises:
            StorageError: there is no such endpoint.
        """
        count, left = 0, True
        while left:
            done, after, left = self._resend_some(endpoint_id, after)
            count += done
        return count

    @writing
    def _resend_some(self, session: Session, endpoint_id: int, after: int) -> tuple[int, int, bool]:
        row = self._locked(session, endpoint_id)
        query = (
            select(EventRow.id)
            .where(EventRow.company_id == self._company_id, EventRow.id > after)
            .where(col(EventRow.kind).in_(row.kinds.split()))
            .order_by(col(EventRow.id))
            .limit(MOST_AT_ONCE)
        )
        ids = session.exec(query).all()
        done = enter_again(session, row, ids)
        return done, ids[-1] if ids else after, len(ids) == MOST_AT_ONCE

    @writing
    def resend_parked(self, session: Session, endpoint_id: int) -> int:
        """Deliver what is parked at the endpoint; how many.

        Raises:
            StorageError: there is no such endpoint.
        """
        row = self._locked(session, endpoint_id)
        query = select(WebhookDeliveryRow.event_id).where(
            WebhookDeliveryRow.endpoint_id == row.id, WebhookDeliveryRow.state == DeliveryState.PARKED.value
        )
        return enter_again(session, row, session.exec(query).all())

    def _locked(self, session: Session, endpoint_id: int) -> WebhookEndpointRow:
        query = select(WebhookEndpointRow).where(
            WebhookEndpointRow.id == endpoint_id, WebhookEndpointRow.company_id == self._company_id
        )
        row = session.exec(query.with_for_update()).first()
        if row is None:
            raise StorageError(f"There is no webhook endpoint {endpoint_id}; list those that are there.")
        return row


def _with_attempts(
    session: Session, found: Sequence[tuple[WebhookDeliveryRow, WebhookEndpointRow, EventRow]]
) -> Sequence[WebhookDelivery]:
    ids = [delivery.id for delivery, _, _ in found]
    query = select(WebhookAttemptRow).where(col(WebhookAttemptRow.delivery_id).in_(ids))
    attempts: dict[int, list[WebhookAttempt]] = {}
    for row in session.exec(query.order_by(col(WebhookAttemptRow.id))):
        result = AttemptResult(row.status, row.answer, row.fault, row.milliseconds)
        attempts.setdefault(row.delivery_id, []).append(WebhookAttempt(row.number, row.at, result))
    return [
        WebhookDelivery(
            delivery.id,
            endpoint.id,
            endpoint.url,
            event_of(event),
            DeliveryState(delivery.state),
            delivery.attempts,
            delivery.since,
            delivery.next_at,
            delivery.ended_at,
            attempts.get(delivery.id, ()),
        )
        for delivery, endpoint, event in found
    ]


def _joined(kinds: Sequence[EventKind]) -> str:
    return " ".join(dict.fromkeys(kind.value for kind in kinds))
