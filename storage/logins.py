"""What is remembered of a login across companies: passwords refused or in doubt, TOTP steps, its MFA."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from meterfarm.records import CustomerState, Outcome
from meterfarm.storage import customers
from meterfarm.storage.database import insert_if_absent, now
from meterfarm.storage.results import Customer, Doubt, Rejection
from meterfarm.storage.tables import CustomerRow, LoginRow, RunRow, SentPasswordRow, TotpUseRow
from meterfarm.storage.vault import Vault


def rejection(session: Session, vault: Vault, customer: Customer, password: str) -> Rejection | None:
    """Whether this very password was refused."""
    row = _same(session, vault, customer, password)
    return Rejection(Outcome(row.outcome), row.message, row.at) if row and row.outcome else None


def doubt(session: Session, vault: Vault, customer: Customer, password: str) -> Doubt | None:
    """Whether this very password was sent, and no answer is known."""
    row = _same(session, vault, customer, password)
    return Doubt(row.sends, row.at, row.again_at or row.at) if row and not row.outcome else None


def reject(
    session: Session, vault: Vault, customer: Customer, password: str, outcome: Outcome, message: str
) -> None:
    """Remember a refused password; the latest refusal's words replace earlier ones."""
    row = _same_or_new(session, vault, customer, password)
    row.outcome, row.message = outcome.value, message


def note_sending(
    session: Session, vault: Vault, customer: Customer, password: str, rest: timedelta, run_id: int | None
) -> None:
    """Write down that a password is about to be sent, by the run ``run_id`` if it is a run."""
    row = _same_or_new(session, vault, customer, password)
    row.sends, row.again_at = row.sends + 1, row.at + rest
    if run_id is not None:
        session.execute(update(RunRow).where(col(RunRow.id) == run_id).values(asked=False))


def note_unsent(session: Session, vault: Vault, customer: Customer, password: str) -> None:
    """It was not sent after all."""
    row = _same(session, vault, customer, password)
    if row is None or row.outcome:
        return
    row.sends -= 1
    if row.sends <= 0:
        session.delete(row)


def clear_doubts(session: Session, login_id: int) -> None:
    """Forget sendings without an answer: there is one by now, or the customer gave the password anew."""
    of_login = delete(SentPasswordRow).where(col(SentPasswordRow.login_id) == login_id)
    session.execute(of_login.where(col(SentPasswordRow.outcome) == ""))


def _same_or_new(session: Session, vault: Vault, customer: Customer, password: str) -> SentPasswordRow:
    """The password's row, dated now."""
    customers.locked(session, customer)
    at = now(session)
    row = _same(session, vault, customer, password)
    if row is not None:
        row.at = at
        return row
    owner = _owner(customer.login_id)
    key_id, wrapped = vault.new_data_key(owner)
    row = SentPasswordRow(
        login_id=customer.login_id,
        key_id=key_id,
        wrapped_key=wrapped,
        digest=vault.digest(key_id, wrapped, owner, _told(customer, password)),
        outcome="",
        message="",
        at=at,
    )
    session.add(row)
    return row


def is_held(session: Session, customer: Customer) -> bool:
    """Whether any password of the login was refused, or is in doubt."""
    query = select(SentPasswordRow.id).where(SentPasswordRow.login_id == customer.login_id).limit(1)
    return session.exec(query).first() is not None


def clear(session: Session, customer: Customer) -> None:
    _forget(session, customer.login_id)


def claim_totp_step(session: Session, customer: Customer, step: int) -> bool:
    return insert_if_absent(session, TotpUseRow, {"login_id": customer.login_id, "step": step})


def factor(session: Session, customer: Customer) -> str:
    """What the portal last challenged the login with, "" if it never did."""
    query = select(LoginRow.factor).where(LoginRow.id == customer.login_id)
    return session.exec(query).first() or ""


def note_factor(session: Session, customer: Customer, met: str) -> None:
    session.execute(update(LoginRow).where(col(LoginRow.id) == customer.login_id).values(factor=met))


def release(session: Session, login_id: int) -> None:
    """Forget what nobody needs to know of a login that a customer has given up."""
    of_login = select(CustomerRow.id).where(CustomerRow.login_id == login_id)
    if session.exec(of_login.where(CustomerRow.state != CustomerState.REMOVED.value)).first() is not None:
        return
    _forget(session, login_id)
    ran = select(RunRow.id).where(RunRow.login_id == login_id)
    if session.exec(of_login).first() is None and session.exec(ran).first() is None:
        session.execute(delete(LoginRow).where(col(LoginRow.id) == login_id))


def rotate(session: Session, vault: Vault) -> None:
    """Wrap the keys of all refusals with the primary master key."""
    query = select(SentPasswordRow).where(SentPasswordRow.key_id != vault.primary.id)
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row.login_id))


def _same(session: Session, vault: Vault, customer: Customer, password: str) -> SentPasswordRow | None:
    query = select(SentPasswordRow).where(SentPasswordRow.login_id == customer.login_id)
    told = _told(customer, password)
    for row in session.exec(query):
        if vault.digest(row.key_id, row.wrapped_key, _owner(row.login_id), told) == row.digest:
            return row
    return None


def _forget(session: Session, login_id: int) -> None:
    session.execute(delete(SentPasswordRow).where(col(SentPasswordRow.login_id) == login_id))


def _owner(login_id: int) -> str:
    return f"login {login_id}"


def _told(customer: Customer, password: str) -> str:
    """What is hashed: the password and how the user name is spelled, which a portal may mind."""
    return f"{customer.username!a}\0{password}"
