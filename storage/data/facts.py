"""What the store as a whole says of customers: accounts, meters, tariffs, and what of it is complete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, func, select
from sqlmodel import Session, col

from meterfarm.records import Address, Commodity, EventKind
from meterfarm.storage.data import AccountFacts, CustomerFacts, MeterFacts, TariffPeriod
from meterfarm.storage.data.bill_identities import NEWEST
from meterfarm.storage.data.coverage import AMOUNTS
from meterfarm.storage.database import Repository, reading
from meterfarm.storage.runs.events import FIRED
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    EventRow,
    MeterRow,
    ReadingRow,
    SeriesRow,
    ServiceRow,
)

_AT_ONCE = 500
"""Customers a query asks for."""
_ASKED: BindParameter[Sequence[int]] = bindparam("customers", expanding=True)
_COMPANY: BindParameter[int] = bindparam("company")
_SOLD = (Commodity.ELECTRIC.value, Commodity.GAS.value)
_READY = (EventKind.BILLS_READY.value, EventKind.INTERVALS_READY.value)
_EVENTS = select(col(EventRow.customer_id), col(EventRow.kind)).where(
    col(EventRow.customer_id).in_(_ASKED),
    col(EventRow.kind).in_(_READY),
    col(EventRow.company_id) == _COMPANY,
    ~col(EventRow.key).startswith(FIRED),
)
_ACCOUNTS = (
    select(col(AccountRow.customer_id), col(AccountRow.id), col(AccountRow.number), col(AccountRow.address))
    .where(col(AccountRow.customer_id).in_(_ASKED), col(AccountRow.company_id) == _COMPANY)
    .order_by(col(AccountRow.number))
)
_METERS = (
    select(
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
    select(col(BillRow.account_id), col(BillVersionRow.content))
    .join(BillVersionRow, col(BillVersionRow.id) == NEWEST)
    .where(col(BillRow.customer_id).in_(_ASKED), col(BillVersionRow.total_amount).is_not(None))
    .order_by(col(BillVersionRow.billing_period_from), col(BillRow.id))
)
_OF_SERIES = col(ReadingRow.series_id) == col(SeriesRow.id)
_INTERVALS = (
    select(
        col(AccountRow.customer_id),
        select(func.min(col(ReadingRow.start))).where(_OF_SERIES).correlate(SeriesRow).scalar_subquery(),
        select(func.max(col(ReadingRow.start))).where(_OF_SERIES).correlate(SeriesRow).scalar_subquery(),
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
        query = select(col(CustomerRow.revision)).where(col(CustomerRow.id) == customer_id)
        return session.scalar(query.where(col(CustomerRow.company_id) == self._company_id)) or 0

    @reading
    def _of(self, session: Session, customers: Sequence[int]) -> Mapping[int, CustomerFacts]:
        def rows(query: Any) -> Sequence[Any]:
            asked = {"customers": list(customers), "company": self._company_id}
            return session.execute(query, asked).all()

        ready: dict[int, set[str]] = defaultdict(set)
        for customer_id, kind in rows(_EVENTS):
            ready[customer_id].add(kind)
        accounts = rows(_ACCOUNTS)
        of_customer: dict[int, list[AccountFacts]] = defaultdict(list)
        if accounts:
            meters = _grouped(rows(_METERS))
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
