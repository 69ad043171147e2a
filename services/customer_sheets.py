"""All that a company may see of a customer: a workbook of three sheets, or one JSON document.

What a locked bill withholds is in neither, as in the API. Memory does not grow with the readings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from meterfarm.formats.bills.bayou import address_json, meter_type
from meterfarm.formats.stamps import Stamps
from meterfarm.formats.xlsx_sheets import Cell, Instant, MoneyCell, SheetColumn, SheetWriter, sheet_book
from meterfarm.records import Account, Meter
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.currencies import currency_of
from meterfarm.services.intervals import FoundIntervals, IntervalMeter, IntervalQuery, find_intervals
from meterfarm.services.intervals.fields import BAYOUS, CONSUMPTION, DEMAND, GAS, GENERATED, NET, OTHER_GAS
from meterfarm.services.intervals.text import as_json as intervals_json
from meterfarm.storage.customers import Customer, CustomerRecord, Profile
from meterfarm.storage.store import CompanyStore
from meterfarm.support.extras import require
from meterfarm.support.foreign_text import as_json

_PROFILE = ("email", "first_name", "last_name", "phone_number")
_PLACE = ("address_line_1", "address_line_2", "city", "state", "zipcode")
_CUSTOMER = (
    *("customer", "your id", "e-mail", "first name", "last name", "telephone", "address", "address, line 2"),
    *("city", "state", "ZIP code", "utility", "account", "account name", "account status", "service address"),
    *("meter", "commodity", "tariff"),
)
_MONEY = (
    *("total_amount", "outstanding_balance", "electricity_amount", "delivery_charge", "supply_charge"),
    *("community_solar_bill_credit", "gas_amount"),
)
_BILLS = (
    *("bill", "your id", "status", "account", "billed on", "period from", "period to", "due on"),
    *("total", "owed before", "electricity", "delivery", "supply", "community solar", "gas"),
    *("electricity (kWh)", "gas used", "gas unit", "meters"),
)
_INTERVALS = {
    CONSUMPTION: "electricity (Wh)",
    NET: "net electricity (Wh)",
    GENERATED: "generated (Wh)",
    DEMAND: "demand (W)",
    GAS: "gas (therms)",
    OTHER_GAS: "gas, other unit",
}
_WIDE = (
    "e-mail",
    "address",
    "service address",
    "account",
    "meters",
    "tariff",
    "start (UTC)",
    "start (local)",
)
_BATCH = 200


def write_sheets(
    store: CompanyStore, record: CustomerRecord, holder: Customer, bills: BillRendering, target: Path
) -> None:
    """Write the workbook: Customer, Bills, Intervals. ``holder`` has the customer's data.

    Raises:
        ExtraMissing: workbooks cannot be written here.
        OSError: ``target`` cannot be written.
    """
    require("excel", "A workbook")
    accounts = [stored.account for stored in store.accounts.list(holder)]
    currencies = {each.number: currency_of(each, ()) for each in accounts}
    with sheet_book(target) as book:
        of_customer = book.sheet("Customer", _columns(_CUSTOMER))
        for row in _customer_rows(record, accounts):
            of_customer.add(row)
        of_bills = book.sheet("Bills", _columns(_BILLS))
        for fields in _rendered(store, holder, bills):
            of_bills.add(_bill(fields, currencies.get(fields["account_number"] or "", "")))
        head = ("account", "meter", "start (UTC)", "end (UTC)", "start (local)")
        of_intervals = book.sheet(
            "Intervals", _columns((*head, *_INTERVALS.values(), "gas unit", "estimated"))
        )
        found = find_intervals(store, holder, IntervalQuery())
        for meter in found.meters:
            _write_intervals(of_intervals, found, meter)


def json_parts(
    store: CompanyStore, record: CustomerRecord, holder: Customer, bills: BillRendering
) -> Iterator[bytes]:
    """The document in pieces: customer, bills as the API has them, intervals likewise."""
    accounts = [stored.account for stored in store.accounts.list(holder)]
    yield f'{{"customer": {as_json(_customer_json(record, accounts))},\n"bills": ['.encode()
    between = ""
    for fields in _rendered(store, holder, bills):
        shown = {name: value for name, value in fields.items() if name != "file_url"}
        yield f"{between}\n{as_json(shown)}".encode()
        between = ","
    yield b'],\n"intervals": '
    yield from intervals_json(find_intervals(store, holder, IntervalQuery()))
    yield b"}\n"


def _rendered(store: CompanyStore, holder: Customer, bills: BillRendering) -> Iterator[Mapping[str, Any]]:
    """The customer's bills as the API has them, the newest first; some are in memory at a time."""
    found = store.bills.list(holder)
    for place in range(0, len(found), _BATCH):
        yield from bills.of_all(store, found[place : place + _BATCH], gas_as_text=False)


def _columns(headings: Sequence[str]) -> list[SheetColumn]:
    return [SheetColumn(heading, 22 if heading in _WIDE else 13) for heading in headings]


def _customer_rows(record: CustomerRecord, accounts: Sequence[Account]) -> Iterator[tuple[Cell, ...]]:
    """A row for each meter; one for an account, or a customer, that has none."""
    own = (
        record.id,
        record.external_id,
        *_known(record.profile, (*_PROFILE, *_PLACE)),
        record.utility or None,
    )
    for account in accounts:
        of_account = (account.number, account.name or None, account.status.value, _address(account))
        for meter in account.meters or (None,):
            yield *own, *of_account, *_meter(meter)
    if not accounts:
        yield *own, *[None] * 7


def _known(profile: Profile, names: Sequence[str]) -> list[str | None]:
    return [getattr(profile, name) for name in names]


def _address(account: Account) -> str | None:
    at = account.address
    if at is None:
        return None
    return ", ".join(filter(None, (at.line_1, at.line_2, at.city, f"{at.state} {at.postal_code}".strip())))


def _meter(meter: Meter | None) -> tuple[Cell, ...]:
    return (meter.id, meter.commodity.value, meter.tariff or None) if meter else (None, None, None)


def _bill(fields: Mapping[str, Any], currency: str) -> tuple[Cell, ...]:
    others = fields.get("other_fields") or {}
    currency = str(others.get("currency") or currency)
    days = [
        fields["billed_on"],
        fields["billing_period_from"],
        fields["billing_period_to"],
        others.get("due_on"),
    ]
    money = [fields.get(name) for name in _MONEY]
    watt_hours, gas = fields.get("electricity_consumption"), fields.get("gas_consumption")
    return (
        *(fields["id"], fields["external_id"], fields["status"], fields["account_number"]),
        *(date.fromisoformat(str(each)) if each else None for each in days),
        *(None if cents is None else MoneyCell(cents, currency) for cents in money),
        None if watt_hours is None else Decimal(watt_hours) / 1000,
        None if gas is None else Decimal(str(gas)),
        fields.get("gas_consumption_unit"),
        ", ".join(meter["id"] for meter in fields["meters"]) or None,
    )


def _write_intervals(sheet: SheetWriter, found: FoundIntervals, meter: IntervalMeter) -> None:
    offset, names = Stamps(found.zone).offset, tuple(_INTERVALS)
    units = {
        name: Decimal(1).scaleb(channel.exponent)
        for name, channel in meter.fields.items()
        if name not in BAYOUS or name == GAS
    }
    other = meter.fields[OTHER_GAS].unit.value if OTHER_GAS in meter.fields else None
    for page in found.columns(meter):
        columns = [page.values.get(name) for name in names]
        for place, (start, end) in enumerate(zip(page.starts, page.ends, strict=True)):
            values = [None if column is None else column[place] for column in columns]
            cells: list[Cell] = [
                value if value is None or name not in units else value * units[name]
                for name, value in zip(names, values, strict=True)
            ]
            times = (Instant(start), Instant(end), Instant(start + offset(start)))
            sheet.add((meter.account_number, meter.id, *times, *cells, other, bool(page.estimated[place])))


def _customer_json(record: CustomerRecord, accounts: Sequence[Account]) -> dict[str, object]:
    profile = record.profile
    terms = profile.accepted_terms_at
    return {
        "id": record.id,
        "external_id": record.external_id,
        "utility": record.utility or None,
        **{name: getattr(profile, name) for name in (*_PROFILE, *_PLACE)},
        "has_accepted_terms_on": terms.astimezone(UTC).isoformat() if isinstance(terms, datetime) else None,
        "accounts": [
            {
                "account_number": account.number,
                "name": account.name or None,
                "status": account.status.value,
                "address": address_json(account.address) if account.address else None,
                "meters": [
                    {"id": meter.id, "type": meter_type(meter.commodity), "tariff": meter.tariff or None}
                    for meter in account.meters
                ],
            }
            for account in accounts
        ],
    }
