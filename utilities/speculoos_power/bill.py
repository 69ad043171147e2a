"""The layout of Speculoos Power's bills: two pages, a summary and the meters and charges in detail. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import takewhile

from meterfarm.formats.bills.bill_figures import money
from meterfarm.formats.bills.bill_text import BillText, different_pages
from meterfarm.formats.bills.checks import require_each_once
from meterfarm.formats.bills.printed_figures import PrintedFigures, PrintedRow, cents_of
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, LineItem, Quantity, Unit
from meterfarm.scrapers.outcomes import ItemFailed

_DAY = r"([A-Z][a-z]+ \d{1,2}, \d{4})"
# not caught: the total stands at four other places, which are compared
_MONEY = r"(-?)\$([\d,]+)\.(\d\d)"
_SHORT_DAY = r"(\d\d/\d\d/\d{4})"
_METER = re.compile(
    rf"^(?P<id>[EG]\d+) (?P<service>\d+) (?P<tariff>.+) {_SHORT_DAY} {_SHORT_DAY} "
    r"(?P<previous>[\d.]+) (?P<current>[\d.]+) (?P<usage>[\d.]+) (?P<unit>kWh|therms)$",
    re.MULTILINE,
)
# not caught: it is for rows of another shape, and the portal prints none
_METER_ROW = re.compile(r"^[A-Za-z]\d{5,20} \d{5,}\b.*$", re.MULTILINE)
"""Whatever begins as a meter's row does."""
_SERVICE_ADDRESS = r"^Service address (.+), (.+), ([A-Z]{2}) ([\d-]+)$"
_UNITS = {"kWh": (Unit.WH, 3, Commodity.ELECTRIC), "therms": (Unit.THERM, 0, Commodity.GAS)}
"""The record's unit, the power of ten to it, and the commodity."""
_SERVICES = (("Electricity", "electric", "kWh"), ("Natural gas", "gas", "therms"))
"""The heading above its charges, its name in sums, the unit."""
_SECTIONS = ("Electricity", "Natural gas", "Credits")


def read_bill(pages: Sequence[str]) -> Bill:
    """A bill from the text of its pages, with its lines and what of its figures agrees.

    Raises:
        FormatError: a field is missing.
        Contradiction: it is of several accounts, days, addresses or totals, or has a meter twice, as a PDF of
            several bills.
        ItemFailed: the portal handed out a placeholder instead of the bill.
    """
    shown = BillText(different_pages(pages))
    if "This bill is currently unavailable" in shown.text:
        raise ItemFailed("the portal hands out a placeholder: “This bill is currently unavailable”")
    figures = PrintedFigures(shown.text, _SECTIONS)
    account = shown.field(r"Account number (\d+)", "account number")[0]
    first, last = _days(shown, rf"{_DAY} to {_DAY}", "billing period")
    bill = Bill(
        account_number=account,
        billed_on=_days(shown, rf"Statement date {_DAY}", "statement date")[0],
        due_on=_due_on(shown, figures),
        billing_period_from=first,
        billing_period_to=last,
        total_amount=_total(shown, figures),
        outstanding_balance=figures.required("Previous balance"),
        electricity_amount=figures.amount("Total electric charges"),
        delivery_charge=figures.amount("Total electric delivery"),
        supply_charge=figures.amount("Total electric supply"),
        gas_amount=figures.amount("Total gas charges"),
        meters=_meters(shown.text),
        address=_address(shown),
        previous_balance=figures.amount("Last bill"),
        payments=figures.amount("Payments received, thank you"),
    )
    if differ := [*shown.differ, *figures.differ]:
        raise Contradiction(f"{differ[0]}: put each bill into a PDF of its own")
    require_each_once(bill.meters)
    _require_meters(bill)
    return _with_lines(shown, figures, bill)


def _due_on(shown: BillText, figures: PrintedFigures) -> date:
    """The part to detach has it once more."""
    days = [_date(day, "%B %d, %Y") for _, day in shown.every(rf"(Amount due by|^Due date) {_DAY}")]
    if not days or "Amount due by" not in shown.text:
        raise FormatError("the bill shows no due date")
    return figures.same("Due date", days)


def _total(shown: BillText, figures: PrintedFigures) -> int:
    """It stands in the summary, in a box, in the part to detach, for machines, and on the second page."""
    found = figures.amounts("Total amount due")
    if not found:
        raise FormatError("the bill shows no “Total amount due”")
    found += figures.amounts("Please pay")
    found += [cents_of(*amount) for amount in shown.every(rf"\$[\d,]+\.\d\d {_MONEY}$")]
    total = figures.of_one_bill("Total amount due", found, 2)
    for (digits,) in shown.every(r"^\d{9,} \d+ (\d{9})$"):
        figures.same("Total amount due, for machines", [abs(total), int(digits)], money)
    return total


def _with_lines(shown: BillText, figures: PrintedFigures, bill: Bill) -> Bill:
    """The bill with the lines of the second page, all of which is held against its sums and meters."""
    items: list[LineItem] = []
    parts = [("Previous balance", bill.outstanding_balance or 0)]
    for section, service, unit in _SERVICES:
        total = f"Total {service} charges"
        own = figures.service(section, [f"Total {service} delivery", f"Total {service} supply"], total)
        _, power, commodity = _UNITS[unit]
        counted = (meter.consumption.value for meter in bill.meters if meter.commodity is commodity)
        used = sum(counted, Decimal()).scaleb(-power)
        figures.held_against(own, unit, used, f"meters of {section.lower()}")
        if (cents := figures.amount(total)) is not None:
            parts.append((total, cents))
        items += own
    figures.months(items, (bill.billing_period_to - bill.billing_period_from).days + 1)
    credits = figures.credits("Credits", _credit_rows(figures))
    credits = figures.due("Total amount due", bill.total_amount, parts, credits)
    paid = [("Last bill", bill.previous_balance), ("Payments received, thank you", bill.payments)]
    figures.balance("Previous balance", bill.outstanding_balance, paid)
    exported = shown.every(r"^(Exported energy \S+) previous ([\d.]+) current ([\d.]+) .* ([\d.]+) kWh$")
    meters = [(name, Decimal(one), Decimal(other), Decimal(used)) for name, one, other, used in exported]
    figures.to_grid(meters, credits, "exported energy")
    return figures.with_lines(bill, items, credits)


def _credit_rows(figures: PrintedFigures) -> Sequence[PrintedRow]:
    """Those below their heading, by their names: one says in words how it came about."""
    rows = takewhile(lambda row: row.text != "Previous balance", figures.of_section("Credits"))
    return [row._replace(text=re.sub(r"^(Community solar credit) .*", r"\1", row.text)) for row in rows]


def _require_meters(bill: Bill) -> None:
    if not bill.meters:
        raise FormatError("the bill shows no meter")
    charged = {Commodity.ELECTRIC: bill.electricity_amount, Commodity.GAS: bill.gas_amount}
    for commodity, cents in charged.items():
        if (cents is not None) != any(meter.commodity is commodity for meter in bill.meters):
            raise FormatError(f"the bill shows a charge for {commodity} or a meter of it, but not both")


def _meters(text: str) -> Sequence[BillMeter]:
    """A row that stands there twice, word for word, is one. Raises FormatError for one of another shape."""
    rows = {found[0]: found for found in _METER.finditer(text)}
    for found in _METER_ROW.finditer(text):
        if found[0] not in rows:
            raise FormatError(f"the row of meter {found[0].partition(' ')[0]} is not written as others are")
    return [_meter(found) for found in rows.values()]


def _meter(found: re.Match[str]) -> BillMeter:
    unit, power, commodity = _UNITS[found["unit"]]
    first, last = (_date(found[place], "%m/%d/%Y") for place in (4, 5))
    usage = Decimal(found["usage"])
    decimals = -int(usage.as_tuple().exponent)
    return BillMeter(
        id=found["id"],
        commodity=commodity,
        billing_period_from=first,
        billing_period_to=last,
        consumption=Quantity(int(usage.scaleb(decimals)), power - decimals, unit),
        tariff=found["tariff"],
        previous_read=Decimal(found["previous"]),
        current_read=Decimal(found["current"]),
        additional_attributes={"service_number": found["service"]},
    )


def _address(shown: BillText) -> Address | None:
    found = shown.optional(_SERVICE_ADDRESS, "service address")
    return Address(*found) if found else None


def _days(shown: BillText, pattern: str, what: str) -> Sequence[date]:
    return [_date(day, "%B %d, %Y") for day in shown.field(pattern, what)]


def _date(text: str, layout: str) -> date:
    try:
        return datetime.strptime(text, layout).date()  # noqa: DTZ007 - a date
    except ValueError as exc:
        raise FormatError(f"the bill shows “{text}”, which is no date") from exc
