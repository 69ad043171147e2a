"""Accounts, their supply points and meters, and what the store as a whole says of them.

A meter that took another's place closes the other's time. The facts of a customer join what portals show and
what bills say: meters, tariffs, and what is complete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, func, union
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from meterfarm.records import Account, AccountStatus, Address, Commodity, CustomerState, EventKind, Meter
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.data import AccountFacts, CustomerFacts, MeterFacts, StoredAccount, TariffPeriod
from meterfarm.storage.data.coverage import AMOUNTS
from meterfarm.storage.database import Repository, holding, put, reading
from meterfarm.storage.runs.events import FIRED
from meterfarm.storage.tables import (
    NEWEST_VERSION,
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    EventRow,
    FormerNumberRow,
    MeterRow,
    ReadingRow,
    SeriesRow,
    ServiceRow,
)
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
_NUMBERS = union(
    columns(col(AccountRow.number)).where(
        col(AccountRow.id) == bindparam("account"), col(AccountRow.company_id) == bindparam("company")
    ),
    columns(col(FormerNumberRow.number)).where(
        col(FormerNumberRow.account_id) == bindparam("account"),
        col(FormerNumberRow.company_id) == bindparam("company"),
    ),
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

        It is known by its number; by the portal's key where the portal has given it another number since, and
        then both are its.

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
    def numbers(self, session: Session, account_id: int) -> frozenset[str]:
        """The account's number and those that it had before: what its bills may show."""
        wanted = {"account": account_id, "company": self._company_id}
        return frozenset(session.scalars(_NUMBERS, wanted))

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
        former = {"account_id": rows[0].id, "number": rows[0].number}
        put(session, FormerNumberRow, former, {"company_id": rows[0].company_id})
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


_AT_ONCE = 500
"""Customers a query asks for."""
_ASKED: BindParameter[Sequence[int]] = bindparam("customers", expanding=True)
_COMPANY: BindParameter[int] = bindparam("company")
_SOLD = (Commodity.ELECTRIC.value, Commodity.GAS.value)
_READY = (EventKind.BILLS_READY.value, EventKind.INTERVALS_READY.value)
_EVENTS = columns(col(EventRow.customer_id), col(EventRow.kind)).where(
    col(EventRow.customer_id).in_(_ASKED),
    col(EventRow.kind).in_(_READY),
    col(EventRow.company_id) == _COMPANY,
    ~col(EventRow.key).startswith(FIRED),
)
_ACCOUNTS_OF = (
    columns(col(AccountRow.customer_id), col(AccountRow.id), col(AccountRow.number), col(AccountRow.address))
    .where(col(AccountRow.customer_id).in_(_ASKED), col(AccountRow.company_id) == _COMPANY)
    .order_by(col(AccountRow.number))
)
_METERS_OF = (
    columns(
        col(MeterRow.account_id),
        col(MeterRow.number),
        col(MeterRow.commodity),
        col(MeterRow.attributes),
        col(ServiceRow.address),
    )
    .join(ServiceRow, col(ServiceRow.id) == MeterRow.service_id)
    .join(AccountRow, col(AccountRow.id) == MeterRow.account_id)
    .where(col(AccountRow.customer_id).in_(_ASKED), col(MeterRow.commodity).in_(_SOLD))
    .order_by(col(MeterRow.number))
)
_BILLS = (
    columns(col(BillRow.account_id), col(BillVersionRow.content))
    .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
    .where(col(BillRow.customer_id).in_(_ASKED), col(BillVersionRow.total_amount).is_not(None))
    .order_by(col(BillVersionRow.billing_period_from), col(BillRow.id))
)
_OF_SERIES = col(ReadingRow.series_id) == col(SeriesRow.id)
_INTERVALS = (
    columns(
        col(AccountRow.customer_id),
        columns(func.min(col(ReadingRow.start))).where(_OF_SERIES).correlate(SeriesRow).scalar_subquery(),
        columns(func.max(col(ReadingRow.start))).where(_OF_SERIES).correlate(SeriesRow).scalar_subquery(),
    )
    .join(MeterRow, col(MeterRow.account_id) == AccountRow.id)
    .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
    .where(col(AccountRow.customer_id).in_(_ASKED), col(AccountRow.company_id) == _COMPANY)
    .where(col(SeriesRow.measure).in_(AMOUNTS))
)


class _Billed(NamedTuple):
    """A meter on a bill, as it is stored, and the address of that bill."""

    meter: Mapping[str, Any]
    address: Mapping[str, str] | None


class StoredFacts(Repository):
    """As ``CompanyStore.facts``."""

    def of(self, customers: Sequence[int]) -> Mapping[int, CustomerFacts]:
        """By the customers' ids; of those of another company nothing is known. Five queries for 500."""
        found: dict[int, CustomerFacts] = {}
        for start in range(0, len(customers), _AT_ONCE):
            found |= self._of(customers[start : start + _AT_ONCE])
        return found

    @reading
    def revision(self, session: Session, customer_id: int) -> int:
        """How often what is stored of the customer has changed; 0 of one who is not there."""
        query = columns(col(CustomerRow.revision)).where(col(CustomerRow.id) == customer_id)
        return session.scalar(query.where(col(CustomerRow.company_id) == self._company_id)) or 0

    @reading
    def _of(self, session: Session, customers: Sequence[int]) -> Mapping[int, CustomerFacts]:
        def rows(query: Any) -> Sequence[Any]:
            asked = {"customers": list(customers), "company": self._company_id}
            return session.execute(query, asked).all()

        ready: dict[int, set[str]] = defaultdict(set)
        for customer_id, kind in rows(_EVENTS):
            ready[customer_id].add(kind)
        accounts = rows(_ACCOUNTS_OF)
        of_customer: dict[int, list[AccountFacts]] = defaultdict(list)
        if accounts:
            meters = _grouped(rows(_METERS_OF))
            bills = _grouped(rows(_BILLS))
            for customer_id, account_id, number, address in accounts:
                found = _meters(meters[account_id], bills[account_id], address)
                of_customer[customer_id].append(AccountFacts(number, found))
        spans = _spans(rows(_INTERVALS)) if accounts else {}
        return {
            customer_id: CustomerFacts(
                bills_are_ready=EventKind.BILLS_READY.value in ready[customer_id],
                intervals_are_ready=EventKind.INTERVALS_READY.value in ready[customer_id],
                first_interval=first,
                last_interval=last,
                accounts=of_customer[customer_id],
            )
            for customer_id in customers
            for first, last in [spans.get(customer_id, (None, None))]
        }


def _grouped(rows: Iterable[Any]) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for account_id, *values in rows:
        found[account_id].append(values)
    return found


def _spans(rows: Iterable[Any]) -> Mapping[int, tuple[int, int]]:
    """The starts of each customer's first and last reading."""
    found: dict[int, tuple[int, int]] = {}
    for customer_id, first, last in rows:
        if first is not None:
            before = found.get(customer_id, (first, last))
            found[customer_id] = (min(first, before[0]), max(last, before[1]))
    return found


def _meters(
    rows: Iterable[Any], bills: Iterable[Any], account_address: Mapping[str, str] | None
) -> Sequence[MeterFacts]:
    """Those that the portal shows and those on bills, by number."""
    billed: dict[str, list[_Billed]] = {}
    for (content,) in bills:
        for meter in content["meters"]:
            if meter["commodity"] in _SOLD:
                billed.setdefault(meter["id"], []).append(_Billed(meter, content["address"]))
    shown = {number: values for number, *values in rows}
    found = []
    for number in sorted({*shown, *billed}):
        of_bills = billed.get(number, [])
        newest = of_bills[-1] if of_bills else _Billed({"commodity": "", "attributes": {}}, None)
        commodity, attributes, address = shown.get(
            number, (newest.meter["commodity"], newest.meter["attributes"], newest.address)
        )
        where = address or newest.address or account_address
        found.append(
            MeterFacts(
                id=number,
                commodity=Commodity(commodity),
                tariffs=_tariffs(billed_meter.meter for billed_meter in of_bills),
                address=Address(**where) if where else None,
                additional_attributes={**newest.meter["attributes"], **attributes},
            )
        )
    return found


def _tariffs(meters: Iterable[Mapping[str, Any]]) -> Sequence[TariffPeriod]:
    """Billing periods in order, joined where the same tariff went on without a day between."""
    periods: list[TariffPeriod] = []
    for meter in meters:
        period = TariffPeriod(
            meter["tariff"], date.fromisoformat(meter["from"]), date.fromisoformat(meter["to"])
        )
        last = periods[-1] if periods else None
        if not period.tariff:
            continue
        if (
            last is not None
            and last.tariff == period.tariff
            and period.period_from <= last.period_to + timedelta(days=1)
        ):
            periods[-1] = last._replace(period_to=max(last.period_to, period.period_to))
        else:
            periods.append(period)
    return periods
