"""Telephone numbers of a company, and the customers who receive codes there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlmodel import Session, col, select

from meterfarm.storage import AlreadyThere, StorageError
from meterfarm.storage.channels import NumberInfo, SmsReceiverInfo
from meterfarm.storage.customers import Customer
from meterfarm.storage.database import Repository, insert_if_absent, now, reading, writing
from meterfarm.storage.tables import PhoneNumberCustomerRow, PhoneNumberRow, SmsReceiverRow

_ALIVE = timedelta(seconds=60)


def running(session: Session) -> Sequence[SmsReceiverInfo]:
    """Those that do so now."""
    alive = col(SmsReceiverRow.beat_at) > now(session) - _ALIVE
    rows = session.exec(select(SmsReceiverRow).where(alive).order_by(col(SmsReceiverRow.worker)))
    return [SmsReceiverInfo(row.worker, row.address, row.beat_at) for row in rows]


class PhoneNumbers(Repository):
    """The part of ``CompanyStore.channels`` about telephone numbers."""

    @writing
    def add_number(self, session: Session, number: str, customers: Collection[Customer]) -> int:
        """Have the number, new or known, receive for these customers too; its id.

        Raises:
            AlreadyThere: a customer has a number.
        """
        same = {"number": number, "company_id": self._company_id}
        insert_if_absent(session, PhoneNumberRow, {**same, "created_at": now(session)})
        row = session.exec(select(PhoneNumberRow).filter_by(**same).with_for_update()).one()
        for customer in customers:
            has = of_customer(session, customer)
            if has:
                raise AlreadyThere(
                    f"The customer {customer.id} has the number {has} already; "
                    f"take it away with `number remove {has} --customer {customer.id}`."
                )
            session.add(PhoneNumberCustomerRow(phone_number_id=row.id, customer_id=customer.id))
            session.flush()
        return row.id

    @writing
    def remove_number(self, session: Session, number: str, customer: Customer | None = None) -> None:
        """Forget the number, or that it receives for this customer.

        Raises:
            StorageError: there is no such number, or it does not receive for the customer.
        """
        same = {"number": number, "company_id": self._company_id}
        row = session.exec(select(PhoneNumberRow).filter_by(**same).with_for_update()).first()
        if row is None:
            raise StorageError(f"There is no number {number}; `number list` shows those that are there.")
        if customer is None:
            session.delete(row)
            return
        tie = session.get(PhoneNumberCustomerRow, (row.id, customer.id))
        if tie is None:
            raise StorageError(f"The number {number} does not receive for customer {customer.id}.")
        session.delete(tie)

    @reading
    def numbers(self, session: Session) -> Sequence[NumberInfo]:
        """By number."""
        tied: dict[int, list[int]] = {}
        pairs = select(PhoneNumberCustomerRow.phone_number_id, PhoneNumberCustomerRow.customer_id)
        for phone_number_id, customer_id in session.exec(
            pairs.order_by(col(PhoneNumberCustomerRow.customer_id))
        ):
            tied.setdefault(phone_number_id, []).append(customer_id)
        rows = select(PhoneNumberRow).where(PhoneNumberRow.company_id == self._company_id)
        return [
            NumberInfo(row.id, row.number, tied.get(row.id, ()))
            for row in session.exec(rows.order_by(col(PhoneNumberRow.number)))
        ]


def of_customer(session: Session, customer: Customer) -> str:
    """The customer's number, or ""."""
    query = (
        select(PhoneNumberRow.number)
        .join(PhoneNumberCustomerRow, col(PhoneNumberCustomerRow.phone_number_id) == PhoneNumberRow.id)
        .where(PhoneNumberCustomerRow.customer_id == customer.id)
    )
    return session.exec(query).first() or ""
