"""Customers: found or made at first use, what they allow, and the key that seals what they entrust.

Without a consent nothing is collected.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, bindparam, update
from sqlmodel import Session, col, select

from meterfarm.records import CustomerState, EventKind
from meterfarm.storage import StorageError, audit
from meterfarm.storage.customers import ConsentInfo, Customer, companies
from meterfarm.storage.database import FarmRepository, Repository, insert_if_absent, now, reading, writing
from meterfarm.storage.runs import ACTIVE, events
from meterfarm.storage.tables import ConsentRow, CustomerRow, LoginRow, RunRow
from meterfarm.storage.vault import Vault

COMMAND_LINE = "command line"
_SCOPE = "bills intervals"
_REMOVED = CustomerState.REMOVED.value
_LOCKED = select(CustomerRow).where(CustomerRow.id == bindparam("customer")).with_for_update()


def find(session: Session, company_id: int, utility: str, username: str) -> Customer | None:
    """The company's customer with this login, if it has the user name in this spelling."""
    query = (
        select(CustomerRow)
        .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        .where(CustomerRow.company_id == company_id, CustomerRow.state != _REMOVED)
        .where(LoginRow.utility == utility, LoginRow.username == normalised(username))
        .where(CustomerRow.username == username.strip())
        .order_by(col(CustomerRow.shares_id).is_not(None), col(CustomerRow.id))
    )
    row = session.exec(query).first()
    return Customer.of(row) if row else None


def make(session: Session, vault: Vault, company_id: int, utility: str, username: str) -> Customer:
    """The customer, made or brought back with the consent given at the command line.

    One that is there already takes on this spelling of its user name.

    Raises:
        StorageError: it could not be made.
    """
    row = entered(session, company_id, utility, username, None)
    if row is None:  # only an external id could keep it out, and there is none
        raise StorageError(f"The customer {username} at {utility} could not be made; run again.")
    if not row.wrapped_key:
        begin(session, vault, row, COMMAND_LINE)
    row.username = username.strip()
    return Customer.of(row)


def create(
    session: Session, vault: Vault, company_id: int, utility: str, external_id: str | None
) -> CustomerRow | None:
    """The row of a new customer without a login; None if another has the external id."""
    at = now(session)
    row = CustomerRow(
        company_id=company_id,
        utility=utility,
        username="",
        external_id=external_id,
        state=CustomerState.NEW.value,
        since=at,
        key_id="",
        wrapped_key=b"",
        created_at=at,
        **companies.unlock_policy(session, company_id),
    )
    taken = select(CustomerRow.id).filter_by(company_id=company_id, external_id=external_id)
    if external_id and session.exec(taken).first() is not None:
        return None
    session.add(row)
    session.flush()
    row.key_id, row.wrapped_key = vault.new_data_key(_owner(row))
    session.flush()
    return row


def entered(
    session: Session, company_id: int, utility: str, username: str, external_id: str | None
) -> CustomerRow | None:
    """The row of this login, locked; inserted if it is not there, and then it has no data key yet.

    None if it is not there and another customer has the external id.
    """
    same = {"company_id": company_id, "login_id": login(session, utility, username)}
    session.exec(select(LoginRow.id).where(LoginRow.id == same["login_id"]).with_for_update()).one()
    of_login = select(CustomerRow).filter_by(**same).order_by(col(CustomerRow.shares_id).is_not(None))
    of_login = of_login.order_by(col(CustomerRow.id)).with_for_update()
    there = session.exec(of_login).first()
    if there is not None:
        return there
    at = now(session)
    values = {
        **same,
        "utility": utility,
        "username": username.strip(),
        "external_id": external_id,
        "state": CustomerState.NEW.value,
        "reason": "",
        "since": at,
        "faults": 0,
        "key_id": "",
        "wrapped_key": b"",
        "created_at": at,
        **companies.unlock_policy(session, company_id),
    }
    insert_if_absent(session, CustomerRow, values)
    return session.exec(of_login).first()


def begin(session: Session, vault: Vault, row: CustomerRow, method: str) -> None:
    """Give a customer that is new, or was removed, a data key and its consent, given by ``method``."""
    at = now(session)
    row.key_id, row.wrapped_key = vault.new_data_key(_owner(row))
    row.state, row.reason, row.since, row.faults = CustomerState.NEW.value, "", at, 0
    consent(session, row, method)


def consent(
    session: Session,
    row: CustomerRow,
    method: str,
    *,
    terms_hash: str = "",
    expires_at: datetime | None = None,
) -> None:
    """Record that the customer consents, by ``method``, unless a consent stands."""
    at = now(session)
    standing = select(ConsentRow.id).where(
        ConsentRow.customer_id == row.id, col(ConsentRow.revoked_at).is_(None), unexpired(at)
    )
    if session.exec(standing).first() is None:
        session.add(
            ConsentRow(
                company_id=row.company_id,
                customer_id=row.id,
                scope=_SCOPE,
                terms_hash=terms_hash,
                method=method,
                granted_at=at,
                expires_at=expires_at,
            )
        )
    session.flush()


def unexpired(at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Of a consent: that it does not end by itself before ``at``."""
    return col(ConsentRow.expires_at).is_(None) | (col(ConsentRow.expires_at) > at)


def end_consent(session: Session, row: CustomerRow) -> None:
    """What the customer allowed they allow no more."""
    standing = (col(ConsentRow.customer_id) == row.id, col(ConsentRow.revoked_at).is_(None))
    session.execute(update(ConsentRow).where(*standing).values(revoked_at=now(session)))


def login(session: Session, utility: str, username: str) -> int:
    """The id of this login, known from now on."""
    same = {"utility": utility, "username": normalised(username)}
    insert_if_absent(session, LoginRow, {**same, "factor": ""})
    return session.exec(select(LoginRow.id).filter_by(**same)).one()


def normalised(username: str) -> str:
    """A user name as portals compare it: without surrounding space, in one case."""
    return username.strip().casefold()


def locked(session: Session, customer: Customer) -> CustomerRow:
    """The customer's row, locked against other writers until the transaction ends."""
    row = session.exec(_LOCKED, params={"customer": customer.id}).first()
    if row is None or row.state == _REMOVED:
        raise StorageError(removed(customer))
    return row


_REVISED = (
    update(CustomerRow)
    .where(col(CustomerRow.id) == bindparam("customer"))
    .values(revision=col(CustomerRow.revision) + 1)
)


def revised(session: Session, customer_id: int) -> None:
    """What is stored of the customer has changed: what was derived from it is to be derived anew."""
    session.connection().execute(_REVISED, {"customer": customer_id})


def hold_runs(session: Session, customer: Customer) -> None:
    """Lock the runs that have not ended. To be done before the row is locked: workers lock in this order."""
    query = select(RunRow.id).where(RunRow.customer_id == customer.id, col(RunRow.state).in_(ACTIVE))
    session.exec(query.order_by(col(RunRow.id)).with_for_update()).all()


def seal(session: Session, vault: Vault, customer: Customer, kind: str, secret: bytes) -> bytes:
    """``secret`` under the customer's data key, bound to the customer and ``kind``."""
    row = locked(session, customer)
    return vault.seal(row.key_id, row.wrapped_key, _owner(row), kind, secret)


def unseal(session: Session, vault: Vault, customer: Customer, kind: str, ciphertext: bytes) -> bytes:
    """What ``seal`` sealed. It is written down in the log of vault reads, so the transaction must write."""
    row = session.get(CustomerRow, customer.id)
    if row is None or row.state == _REMOVED:
        raise StorageError(removed(customer))
    audit.note(session, _kind_of(kind), company_id=row.company_id, customer_id=row.id)
    return vault.unseal(row.key_id, row.wrapped_key, _owner(row), kind, ciphertext)


def digest(session: Session, vault: Vault, customer: Customer, secret: str) -> bytes:
    """A keyed hash of ``secret``, by which the same one is known again."""
    row = locked(session, customer)
    return vault.digest(row.key_id, row.wrapped_key, _owner(row), secret)


def rotate(session: Session, vault: Vault) -> int:
    """Wrap every data key with the primary master key; returns how many were not yet."""
    query = select(CustomerRow).where(CustomerRow.key_id != vault.primary.id, CustomerRow.state != _REMOVED)
    rows = session.exec(query.with_for_update()).all()
    for row in rows:
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row))
    return len(rows)


def _kind_of(kind: str) -> str:
    """``kind`` without the number of what it is bound to, in one word: ``password``, ``text_message``."""
    return kind.removeprefix("credential ").rstrip(" 0123456789").replace(" ", "_")


def _owner(row: CustomerRow) -> str:
    """What secrets are bound to: ids are given out once."""
    return f"customer {row.id}"


def removed(customer: Customer) -> str:
    """The sentence for a customer who is not there any more."""
    return f"The customer {customer.id} at {customer.utility} was removed; start the run again."


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
        row = locked(session, customer)
        end_consent(session, row)
        consent(session, row, method, terms_hash=terms_hash, expires_at=expires_at)


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
