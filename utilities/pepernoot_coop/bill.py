"""The layout of Pepernoot Co-op's bills: one page, all in a column. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from meterfarm.formats.bills.bill_text import BillText, different_pages
from meterfarm.formats.bills.checks import require_each_once
from meterfarm.formats.bills.printed_figures import PrintedFigures
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, Quantity, Unit
from meterfarm.scrapers.outcomes import ItemFailed

_DAY = r"(\d{1,2} [A-Z][a-z]{2} \d{4})"
_METER = re.compile(
    r"^Mtr (?P<id>\S+) Loc (?P<location>\d+) (?P<flow>from|to) grid "
    r"(?P<previous>[\d.]+) -> (?P<current>[\d.]+) "
    r"= (?P<usage>[\d.]+) kWh Rate (?P<tariff>.+)$",
    re.MULTILINE,
)
# not caught: it is for rows of another shape, and the portal prints none
_METER_ROW = re.compile(r"^Mtr .*$", re.MULTILINE)
"""Whatever begins as a meter's row does."""
_SECTION = "Charges for electricity"
_CREDIT = "Net metering credit"
_POWER = 3
"""Of ten, from kWh to watt-hours."""
_ADDRESS = r"^Serving (.+) / (.+) ([A-Z]{2}) ([\d-]+)$"


def read_bill(pages: Sequence[str]) -> Bill:
    """A bill from the text of its pages, with its lines and what of its figures agrees.

    Raises:
        FormatError: a field is missing.
        Contradiction: it is of several accounts, days, addresses or totals, or has a meter twice, as a PDF of
            several bills.
        ItemFailed: the portal handed out a placeholder instead of the bill.
    """
    shown = BillText(different_pages(pages))
    if "The image of this statement is not on file" in shown.text:
        raise ItemFailed("the portal hands out a placeholder: “The image of this statement is not on file”")
    figures = PrintedFigures(shown.text, [_SECTION])
    first, last = (_day(shown, label) for label in ("Service from", "Service through"))
    address = shown.optional(_ADDRESS, "address")
    bill = Bill(
        account_number=shown.field(r"^Account No\. (\d+)$", "account number")[0],
        billed_on=_day(shown, "Bill date"),
        due_on=_day(shown, "No later than"),
        billing_period_from=first,
        billing_period_to=last,
        total_amount=_total(figures),
        outstanding_balance=figures.required("Carried over"),
        electricity_amount=figures.required("Electricity this period"),
        delivery_charge=figures.required("Subtotal distribution"),
        supply_charge=figures.required("Subtotal power supply"),
        meters=_meters(shown.text, first, last),
        address=Address(*address) if address else None,
        previous_balance=figures.amount("Last statement"),
        payments=figures.amount("Paid, thank you"),
    )
    if differ := [*shown.differ, *figures.differ]:
        raise Contradiction(f"{differ[0]}: put each bill into a PDF of its own")
    require_each_once(bill.meters)
    if not bill.meters:
        raise FormatError("the bill shows no meter")
    return _with_lines(shown, figures, bill)


def _total(figures: PrintedFigures) -> int:
    """It stands there once."""
    found = figures.amounts("Please remit")
    if not found:
        raise FormatError("the bill shows no “Please remit”")
    return figures.of_one_bill("Please remit", found, 1)


def _with_lines(shown: BillText, figures: PrintedFigures, bill: Bill) -> Bill:
    """The bill with the lines of its charges, all of which is held against its sums and meters."""
    total = "Electricity this period"
    items = figures.service(_SECTION, ["Subtotal distribution", "Subtotal power supply"], total)
    counted = sum((meter.consumption.value for meter in bill.meters), Decimal()).scaleb(-_POWER)
    figures.held_against(items, "kWh", counted, "meters from the grid")
    figures.months(items, (bill.billing_period_to - bill.billing_period_from).days + 1)
    credits = figures.lines("", [row for row in figures.rows if row.text.startswith(_CREDIT)], None)
    parts = [("Carried over", bill.outstanding_balance or 0), (total, bill.electricity_amount or 0)]
    credits = figures.due("Please remit", bill.total_amount, parts, credits)
    paid = [("Last statement", bill.previous_balance), ("Paid, thank you", bill.payments)]
    figures.balance("Carried over", bill.outstanding_balance, paid)
    to_grid = [
        (f"Mtr {found['id']} to grid", *_figures(found))
        for found in _rows(shown.text)
        if found["flow"] == "to"
    ]
    figures.to_grid(to_grid, credits, "meters to the grid")
    return figures.with_lines(bill, items, credits)


def _meters(text: str, first: date, last: date) -> Sequence[BillMeter]:
    """What came from the grid. Raises FormatError for a row of another shape."""
    rows = _rows(text)
    written = {found[0] for found in rows}
    if any(found[0] not in written for found in _METER_ROW.finditer(text)):
        raise FormatError("the row of a meter is not written as others are")
    return [_meter(found, first, last) for found in rows if found["flow"] == "from"]


def _rows(text: str) -> Sequence[re.Match[str]]:
    """A row that stands there twice, word for word, is one."""
    return list({found[0]: found for found in _METER.finditer(text)}.values())


def _meter(found: re.Match[str], first: date, last: date) -> BillMeter:
    previous, current, usage = _figures(found)
    decimals = -int(usage.as_tuple().exponent)
    return BillMeter(
        id=found["id"],
        commodity=Commodity.ELECTRIC,
        billing_period_from=first,
        billing_period_to=last,
        consumption=Quantity(int(usage.scaleb(decimals)), _POWER - decimals, Unit.WH),
        tariff=found["tariff"],
        previous_read=previous,
        current_read=current,
        additional_attributes={"service_number": found["location"]},
    )


def _figures(found: re.Match[str]) -> tuple[Decimal, Decimal, Decimal]:
    return Decimal(found["previous"]), Decimal(found["current"]), Decimal(found["usage"])


def _day(shown: BillText, label: str) -> date:
    text = shown.field(rf"^{label} {_DAY}$", f"“{label}”")[0]
    try:
        return datetime.strptime(text, "%d %b %Y").date()  # noqa: DTZ007 - a date
    except ValueError as exc:
        raise FormatError(f"the bill shows “{text}”, which is no date") from exc
