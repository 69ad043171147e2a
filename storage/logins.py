"""What is remembered of a login across companies: refused passwords, spent TOTP steps."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from records import Outcome
from storage.database import insert_if_absent
from storage.results import Customer, Rejection
from storage.tables import RejectedPasswordRow, TotpUseRow
from storage.vault import Vault


def rejection(session: Session, vault: Vault, customer: Customer, password: str) -> Rejection | None:
    """Whether this very password was refused. Hashes of keys no longer in the vault cannot tell."""
    query = select(RejectedPasswordRow).where(RejectedPasswordRow.login_id == customer.login_id)
    for row in session.exec(query):
        if vault.digest(row.key_id, _owner(customer), password) == row.digest:
            return Rejection(Outcome(row.outcome), row.message, row.at)
    return None


def reject(
    session: Session, vault: Vault, customer: Customer, password: str, outcome: Outcome, message: str
) -> None:
    """Remember a refused password; the latest refusal's words replace earlier ones."""
    digest = vault.primary.digest(_owner(customer), password)
    same = {"login_id": customer.login_id, "key_id": vault.primary.id, "digest": digest}
    session.execute(delete(RejectedPasswordRow).filter_by(**same))
    now = datetime.now(UTC)
    insert_if_absent(
        session, RejectedPasswordRow, {**same, "outcome": outcome.value, "message": message, "at": now}
    )


def clear(session: Session, customer: Customer) -> None:
    session.execute(delete(RejectedPasswordRow).where(col(RejectedPasswordRow.login_id) == customer.login_id))


def claim_totp_step(session: Session, customer: Customer, step: int) -> bool:
    return insert_if_absent(session, TotpUseRow, {"login_id": customer.login_id, "step": step})


def _owner(customer: Customer) -> str:
    """The login and how its user name is spelled, which a portal may mind."""
    return f"login {customer.login_id} as {customer.username!a}"
