"""Customers: found or made at first use, their keys, their removal."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from records import CustomerState
from storage.database import insert_if_absent
from storage.errors import StorageError
from storage.results import Customer
from storage.tables import (
    AccountRow,
    CompanyRow,
    ConsentRow,
    CustomerRow,
    DocumentRow,
    FileRow,
    LoginRow,
)
from storage.vault import Vault

DEFAULT_COMPANY = "default"
_SCOPE = "bills intervals"


def find(session: Session, utility: str, username: str) -> Customer | None:
    """The default company's customer with this login, if it has the user name in this spelling."""
    query = (
        select(CustomerRow)
        .join(CompanyRow, col(CompanyRow.id) == CustomerRow.company_id)
        .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        .where(CompanyRow.name == DEFAULT_COMPANY)
        .where(LoginRow.utility == utility, LoginRow.username == normalised(username))
        .where(CustomerRow.username == username.strip())
    )
    row = session.exec(query).first()
    if row is None:
        return None
    return Customer(row.id, row.company_id, row.login_id, utility, row.username)


def make(session: Session, vault: Vault, utility: str, username: str) -> Customer:
    """The customer, made with its login, its data key and the consent given at the command line.

    One that is there already takes on this spelling of its user name.
    """
    insert_if_absent(session, CompanyRow, {"name": DEFAULT_COMPANY})
    company_id = session.exec(select(CompanyRow.id).where(CompanyRow.name == DEFAULT_COMPANY)).one()
    login = {"utility": utility, "username": normalised(username)}
    insert_if_absent(session, LoginRow, {**login, "factor": ""})
    login_id = session.exec(select(LoginRow.id).filter_by(**login)).one()
    now = datetime.now(UTC)
    inserted = insert_if_absent(
        session,
        CustomerRow,
        {
            "company_id": company_id,
            "login_id": login_id,
            "username": username.strip(),
            "state": CustomerState.NEW.value,
            "reason": "",
            "since": now,
            "faults": 0,
            "key_id": vault.primary.id,
            "wrapped_key": vault.new_data_key(_owner(company_id, login_id)),
            "created_at": now,
        },
    )
    row = session.exec(
        select(CustomerRow).where(CustomerRow.company_id == company_id, CustomerRow.login_id == login_id)
    ).one()
    if inserted:
        session.add(
            ConsentRow(
                company_id=company_id,
                customer_id=row.id,
                scope=_SCOPE,
                terms_hash="",
                method="command line",
                granted_at=now,
            )
        )
    row.username = username.strip()
    return Customer(row.id, company_id, login_id, utility, row.username)


def may_collect(session: Session, customer: Customer) -> bool:
    """Whether a consent of the customer stands."""
    query = select(ConsentRow.id).where(
        ConsentRow.customer_id == customer.id, col(ConsentRow.revoked_at).is_(None)
    )
    return session.exec(query).first() is not None


def normalised(username: str) -> str:
    """A user name as portals compare it: without surrounding space, in one case."""
    return username.strip().casefold()


def locked(session: Session, customer: Customer) -> CustomerRow:
    """The customer's row, locked against other writers until the transaction ends."""
    row = session.exec(select(CustomerRow).where(CustomerRow.id == customer.id).with_for_update()).first()
    if row is None:
        raise _removed(customer)
    return row


def seal(session: Session, vault: Vault, customer: Customer, kind: str, secret: bytes) -> bytes:
    """``secret`` under the customer's data key, bound to the customer and ``kind``."""
    row = locked(session, customer)
    return vault.seal(row.key_id, row.wrapped_key, _owner(row.company_id, row.login_id), kind, secret)


def unseal(session: Session, vault: Vault, customer: Customer, kind: str, ciphertext: bytes) -> bytes:
    row = session.get(CustomerRow, customer.id)
    if row is None:
        raise _removed(customer)
    return vault.unseal(row.key_id, row.wrapped_key, _owner(row.company_id, row.login_id), kind, ciphertext)


def rotate(session: Session, vault: Vault) -> int:
    """Wrap every data key with the primary master key; returns how many were not yet."""
    query = select(CustomerRow).where(CustomerRow.key_id != vault.primary.id).with_for_update()
    rows = session.exec(query).all()
    for row in rows:
        row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row.company_id, row.login_id))
        row.key_id = vault.primary.id
    return len(rows)


def remove(session: Session, customer: Customer) -> None:
    """Delete the customer with its data key and all that hangs on it; its files lose their references."""
    row = locked(session, customer)
    files = (
        select(DocumentRow.sha256, func.count())
        .join(AccountRow, col(AccountRow.id) == DocumentRow.account_id)
        .where(AccountRow.customer_id == customer.id)
        .group_by(col(DocumentRow.sha256))
    )
    for sha256, count in session.exec(files).all():
        session.execute(
            update(FileRow).where(col(FileRow.sha256) == sha256).values(refs=col(FileRow.refs) - count)
        )
    session.delete(row)
    session.flush()
    if session.exec(select(CustomerRow.id).where(CustomerRow.login_id == customer.login_id)).first() is None:
        session.execute(delete(LoginRow).where(col(LoginRow.id) == customer.login_id))


def _owner(company_id: int, login_id: int) -> str:
    return f"company {company_id}, login {login_id}"


def _removed(customer: Customer) -> StorageError:
    return StorageError(f"The customer {customer.id} at {customer.utility} was removed; start the run again.")
