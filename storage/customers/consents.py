"""Consents: what a customer allowed, how, until when. Without one nothing is collected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from meterfarm.records import CustomerState, EventKind
from meterfarm.storage.customers import ConsentInfo, Customer, identity
from meterfarm.storage.database import FarmRepository, Repository, now, reading, writing
from meterfarm.storage.runs import events
from meterfarm.storage.tables import ConsentRow, CustomerRow


class Consents(Repository):
    """As ``CompanyStore.consents``."""

    @reading
    def list(self, session: Session, customer: Customer) -> Sequence[ConsentInfo]:
        """The customer's, newest first."""
        query = select(ConsentRow).where(
            ConsentRow.customer_id == customer.id, ConsentRow.company_id == self._company_id
        )
        return [
            ConsentInfo(row.scope, row.method, row.terms_hash, row.granted_at, row.expires_at, row.revoked_at)
            for row in session.exec(query.order_by(col(ConsentRow.id).desc()))
        ]

    @writing
    def give(
        self,
        session: Session,
        customer: Customer,
        method: str,
        *,
        terms_hash: str = "",
        expires_at: datetime | None = None,
    ) -> None:
        """The customer consents from now on, by ``method``; this takes the place of what they allowed before.

        Raises:
            StorageError: the customer was removed.
        """
        row = identity.locked(session, customer)
        identity.end_consent(session, row)
        identity.consent(session, row, method, terms_hash=terms_hash, expires_at=expires_at)


class FarmConsents(FarmRepository):
    """As ``Store.consents``."""

    @writing
    def announce_expiring(self, session: Session, ahead: timedelta) -> int:
        """An event for each consent, once, that expires within ``ahead``; how many."""
        at = now(session)
        query = (
            select(ConsentRow)
            .join(CustomerRow, col(CustomerRow.id) == ConsentRow.customer_id)
            .where(CustomerRow.state != CustomerState.REMOVED.value, col(ConsentRow.revoked_at).is_(None))
            .where(col(ConsentRow.expires_at) > at, col(ConsentRow.expires_at) <= at + ahead)
            .where(col(ConsentRow.announced_at).is_(None))
        )
        rows = session.exec(query).all()
        for row in rows:
            row.announced_at = at
            facts = {"expires_at": events.instant(row.expires_at)} if row.expires_at else {}
            events.publish(session, row.customer_id, EventKind.CONSENT_EXPIRING_SOON, str(row.id), facts)
        return len(rows)
