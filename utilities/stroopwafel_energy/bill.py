"""The layout of Stroopwafel Energy's statements: what is owed, and the meters on a second page. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from meterfarm.formats.bills.bill_text import BillText, different_pages
from meterfarm.formats.bills.checks import require_each_once
from meterfarm.formats.bills.printed_figures import PrintedFigures, PrintedRow, cents_of
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, LineItem, Quantity, Unit
from meterfarm.utilities.stroopwafel_energy.numbers import account_number

_DAY = r"(\d\d/\d\d/\d{4})"
_LONG_DAY = r"([A-Z][a-z]+ \d{1,2}, \d{4})"
# not caught: the total stands at other places, too, which are compared
_MONEY = r"(-?)\$([\d,]+)\.(\d\d)"
_METER = re.compile(
    r"^Meter (?P<id>[EG]\d+)(?P<to_grid> to the grid)? Point of delivery (?P<point>\d+) Rate (?P<tariff>.+)\n"
    rf"(?P<first>{_DAY}) - (?P<last>{_DAY}): (?P<current>[\d.]+) less (?P<previous>[\d.]+) "
    r"is (?P<usage>[\d.]+) (?P<unit>kWh|therms)$",
    re.MULTILINE,
)
# not caught: it is for rows of another shape, and the portal prints none
_METER_LINE = re.compile(r"^Meter .*$", re.MULTILINE)
_UNITS = {"kWh": (Unit.WH, 3, Commodity.ELECTRIC), "therms": (Unit.THERM, 0, Commodity.GAS)}
"""The record's unit, the power of ten to it, and the commodity."""
_SERVICES = {Commodity.ELECTRIC: "Electricity", Commodity.GAS: "Natural gas"}
_SECTIONS = tuple(f"{service} in detail" for service in _SERVICES.values())


def read_bill(pages: Sequence[str]) -> Bill:
    """A bill from the text of its pages, with its lines and what of its figures agrees.

    Raises:
        FormatError: a field is missing.
        Contradiction: it is of several accounts, days, addresses or totals, or has a meter twice, as a PDF of
            several bills.
    """
    shown = BillText(different_pages(pages))
    figures = PrintedFigures(shown.text, _SECTIONS)
    delivery, supply, electric = _charges(figures, "Electricity")
    number = shown.field(r"Account no\. ([\d-]+)", "account number")[0]
    last_statement = figures.required("Balance on your last statement")
    paid = figures.required("Paid since then")
    bill = Bill(
        account_number=account_number(number),
        billed_on=_day(shown.field(rf"Issued {_DAY}", "date of issue")[0]),
        due_on=_long_day(shown.field(rf"Pay by {_LONG_DAY}", "due date")[0]),
        billing_period_from=_day(shown.field(rf"Service from {_DAY}", "first day")[0]),
        billing_period_to=_day(shown.field(rf"Service through {_DAY}", "last day")[0]),
        total_amount=_total(shown, figures),
        outstanding_balance=last_statement + paid,
        electricity_amount=electric,
        delivery_charge=delivery,
        supply_charge=supply,
        gas_amount=_charges(figures, "Natural gas")[2],
        meters=_meters(shown.text),
        address=_address(shown),
        previous_balance=last_statement,
        payments=paid,
    )
    if differ := [*shown.differ, *figures.differ]:
        raise Contradiction(f"{differ[0]}: put each bill into a PDF of its own")
    require_each_once(bill.meters)
    _require_meters(bill)
    return _with_lines(shown, figures, bill)


def _charges(figures: PrintedFigures, service: str) -> tuple[int | None, int | None, int | None]:
    """Delivery, supply and both, as the two pages sum them up."""
    delivery, supply = (figures.amount(f"{service}: {part}") for part in ("delivery", "supply"))
    both = figures.amount(f"{service} in all")
    if (delivery is None) != (supply is None) or (delivery is None) != (both is None):
        raise FormatError(f"the bill does not show all charges for {service.lower()}")
    if delivery is not None and supply is not None and both is not None:
        parts = [(f"{service}: delivery", delivery), (f"{service}: supply", supply)]
        figures.total(f"{service} in all", both, parts)
    return delivery, supply, both


def _total(shown: BillText, figures: PrintedFigures) -> int:
    """It stands at the end of the sums, and large above them."""
    found = figures.amounts("You owe in all")
    if not found:
        raise FormatError("the bill shows no “You owe in all”")
    large = shown.every(rf"^(?:You owe )?{_MONEY} Service from")
    found += [cents_of(*amount) for amount in large]
    return figures.of_one_bill("You owe in all", found, 2)


def _with_lines(shown: BillText, figures: PrintedFigures, bill: Bill) -> Bill:
    """The bill with the lines of the second page, all of which is held against its sums and meters."""
    items: list[LineItem] = []
    parts = [
        ("Balance on your last statement", bill.previous_balance or 0),
        ("Paid since then", bill.payments or 0),
    ]
    for unit, (_, power, commodity) in _UNITS.items():
        service = _SERVICES[commodity]
        own: list[LineItem] = []
        for part in ("Delivery", "Supply"):
            total = f"{service}: {part.lower()}"
            if (cents := figures.amount(total)) is not None:
                own += figures.lines(
                    f"{service}, {part.lower()}", _rows(figures, service, part), (total, cents)
                )
                parts.append((total, cents))
        counted = (meter.consumption.value for meter in bill.meters if meter.commodity is commodity)
        used = sum(counted, Decimal()).scaleb(-power)
        figures.held_against(own, unit, used, f"meters of {service.lower()}")
        items += own
    figures.months(items, (bill.billing_period_to - bill.billing_period_from).days + 1)
    rows = [row for service in _SERVICES.values() for row in _rows(figures, service, "Credit")]
    credits = figures.credits("Credit", rows)
    credits = figures.due("You owe in all", bill.total_amount, parts, credits)
    to_grid = [
        (f"Meter {found['id']} to the grid", *_figures(found))
        for found in _meter_rows(shown.text)
        if found["to_grid"]
    ]
    figures.to_grid(to_grid, credits, "meters to the grid")
    return figures.with_lines(bill, items, credits)


def _rows(figures: PrintedFigures, service: str, part: str) -> list[PrintedRow]:
    """Below the heading of a service, the rows that begin with the name of a part, without it."""
    return [
        row._replace(text=row.text.removeprefix(f"{part} "))
        for row in figures.of_section(f"{service} in detail")
        if row.text.startswith(f"{part} ")
    ]


def _require_meters(bill: Bill) -> None:
    if not bill.meters:
        raise FormatError("the bill shows no meter")
    for commodity, cents in (
        (Commodity.ELECTRIC, bill.electricity_amount),
        (Commodity.GAS, bill.gas_amount),
    ):
        if (cents is not None) != any(meter.commodity is commodity for meter in bill.meters):
            raise FormatError(f"the bill shows a charge for {commodity} or a meter of it, but not both")


def _meters(text: str) -> Sequence[BillMeter]:
    """Those that deliver; what one counted towards the grid has a line that begins alike."""
    if len(_METER.findall(text)) != len(_METER_LINE.findall(text)):
        raise FormatError("a meter is not written as others are")
    return [_meter(each) for each in _meter_rows(text) if not each["to_grid"]]


def _meter_rows(text: str) -> Sequence[re.Match[str]]:
    """One that stands there twice, word for word, is one."""
    return list({found[0]: found for found in _METER.finditer(text)}.values())


def _meter(found: re.Match[str]) -> BillMeter:
    unit, power, commodity = _UNITS[found["unit"]]
    previous, current, usage = _figures(found)
    decimals = -int(usage.as_tuple().exponent)
    return BillMeter(
        id=found["id"],
        commodity=commodity,
        billing_period_from=_day(found["first"]),
        billing_period_to=_day(found["last"]),
        consumption=Quantity(int(usage.scaleb(decimals)), power - decimals, unit),
        tariff=found["tariff"],
        previous_read=previous,
        current_read=current,
        additional_attributes={"service_number": found["point"]},
    )


def _figures(found: re.Match[str]) -> tuple[Decimal, Decimal, Decimal]:
    return Decimal(found["previous"]), Decimal(found["current"]), Decimal(found["usage"])


def _address(shown: BillText) -> Address:
    return Address(*shown.field(r"Premises: (.+), (.+), ([A-Z]{2}) ([\d-]+)$", "premises"))


def _day(text: str) -> date:
    return _read_day(text, "%m/%d/%Y")


def _long_day(text: str) -> date:
    return _read_day(text, "%B %d, %Y")


def _read_day(text: str, layout: str) -> date:
    try:
        return datetime.strptime(text, layout).date()  # noqa: DTZ007 - a date
    except ValueError as exc:
        raise FormatError(f"the bill shows “{text}”, which is no date") from exc
