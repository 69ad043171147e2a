"""Accounts, their supply points and meters. A meter that took another's place closes the other's time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from meterfarm.records import Account, AccountStatus, Address, Commodity, CustomerState, Meter
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.data import StoredAccount
from meterfarm.storage.database import Repository, holding, put, reading
from meterfarm.storage.tables import AccountRow, CustomerRow, MeterRow, ServiceRow
from meterfarm.support.foreign_text import storable

_LOCKED = (
    select(AccountRow)
    .select_from(CustomerRow)  # its row is locked first, as by all who lock both
    .join(AccountRow, col(AccountRow.customer_id) == CustomerRow.id)
    .where(AccountRow.id == bindparam("account"), AccountRow.company_id == bindparam("company"))
    .with_for_update(key_share=True)
)
_KNOWN = (
    select(AccountRow)
    .join(CustomerRow, col(CustomerRow.id) == AccountRow.customer_id)
    .where(CustomerRow.id == bindparam("customer"), CustomerRow.state != CustomerState.REMOVED.value)
    .where(AccountRow.number == bindparam("number"))
)
_METERS = (
    select(MeterRow, ServiceRow)
    .join(ServiceRow, col(ServiceRow.id) == MeterRow.service_id)
    .where(MeterRow.account_id == bindparam("account"), col(MeterRow.valid_to).is_(None))
)
_METER = select(MeterRow).where(
    MeterRow.account_id == bindparam("account"), MeterRow.number == bindparam("number")
)


class Accounts(Repository):
    """As ``CompanyStore.accounts``."""

    def save(self, customer: Customer, account: Account) -> int:
        """Insert or update the account and its meters; returns the account's id.

        It is known by its number; by the portal's key where the portal has given it another number since.

        Raises:
            StorageError: the customer was removed.
            LeaseLost: the run that writes is not held any more.
        """
        known = self._unchanged(customer, account)
        return known if known is not None else self._save(customer, account)

    @holding
    def _save(self, session: Session, customer: Customer, account: Account) -> int:
        identity.locked(session, customer)
        _renumber(session, customer, account)
        return enter(session, customer, account).id

    @reading
    def _unchanged(self, session: Session, customer: Customer, account: Account) -> int | None:
        """The account's id, if to save it would change nothing."""
        row = session.exec(_KNOWN, params={"customer": customer.id, "number": account.number}).first()
        columns = _columns(account)
        if row is None or any(getattr(row, name) != value for name, value in columns.items()):
            return None
        meters = session.exec(_METERS, params={"account": row.id})
        known = {meter.number: (meter, service) for meter, service in meters}
        served: set[int] = set()
        for shown in account.meters:
            if shown.id not in known or not _is_same(shown, *known[shown.id], columns["address"]):
                return None
            served.add(known.pop(shown.id)[1].id)
        return None if any(service.id in served for _, service in known.values()) else row.id

    @reading
    def list(self, session: Session, customer: Customer) -> Sequence[StoredAccount]:
        """The customer's accounts by number, with all meters they ever had."""
        query = (
            select(AccountRow).where(AccountRow.customer_id == customer.id).order_by(col(AccountRow.number))
        )
        return [StoredAccount(row.id, _account(session, row)) for row in session.exec(query).all()]


def enter(session: Session, customer: Customer, account: Account) -> AccountRow:
    """Insert or update the account, known by its number, and its meters; the customer is locked."""
    same = {"customer_id": customer.id, "number": account.number}
    row = put(session, AccountRow, same, {"company_id": customer.company_id, **_columns(account)})
    for meter in account.meters:
        _save_meter(session, row, meter)
    _close_replaced(session, row, account.meters)
    identity.revised(session, customer.id)
    return row


def _renumber(session: Session, customer: Customer, account: Account) -> None:
    """Give the account of this key the number that the portal shows by now, if it has a meter of it, too."""
    if (
        not account.key
        or session.exec(_KNOWN, params={"customer": customer.id, "number": account.number}).first()
    ):
        return
    key = storable(account.key)
    rows = session.exec(select(AccountRow).filter_by(customer_id=customer.id, portal_key=key)).all()
    if len(rows) != 1:
        return
    numbers = session.exec(select(MeterRow.number).where(MeterRow.account_id == rows[0].id)).all()
    if {meter.id for meter in account.meters} & set(numbers):
        rows[0].number = account.number
        session.flush()


def _columns(account: Account) -> dict[str, Any]:
    """What may change of an account, as it is stored."""
    return {
        "name": account.name,
        "portal_key": storable(account.key),
        "status": account.status.value,
        "attributes": dict(account.additional_attributes),
        "address": asdict(account.address) if account.address else None,
    }


def _is_same(shown: Meter, meter: MeterRow, service: ServiceRow, address: dict[str, str] | None) -> bool:
    commodity, attributes = shown.commodity.value, dict(shown.additional_attributes)
    return (meter.commodity, meter.tariff, meter.attributes) == (commodity, shown.tariff, attributes) and (
        (service.commodity, service.number, service.address) == (commodity, _service_number(shown), address)
    )


def locked(session: Session, account_id: int, company_id: int) -> AccountRow:
    """The account's row, locked against other writers until the transaction ends.

    Raises:
        StorageError: the company has no such account.
    """
    row = session.exec(_LOCKED, params={"account": account_id, "company": company_id}).first()
    if row is None:
        raise StorageError(f"There is no account with the id {account_id}; its customer was removed.")
    return row


def meter(session: Session, account: AccountRow, number: str, commodity: Commodity) -> MeterRow:
    """The account's meter with this number; made if only an export knows it."""
    wanted = {"account": account.id, "number": number}
    return session.exec(_METER, params=wanted).first() or _save_meter(
        session, account, Meter(number, commodity)
    )


def _save_meter(session: Session, account: AccountRow, shown: Meter) -> MeterRow:
    service = _service(session, account, shown)
    same = {"account_id": account.id, "number": shown.id}
    values: dict[str, Any] = {
        "company_id": account.company_id,
        "service_id": service.id,
        "commodity": shown.commodity.value,
        "tariff": shown.tariff,
        "attributes": dict(shown.additional_attributes),
        "valid_to": None,
    }
    known = session.exec(select(MeterRow.id).filter_by(**same)).first()
    before = session.exec(select(MeterRow.id).where(MeterRow.service_id == service.id)).first()
    if known is None and before is not None:
        values["valid_from"] = datetime.now(UTC)
    return put(session, MeterRow, same, values)


def _service(session: Session, account: AccountRow, shown: Meter) -> ServiceRow:
    same = {
        "account_id": account.id,
        "commodity": shown.commodity.value,
        "number": _service_number(shown),
    }
    return put(session, ServiceRow, same, {"company_id": account.company_id, "address": account.address})


def _service_number(shown: Meter) -> str:
    return shown.additional_attributes.get("service_number", shown.id)


def _close_replaced(session: Session, account: AccountRow, shown: Sequence[Meter]) -> None:
    """End the validity of meters that are no longer shown, where their service has another now."""
    numbers = {meter.id for meter in shown}
    query = select(MeterRow).where(MeterRow.account_id == account.id, col(MeterRow.valid_to).is_(None))
    rows = session.exec(query).all()
    served = {row.service_id for row in rows if row.number in numbers}
    for row in rows:
        if row.number not in numbers and row.service_id in served:
            row.valid_to = datetime.now(UTC)


def _account(session: Session, row: AccountRow) -> Account:
    query = select(MeterRow).where(MeterRow.account_id == row.id).order_by(col(MeterRow.number))
    meters = tuple(
        Meter(meter.number, Commodity(meter.commodity), meter.tariff, meter.attributes)
        for meter in session.exec(query)
    )
    return Account(
        row.number,
        row.name,
        Address(**row.address) if row.address else None,
        meters,
        row.portal_key,
        AccountStatus(row.status),
        row.attributes,
    )
