"""Portal sessions, sealed with the customer's data key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, update
from sqlmodel import Session, col, select

from meterfarm.storage import customers
from meterfarm.storage.results import Customer, SavedSession
from meterfarm.storage.tables import PortalSessionRow, UtcDateTime, metadata
from meterfarm.storage.vault import Vault

_SESSION = "session"
_PORTAL_SESSION = metadata.tables["portal_session"]
_AGAIN = (
    update(_PORTAL_SESSION)
    .where(_PORTAL_SESSION.c.customer_id == bindparam("customer"))
    .values(
        version=_PORTAL_SESSION.c.version + 1,
        ciphertext=bindparam("sealed"),
        saved_at=bindparam("now"),
        trusted_since=func.coalesce(bindparam("since", type_=UtcDateTime()), _PORTAL_SESSION.c.trusted_since),
    )
)


def save(
    session: Session, vault: Vault, customer: Customer, state: bytes, trusted_since: datetime | None
) -> None:
    """``trusted_since`` None leaves it as it was."""
    its: dict[str, Any] = {
        "customer": customer.id,
        "sealed": customers.seal(session, vault, customer, _SESSION, state),
        "now": datetime.now(UTC),
        "since": trusted_since,
    }
    if not session.connection().execute(_AGAIN, its).rowcount:
        first = PortalSessionRow(
            company_id=customer.company_id,
            customer_id=customer.id,
            version=1,
            ciphertext=its["sealed"],
            saved_at=its["now"],
            trusted_since=trusted_since,
        )
        session.add(first)
        session.flush()


def end_trust(session: Session, customer: Customer) -> None:
    """The portal asked for MFA, whatever it promised."""
    its = col(PortalSessionRow.customer_id) == customer.id
    session.execute(update(PortalSessionRow).where(its).values(trusted_since=None))


def load(session: Session, vault: Vault, customer: Customer) -> SavedSession | None:
    query = select(PortalSessionRow).where(PortalSessionRow.customer_id == customer.id)
    row = session.exec(query).first()
    return opened(session, vault, customer, row) if row else None


def opened(session: Session, vault: Vault, customer: Customer, row: PortalSessionRow) -> SavedSession:
    state = customers.unseal(session, vault, customer, _SESSION, row.ciphertext)
    return SavedSession(state, row.version, row.saved_at, row.trusted_since)


def drop(session: Session, customer: Customer) -> None:
    session.execute(delete(PortalSessionRow).where(col(PortalSessionRow.customer_id) == customer.id))
