"""Telephone numbers of ours, and the customers whose codes come to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from meterfarm.records import CustomerState
from meterfarm.storage import customers
from meterfarm.storage.database import insert_if_absent, now
from meterfarm.storage.errors import AlreadyThere, StorageError
from meterfarm.storage.receiving import NumberInfo
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import CustomerRow, LoginRow, NumberCustomerRow, NumberRow


def add(session: Session, number: str, whose: Collection[Customer]) -> int:
    """Have the number, new or known, receive for these customers too. Raises AlreadyThere."""
    same = {"number": number, "company_id": customers.company(session)}
    insert_if_absent(session, NumberRow, {**same, "created_at": now(session)})
    row = session.exec(select(NumberRow).filter_by(**same).with_for_update()).one()
    for customer in whose:
        has = of_customer(session, customer)
        if has:
            raise AlreadyThere(
                f"The customer {customer.id} has the number {has} already; "
                f"take it away with `number remove {has} --customer {customer.id}`."
            )
        session.add(NumberCustomerRow(number_id=row.id, customer_id=customer.id))
        session.flush()
    return row.id


def remove(session: Session, number: str, customer: Customer | None) -> None:
    """Forget the number, or that it receives for this customer. Raises StorageError if it is not so."""
    same = {"number": number, "company_id": customers.company(session)}
    row = session.exec(select(NumberRow).filter_by(**same).with_for_update()).first()
    if row is None:
        raise StorageError(f"There is no number {number}; `number list` shows those that are there.")
    if customer is None:
        session.delete(row)
        return
    tie = session.get(NumberCustomerRow, (row.id, customer.id))
    if tie is None:
        raise StorageError(f"The number {number} does not receive for customer {customer.id}.")
    session.delete(tie)


def listed(session: Session) -> Sequence[NumberInfo]:
    """By number."""
    tied: dict[int, list[int]] = {}
    pairs = select(NumberCustomerRow.number_id, NumberCustomerRow.customer_id)
    for number_id, customer_id in session.exec(pairs.order_by(col(NumberCustomerRow.customer_id))):
        tied.setdefault(number_id, []).append(customer_id)
    rows = session.exec(select(NumberRow).order_by(col(NumberRow.number)))
    return [NumberInfo(row.id, row.number, tied.get(row.id, ())) for row in rows]


def of_customer(session: Session, customer: Customer) -> str:
    """The customer's number, or ""."""
    query = (
        select(NumberRow.number)
        .join(NumberCustomerRow, col(NumberCustomerRow.number_id) == NumberRow.id)
        .where(NumberCustomerRow.customer_id == customer.id)
    )
    return session.exec(query).first() or ""


def receives_for(session: Session, number: str) -> Sequence[Customer]:
    """The customers whose codes come to the number."""
    query = (
        select(CustomerRow, LoginRow)
        .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        .join(NumberCustomerRow, col(NumberCustomerRow.customer_id) == CustomerRow.id)
        .join(NumberRow, col(NumberRow.id) == NumberCustomerRow.number_id)
        .where(NumberRow.number == number, CustomerRow.state != CustomerState.REMOVED.value)
    )
    return [
        Customer(row.id, row.company_id, row.login_id, login.utility, row.username)
        for row, login in session.exec(query)
    ]
