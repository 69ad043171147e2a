"""Looking customers up, and how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from meterfarm.records import CustomerState, Outcome, RunKind, RunState, SecretKind
from meterfarm.storage import customers
from meterfarm.storage.errors import StorageError
from meterfarm.storage.results import Customer, CustomerInfo, EndedRun
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    CompanyRow,
    CredentialRow,
    CustomerRow,
    LoginRow,
    MeterRow,
    PortalSessionRow,
    ReadingRow,
    RunRow,
    SeriesRow,
)


def find(session: Session, reference: str) -> Customer | None:
    """By id, else by external id, else by user name. Raises StorageError if several have that user name."""
    reference = reference.strip()
    ways = [col(CustomerRow.external_id) == reference]
    if reference.isascii() and reference.isdigit() and int(reference) < 2**31:
        ways.insert(0, col(CustomerRow.id) == int(reference))
    query = (
        select(CustomerRow, LoginRow)
        .join(CompanyRow, col(CompanyRow.id) == CustomerRow.company_id)
        .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        .where(CompanyRow.name == customers.DEFAULT_COMPANY)
    )
    for way in ways:
        found = session.exec(query.where(way)).first()
        if found is not None:
            return _customer(*found)
    named = session.exec(query.where(LoginRow.username == customers.normalised(reference))).all()
    there = [pair for pair in named if pair[0].state != CustomerState.REMOVED.value] or named
    if len(there) > 1:
        ids = ", ".join(f"{row.id} at {login.utility}" for row, login in there)
        raise StorageError(f"Several customers have the user name {reference}: {ids}; name one by its id.")
    return _customer(*there[0]) if there else None


def after(session: Session, customer_id: int, limit: int) -> list[CustomerInfo]:
    """Customers of the default company by id, from the one after this, without numbers of what is stored."""
    by_id = _standing().where(col(CustomerRow.id) > customer_id).order_by(col(CustomerRow.id)).limit(limit)
    rows = session.execute(by_id).all()
    last = rows[-1].id if rows else customer_id
    query = select(CredentialRow.customer_id, CredentialRow.kind).where(
        col(CredentialRow.customer_id) > customer_id, col(CredentialRow.customer_id) <= last
    )
    secrets: dict[int, list[str]] = {}
    for whose, kind in session.exec(query):
        secrets.setdefault(whose, []).append(kind)
    return [_info(row, secrets.get(row.id, ())) for row in rows]


def one(session: Session, customer: Customer) -> CustomerInfo:
    """How the customer stands, with the numbers of accounts, bills and readings stored."""
    row = session.execute(_standing().where(col(CustomerRow.id) == customer.id)).first()
    if row is None:
        raise customers.removed(customer)
    kinds = session.exec(select(CredentialRow.kind).where(CredentialRow.customer_id == customer.id)).all()
    accounts = select(func.count()).select_from(AccountRow).where(AccountRow.customer_id == customer.id)
    bills = (
        select(func.count())
        .select_from(BillRow)
        .join(AccountRow, col(AccountRow.id) == BillRow.account_id)
        .where(AccountRow.customer_id == customer.id)
    )
    readings = (
        select(func.count())
        .select_from(ReadingRow)
        .join(SeriesRow, col(SeriesRow.id) == ReadingRow.series_id)
        .join(MeterRow, col(MeterRow.id) == SeriesRow.meter_id)
        .join(AccountRow, col(AccountRow.id) == MeterRow.account_id)
        .where(AccountRow.customer_id == customer.id)
    )
    return replace(
        _info(row, kinds),
        accounts=session.exec(accounts).one(),
        bills=session.exec(bills).one(),
        readings=session.exec(readings).one(),
    )


def _standing() -> Select[*tuple[Any, ...]]:
    """A row a customer: its own columns, its login's, its session's and its last run's."""
    last: SelectOfScalar[int] = (
        select(RunRow.id)
        .where(RunRow.customer_id == CustomerRow.id, RunRow.state == RunState.ENDED.value)
        .order_by(col(RunRow.id).desc())
        .limit(1)
        .correlate(CustomerRow)
    )
    return (
        select_columns(
            col(CustomerRow.id),
            col(CustomerRow.external_id),
            col(LoginRow.utility),
            col(CustomerRow.username),
            col(CustomerRow.state),
            col(CustomerRow.reason),
            col(CustomerRow.since),
            col(CustomerRow.bills_due_at),
            col(CustomerRow.intervals_due_at),
            col(PortalSessionRow.saved_at),
            col(PortalSessionRow.trusted_since),
            col(RunRow.id).label("run_id"),
            col(RunRow.kind),
            col(RunRow.outcome),
            col(RunRow.message),
            col(RunRow.ended_at),
        )
        .join(CompanyRow, col(CompanyRow.id) == CustomerRow.company_id)
        .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        .outerjoin(PortalSessionRow, col(PortalSessionRow.customer_id) == CustomerRow.id)
        .outerjoin(RunRow, col(RunRow.id) == last.scalar_subquery())
        .where(col(CompanyRow.name) == customers.DEFAULT_COMPANY)
    )


def _info(row: Any, kinds: Sequence[str]) -> CustomerInfo:
    ran = None
    if row.run_id is not None:
        ran = EndedRun(row.run_id, RunKind(row.kind), Outcome(row.outcome), row.message, row.ended_at)
    return CustomerInfo(
        id=row.id,
        external_id=row.external_id,
        utility=row.utility,
        username=row.username,
        state=CustomerState(row.state),
        reason=row.reason,
        since=row.since,
        secrets=frozenset(map(SecretKind, kinds)),
        session_saved_at=row.saved_at,
        trusted_since=row.trusted_since,
        last_run=ran,
        bills_due_at=row.bills_due_at,
        intervals_due_at=row.intervals_due_at,
    )


def _customer(row: CustomerRow, login: LoginRow) -> Customer:
    return Customer(row.id, row.company_id, row.login_id, login.utility, row.username)
