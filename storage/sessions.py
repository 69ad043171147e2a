"""Portal sessions, sealed with the customer's data key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from storage import customers
from storage.database import put
from storage.results import Customer, SavedSession
from storage.tables import PortalSessionRow
from storage.vault import Vault

_SESSION = "session"


def save(
    session: Session, vault: Vault, customer: Customer, state: bytes, trusted_since: datetime | None
) -> None:
    """``trusted_since`` None leaves it as it was."""
    ciphertext = customers.seal(session, vault, customer, _SESSION, state)
    query = select(PortalSessionRow.version).where(PortalSessionRow.customer_id == customer.id)
    values: dict[str, Any] = {
        "company_id": customer.company_id,
        "version": (session.exec(query).first() or 0) + 1,
        "ciphertext": ciphertext,
        "saved_at": datetime.now(UTC),
    }
    if trusted_since is not None:
        values["trusted_since"] = trusted_since
    put(session, PortalSessionRow, {"customer_id": customer.id}, values)


def load(session: Session, vault: Vault, customer: Customer) -> SavedSession | None:
    query = select(PortalSessionRow).where(PortalSessionRow.customer_id == customer.id)
    row = session.exec(query).first()
    return opened(session, vault, customer, row) if row else None


def opened(session: Session, vault: Vault, customer: Customer, row: PortalSessionRow) -> SavedSession:
    state = customers.unseal(session, vault, customer, _SESSION, row.ciphertext)
    return SavedSession(state, row.version, row.saved_at, row.trusted_since)


def drop(session: Session, customer: Customer) -> None:
    session.execute(delete(PortalSessionRow).where(col(PortalSessionRow.customer_id) == customer.id))
