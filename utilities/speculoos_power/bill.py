"""The layout of Speculoos Power's bills: two pages, a summary and the meters and charges in detail. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from meterfarm.formats.bills.bill_text import BillText
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, Quantity, Unit
from meterfarm.scrapers.outcomes import ItemFailed

_DAY = r"([A-Z][a-z]+ \d{1,2}, \d{4})"
_MONEY = r"(-?)\$([\d,]+)\.(\d\d)"
_SHORT_DAY = r"(\d\d/\d\d/\d{4})"
_METER = re.compile(
    rf"^(?P<id>[EG]\d+) (?P<service>\d+) (?P<tariff>.+) {_SHORT_DAY} {_SHORT_DAY} "
    r"(?P<previous>[\d.]+) (?P<current>[\d.]+) (?P<usage>[\d.]+) (?P<unit>kWh|therms)$",
    re.MULTILINE,
)
_METER_ROW = re.compile(r"^[A-Za-z]\d{5,20} \d{5,}\b.*$", re.MULTILINE)
"""Whatever begins as a meter's row does."""
_SERVICE_ADDRESS = r"^Service address (.+), (.+), ([A-Z]{2}) ([\d-]+)$"
_UNITS = {"kWh": (Unit.WH, 3, Commodity.ELECTRIC), "therms": (Unit.THERM, 0, Commodity.GAS)}
"""The record's unit, the power of ten to it, and the commodity."""
_CREDITS = ("Community solar credit", "Solar credit")


def read_bill(pages: Sequence[str]) -> Bill:
    """A bill from the text of its pages.

    Raises:
        FormatError: a field is missing, or the figures do not add up.
        Contradiction: a field is there more than once and differs, as in a PDF of several bills.
        ItemFailed: the portal handed out a placeholder instead of the bill.
    """
    shown = BillText(pages)
    if "This bill is currently unavailable" in shown.text:
        raise ItemFailed("the portal hands out a placeholder: “This bill is currently unavailable”")
    first, last = _days(shown, rf"{_DAY} to {_DAY}", "billing period")
    bill = Bill(
        account_number=shown.field(r"Account number (\d+)", "account number")[0],
        billed_on=_days(shown, rf"Statement date {_DAY}", "statement date")[0],
        due_on=_days(shown, rf"Amount due by {_DAY}", "due date")[0],
        billing_period_from=first,
        billing_period_to=last,
        total_amount=_required_cents(shown, "Total amount due"),
        outstanding_balance=_required_cents(shown, "Previous balance"),
        electricity_amount=_cents(shown, "Total electric charges"),
        delivery_charge=_cents(shown, "Total electric delivery"),
        supply_charge=_cents(shown, "Total electric supply"),
        community_solar_bill_credit=_credit(shown),
        gas_amount=_cents(shown, "Total gas charges"),
        meters=_meters(shown.text),
        address=_address(shown),
    )
    others = [*_stub(shown, bill), *_overlapping(bill)]
    differ = [*shown.differ, *others]
    try:
        _check_sums(bill)
    except FormatError as exc:
        differ.append(str(exc))
        if len(differ) == 1:
            raise
    if differ:
        problems = dict.fromkeys((differ[0], differ[-1]))
        raise Contradiction(f"{'; '.join(problems)}: put each bill into a PDF of its own")
    return bill


def _stub(shown: BillText, bill: Bill) -> Iterator[str]:
    """What the part to detach says otherwise: it has when to pay, and how much."""
    due = shown.optional(rf"^Due date {_DAY}", "due date")
    if due and _date(due[0], "%B %d, %Y") != bill.due_on:
        yield f"the bill is due by {bill.due_on}, and by its lower part on “{due[0]}”"
    pay = _cents(shown, "Please pay")
    if pay is not None and pay != bill.total_amount:
        yield f"the total is {bill.total_amount} cents, and in its lower part {pay}"


def _overlapping(bill: Bill) -> Iterator[str]:
    """Meters that are not of the bill's time, or there twice for one day of it."""
    first, last = bill.billing_period_from, bill.billing_period_to
    for place, meter in enumerate(bill.meters):
        begin, end = meter.billing_period_from, meter.billing_period_to
        if begin < first or end > last:
            yield f"meter {meter.id} is of {begin} to {end}, the bill of {first} to {last}"
        for other in bill.meters[:place]:
            apart = end < other.billing_period_from or begin > other.billing_period_to
            if other.id == meter.id and not apart:
                yield f"the bill shows meter {meter.id} twice, with different values"


def _check_sums(bill: Bill) -> None:
    if not bill.meters:
        raise FormatError("the bill shows no meter")
    charged = {Commodity.ELECTRIC: bill.electricity_amount, Commodity.GAS: bill.gas_amount}
    for commodity, cents in charged.items():
        if (cents is not None) != any(meter.commodity is commodity for meter in bill.meters):
            raise FormatError(f"the bill shows a charge for {commodity} or a meter of it, but not both")
    lines = (bill.electricity_amount, bill.gas_amount, bill.community_solar_bill_credit)
    total = bill.outstanding_balance + sum(cents or 0 for cents in lines)
    if total != bill.total_amount:
        raise FormatError(f"the lines add up to {total} cents, the total is {bill.total_amount}")
    if bill.electricity_amount is not None and bill.electricity_amount != (bill.delivery_charge or 0) + (
        bill.supply_charge or 0
    ):
        raise FormatError("delivery and supply do not add up to the electric charges")
    for meter in bill.meters:
        if meter.previous_read is None or meter.current_read is None:
            continue
        used = (meter.current_read - meter.previous_read).scaleb(_UNITS_TO_EXPONENT[meter.consumption.unit])
        if used != meter.consumption.value:
            raise FormatError(f"the reads of meter {meter.id} do not differ by its usage")


_UNITS_TO_EXPONENT = {unit: exponent for unit, exponent, _ in _UNITS.values()}


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


def _cents(shown: BillText, label: str) -> int | None:
    found = shown.optional(rf"^{re.escape(label)} {_MONEY}", f"“{label}”")
    if not found:
        return None
    sign, whole, hundredths = found
    cents = int(whole.replace(",", "")) * 100 + int(hundredths)
    return -cents if sign else cents


def _required_cents(shown: BillText, label: str) -> int:
    cents = _cents(shown, label)
    if cents is None:
        raise FormatError(f"the bill shows no “{label}”")
    return cents


def _credit(shown: BillText) -> int | None:
    found = [cents for label in _CREDITS if (cents := _cents(shown, label)) is not None]
    return sum(found) if found else None
