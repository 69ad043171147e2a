"""All that is in store of a customer as an Excel workbook, with a sheet for each kind of thing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from meterfarm.formats.stamps import Stamps
from meterfarm.formats.xlsx_sheets import (
    Cell,
    Instant,
    MoneyCell,
    SheetBook,
    SheetColumn,
    SheetWriter,
    sheet_book,
)
from meterfarm.records import Account, Bill, BillMeter, Commodity, LineItem, Unit
from meterfarm.services.currencies import currency_of, currency_read
from meterfarm.services.customer_document import ExportCounts, readings_of
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import MeterReadings, ReadingChannel, StoredAccount, StoredBill
from meterfarm.storage.store import CompanyStore

_COLUMNS: Mapping[str, str] = {
    "accounts": (
        "account:18 name:24 status:9 line_1:28 line_2:14 city:18 state:7 postal_code:12 country:9 "
        "attributes:40"
    ),
    "meters": "account:18 meter:18 commodity:12 tariff:26 attributes:40",
    "bills": (
        "account:18 bill:8 billed_on:12 period_from:12 period_to:12 due_on:12 total:13 balance_before:13 "
        "electricity:13 delivery:13 supply:13 community_solar:13 gas:13 electricity_(kWh):13 gas_used:12 "
        "gas_unit:10 status:10 layout:20 problems:40"
    ),
    "bill meters": (
        "account:18 bill:8 billed_on:12 meter:18 commodity:12 tariff:26 period_from:12 period_to:12 used:13 "
        "unit:8 previous_read:13 current_read:13"
    ),
    "line items": (
        "account:18 bill:8 billed_on:12 section:24 name:40 cost:13 volume:13 unit:8 rate:12 tier:14 "
        "proved_by:16"
    ),
    "checks": "account:18 bill:8 billed_on:12 check:26 passed:8 what:80",
    "intervals": (
        "account:18 meter:18 commodity:12 measure:10 direction:11 start_(UTC):17 end_(UTC):17 "
        "start_(local):17 quantity:14 unit:8 estimated:10"
    ),
}
"""The columns of each sheet with their widths in characters."""
_KWH = {Unit.WH: (Decimal("0.001"), "kWh"), Unit.W: (Decimal("0.001"), "kW")}


def write_workbook(store: CompanyStore, customer: Customer, target: Path, zone: ZoneInfo) -> ExportCounts:
    """Write the customer's workbook in place of ``target``; local times are in ``zone``.

    Raises OSError if it cannot be written.
    """
    with sheet_book(target) as book:
        sheets = _Sheets(book)
        accounts = store.accounts.list(customer)
        bills = [sheets.account(store, stored) for stored in accounts]
        intervals = sheets.sheet("intervals")
        for meter in store.intervals.meters(customer, every_measure=True):
            for channel in meter.channels:
                _write_readings(store, intervals, meter, channel, zone)
    return ExportCounts(sum(bills), intervals.rows, intervals.parts)


class _Sheets:
    """The sheets of a workbook, in their order."""

    def __init__(self, book: SheetBook) -> None:
        self._made = {name: _made(book, name) for name in _COLUMNS}

    def sheet(self, name: str) -> SheetWriter:
        return self._made[name]

    def account(self, store: CompanyStore, stored: StoredAccount) -> int:
        """Write an account and its meters and bills; how many bills it has."""
        account = stored.account
        self._made["accounts"].add(_account(account))
        for meter in account.meters:
            cells = (account.number, meter.id, meter.commodity.value, meter.tariff or None)
            self._made["meters"].add((*cells, _pairs(meter.additional_attributes)))
        bills = list(store.bills.of_account(stored.id).values())
        known = currency_of(account, bills)
        for bill in bills:
            self._bill(account, bill, currency_read(bill) or known)
        return len(bills)

    def _bill(self, account: Account, stored: StoredBill, currency: str) -> None:
        read = stored.bill
        key: tuple[Cell, ...] = (account.number, stored.id, read.billed_on if read else stored.billed_on)
        end: tuple[Cell, ...] = (stored.layout or None, "; ".join(stored.problems) or None)
        if read is None:
            self._made["bills"].add((*key, *[None] * 13, "unparsed", *end))
            return
        self._made["bills"].add((*key, *_amounts(read, currency), *_used(read), "read", *end))
        for meter in read.meters:
            self._made["bill meters"].add((*key, *_meter(meter)))
        if stored.reading is not None:
            for item in stored.reading.line_items:
                self._made["line items"].add((*key, *_line(item, currency)))
            for check in stored.reading.checks:
                self._made["checks"].add((*key, check.name, check.passed, check.what))


def _line(item: LineItem, currency: str) -> tuple[Cell, ...]:
    proved_by = ", ".join(item.proved_by)
    about = (item.volume, item.unit or None, item.rate, item.tier or None, proved_by or None)
    return item.section or None, item.name, MoneyCell(item.cost, currency), *about


def _made(book: SheetBook, name: str) -> SheetWriter:
    columns = [column.rpartition(":") for column in _COLUMNS[name].split()]
    return book.sheet(
        name, [SheetColumn(heading.replace("_", " "), int(width)) for heading, _, width in columns]
    )


def _account(account: Account) -> tuple[Cell, ...]:
    at = account.address
    address = (at.line_1, at.line_2, at.city, at.state, at.postal_code, at.country) if at else (None,) * 6
    attributes = _pairs(account.additional_attributes)
    return account.number, account.name, account.status.value, *(each or None for each in address), attributes


def _amounts(bill: Bill, currency: str) -> tuple[Cell, ...]:
    amounts = (
        *(bill.total_amount, bill.outstanding_balance, bill.electricity_amount, bill.delivery_charge),
        *(bill.supply_charge, bill.community_solar_bill_credit, bill.gas_amount),
    )
    money = [None if cents is None else MoneyCell(cents, currency) for cents in amounts]
    return bill.billing_period_from, bill.billing_period_to, bill.due_on, *money


def _used(bill: Bill) -> tuple[Cell, Cell, Cell]:
    """Electricity in kWh, gas, and its unit if all its meters have one."""
    electric = [
        _scaled(each.consumption.value, each.consumption.unit)[0] for each in _of(bill, Commodity.ELECTRIC)
    ]
    gas = [each.consumption for each in _of(bill, Commodity.GAS)]
    kwh = sum(electric, Decimal()) if electric else None
    if not gas or len({each.unit for each in gas}) > 1:
        return kwh, None, None
    return kwh, sum((each.value for each in gas), Decimal()), gas[0].unit.value


def _of(bill: Bill, commodity: Commodity) -> list[BillMeter]:
    return [meter for meter in bill.meters if meter.commodity is commodity]


def _meter(meter: BillMeter) -> tuple[Cell, ...]:
    days = (meter.billing_period_from, meter.billing_period_to)
    used = _scaled(meter.consumption.value, meter.consumption.unit)
    reads = (meter.previous_read, meter.current_read)
    return meter.id, meter.commodity.value, meter.tariff or None, *days, *used, *reads


def _scaled(value: Decimal, unit: Unit) -> tuple[Decimal, str]:
    """Watt-hours as people know them."""
    factor, name = _KWH.get(unit, (Decimal(1), unit.value))
    return value * factor, name


def _pairs(attributes: Mapping[str, str]) -> str | None:
    return "; ".join(f"{name}: {value}" for name, value in attributes.items()) or None


def _write_readings(
    store: CompanyStore, sheet: SheetWriter, meter: MeterReadings, channel: ReadingChannel, zone: ZoneInfo
) -> None:
    kind = (channel.commodity.value, channel.measure.value, channel.direction.value)
    one, unit = _scaled(Decimal(1).scaleb(channel.exponent), channel.unit)
    factor, divisor = one.as_integer_ratio()
    offset = Stamps(zone).offset
    for start, seconds, mantissa, estimated, _, _ in readings_of(store, channel):
        times = (Instant(start), Instant(start + seconds), Instant(start + offset(start)))
        sheet.add(
            (
                meter.account_number,
                meter.meter_id,
                *kind,
                *times,
                mantissa * factor / divisor,
                unit,
                bool(estimated),
            )
        )
