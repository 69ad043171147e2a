"""What `bench api` asks for: a customer with 24 bills and years of quarter-hours of three meters."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from meterfarm.records import (
    Account,
    Address,
    Bill,
    BillMeter,
    Commodity,
    Direction,
    Document,
    ListedBill,
    Meter,
    Quantity,
    Reading,
    Series,
    Unit,
)
from meterfarm.services.api_keys import create_key
from meterfarm.storage.data import ReadBill
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store

BILLS, METERS = 24, 3
YEAR = 365 * 96
_FIRST, _QUARTER, _MONTH = 1_600_000_200, 900, 30
_ADDRESS = Address("1 Waffle Way", "Ghent", "NY", "12075-0001")


def fill(home: Path, years: int) -> tuple[str, int, int]:
    """Make the store; a key of its API, the customer, and another with one year alone."""
    with Store.open(Settings(home=home)) as farm:
        store = farm.of()
        found = []
        for name, length in (("long", years), ("short", 1)):
            customer = store.customers.ensure("speculoos_power", f"{name}@bayou.energy")
            found.append(customer.id)
            meters = tuple(Meter(f"E{number}", Commodity.ELECTRIC) for number in range(METERS))
            account = store.accounts.save(customer, Account("4981544773", "Ada", _ADDRESS, meters))
            store.bills.save(account, [_bill(number) for number in range(BILLS)])
            for meter in meters:
                export = Document(meter.id.encode(), "text/csv", "usage.csv")
                store.readings.save(account, export, meter.id, [_series(meter.id, length * YEAR)])
        return create_key(store)[1], found[0], found[1]


def _series(meter_id: str, count: int) -> Series:
    readings = [Reading(_FIRST + _QUARTER * at, _QUARTER, 100 + at % 977) for at in range(count)]
    return Series(meter_id, Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, readings)


def _bill(number: int) -> ReadBill:
    first = date(2022, 1, 1) + timedelta(days=_MONTH * number)
    last = first + timedelta(days=_MONTH - 1)
    meters = tuple(
        BillMeter(f"E{each}", Commodity.ELECTRIC, first, last, Quantity(412_000 + number, 0, Unit.WH), "SC1")
        for each in range(METERS)
    )
    billed_on = last + timedelta(days=2)
    bill = Bill(
        account_number="4981544773",
        billed_on=billed_on,
        due_on=billed_on + timedelta(days=20),
        billing_period_from=first,
        billing_period_to=last,
        total_amount=12_000 + number,
        outstanding_balance=0,
        electricity_amount=12_000 + number,
        meters=meters,
        address=_ADDRESS,
    )
    listed = ListedBill(f"b{number}", f"/bills/{number}", billed_on, bill.total_amount)
    return ReadBill(
        listed, Document(b"%%PDF-1.7 %d" % number, "application/pdf", "bill.pdf"), bill, "bench", 1
    )
