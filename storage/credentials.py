"""What customers entrust to us to sign in with, sealed with their data key and bound to its kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from meterfarm.records import SecretKind
from meterfarm.storage import customers
from meterfarm.storage.database import now, put
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import CredentialRow
from meterfarm.storage.vault import Vault

_OF_CUSTOMER = select(CredentialRow).where(CredentialRow.customer_id == bindparam("customer"))


def save(session: Session, vault: Vault, customer: Customer, secrets: Mapping[SecretKind, str]) -> None:
    """Keep the secrets; one of a kind replaces the former."""
    for kind, secret in secrets.items():
        values = {
            "company_id": customer.company_id,
            "ciphertext": customers.seal(session, vault, customer, _bound(kind), secret.encode()),
            "saved_at": now(session),
        }
        put(session, CredentialRow, {"customer_id": customer.id, "kind": kind.value}, values)


def load(session: Session, vault: Vault, customer: Customer) -> dict[SecretKind, SecretStr]:
    found = {}
    for row in session.exec(_OF_CUSTOMER, params={"customer": customer.id}):
        kind = SecretKind(row.kind)
        secret = customers.unseal(session, vault, customer, _bound(kind), row.ciphertext)
        found[kind] = SecretStr(secret.decode())
    return found


def kinds(session: Session, customer: Customer) -> frozenset[SecretKind]:
    """Which kinds are stored."""
    query = select(CredentialRow.kind).where(CredentialRow.customer_id == customer.id)
    return frozenset(map(SecretKind, session.exec(query)))


def touch(session: Session, customer: Customer) -> None:
    """The secrets are now used otherwise than before: with another user name."""
    query = update(CredentialRow).where(col(CredentialRow.customer_id) == customer.id)
    session.execute(query.values(saved_at=now(session)))


def saved_since(session: Session, customer: Customer, at: datetime) -> bool:
    """Whether something to sign in with changed after ``at``: who read it then has not tried it as it is."""
    query = select(CredentialRow.id).where(
        CredentialRow.customer_id == customer.id, col(CredentialRow.saved_at) > at
    )
    return session.exec(query).first() is not None


def _bound(kind: SecretKind) -> str:
    return f"credential {kind.value}"
