"""Made-up accounts, bills and readings for the tests of this room."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from meterfarm.records import (
    Account,
    Address,
    Bill,
    BillCheck,
    BillMeter,
    BillReading,
    BillStatus,
    Commodity,
    Direction,
    Document,
    LineItem,
    ListedBill,
    Meter,
    Quantity,
    Reading,
    RunKind,
    Series,
    Unit,
)
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import ReadBill
from meterfarm.storage.runs import Claim, Lease
from meterfarm.storage.store import CompanyStore

UTILITY = "speculoos_power"
USERNAME = "IAmValid@bayou.energy"
ADDRESS = Address("1 Waffle Way", "Ghent", "NY", "12075")
ELECTRIC = Meter("E1000001", Commodity.ELECTRIC, "Residential", {"service_number": "77"})
GAS = Meter("G1000001", Commodity.GAS)
ACCOUNT = Account("123456789012345", "Ada", ADDRESS, (ELECTRIC, GAS))
START = 1_700_000_100
EXPORT = Document(b"<feed/>", "application/xml", "usage.xml")


def key(byte: int) -> str:
    return base64.urlsafe_b64encode(bytes([byte]) * 32).decode()


def pdf(content: bytes = b"%PDF-1.7 one") -> Document:
    return Document(content, "application/pdf", "bill.pdf")


def listed(portal_key: str = "b1", billed_on: date = date(2026, 1, 5)) -> ListedBill:
    return ListedBill(portal_key, f"/bills/{portal_key}", billed_on, 4200)


def bill(total_amount: int = 4200, billed_on: date = date(2026, 1, 5)) -> Bill:
    used = BillMeter(
        ELECTRIC.id,
        Commodity.ELECTRIC,
        date(2025, 12, 1),
        date(2025, 12, 31),
        Quantity(123456, 0, Unit.WH),
        "Residential",
        Decimal("100.50"),
        Decimal("223.956"),
        {"service_number": "77"},
    )
    return Bill(
        account_number=ACCOUNT.number,
        billed_on=billed_on,
        due_on=None,
        billing_period_from=date(2025, 12, 1),
        billing_period_to=date(2025, 12, 31),
        total_amount=total_amount,
        outstanding_balance=-1,
        electricity_amount=total_amount,
        meters=(used,),
        address=ADDRESS,
    )


def reading(of: Bill, items: Sequence[LineItem] = ()) -> BillReading:
    """What was read of a bill: a line, a check of each kind, and something left out."""
    line = LineItem(
        "Delivery", 4200, Decimal("100.50"), "kWh", Decimal("0.1"), date(2025, 12, 1), date(2025, 12, 31)
    )
    return BillReading(
        "layout",
        BillStatus.UNLOCKED,
        {"taxes": 100, "currency": "USD"},
        of,
        items or [replace(line, tier="peak", proved_by=("sum",), section="Electricity")],
        [BillCheck("total", True, "All is well."), BillCheck("line", False, "“Delivery” is 1, not 2.")],
        {"due_on": "no label says it"},
    )


def series(
    mantissas: Iterable[int],
    *,
    start: int = START,
    direction: Direction = Direction.DELIVERED,
    unit: Unit = Unit.WH,
    exponent: int = 0,
) -> Series:
    """Quarter-hours of the electric meter."""
    readings = tuple(Reading(start + 900 * i, 900, value) for i, value in enumerate(mantissas))
    return Series(ELECTRIC.id, Commodity.ELECTRIC, direction, unit, exponent, readings)


def begun(store: CompanyStore, customer: Customer, kind: RunKind = RunKind.SCRAPE) -> Lease:
    """A run of the customer, under way in this process."""
    claim = store.runs.begin(customer, kind)
    assert claim is not None, "the login is in use"
    return claim.lease


def claimed(store: CompanyStore, run_id: int, attempt: int) -> Claim | None:
    """A queued run as a worker takes it; None if it is not to be had now."""
    taken = store.farm.runs.take(run_id, attempt)
    return taken[0] if taken is not None else None


def save_bill(
    store: CompanyStore,
    account_id: int,
    listed: ListedBill,
    document: Document,
    bill: Bill | None,
    *,
    layout: str,
    layout_version: int,
    problems: Sequence[str] = (),
) -> bool:
    """Save one bill; whether anything was new."""
    read = ReadBill(listed, document, bill, layout, layout_version, problems)
    return store.bills.save(account_id, [read])[0]
