"""The layout of Speculoos Power's bills: two pages, a summary and the meters and charges in detail. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from formats.errors import FormatError
from records import Address, Bill, BillMeter, Commodity, Quantity, Unit
from scrapers.outcomes import ItemFailed

_DAY = r"([A-Z][a-z]+ \d{1,2}, \d{4})"
_MONEY = r"(-?)\$([\d,]+)\.(\d\d)"
_SHORT_DAY = r"(\d\d/\d\d/\d{4})"
_METER = re.compile(
    rf"^(?P<id>[EG]\d+) (?P<service>\d+) (?P<tariff>.+) {_SHORT_DAY} {_SHORT_DAY} "
    r"(?P<previous>[\d.]+) (?P<current>[\d.]+) (?P<usage>[\d.]+) (?P<unit>kWh|therms)$",
    re.MULTILINE,
)
_SERVICE_ADDRESS = re.compile(
    r"^Service address (?P<line>.+), (?P<city>.+), (?P<state>[A-Z]{2}) (?P<zip>[\d-]+)$", re.MULTILINE
)
_UNITS = {"kWh": (Unit.WH, 3, Commodity.ELECTRIC), "therms": (Unit.THERM, 0, Commodity.GAS)}
"""The record's unit, the power of ten to it, and the commodity."""
_CREDITS = ("Community solar credit", "Solar credit")


def read_bill(pages: Sequence[str]) -> Bill:
    """A bill from the text of its pages.

    Raises:
        FormatError: a field is missing, or the figures do not add up.
        ItemFailed: the portal handed out a placeholder instead of the bill.
    """
    text = "\n".join(pages)
    if "This bill is currently unavailable" in text:
        raise ItemFailed("the portal hands out a placeholder: “This bill is currently unavailable”")
    first, last = _days(text, rf"{_DAY} to {_DAY}", "billing period")
    bill = Bill(
        account_number=_field(text, r"Account number (\d+)", "account number"),
        billed_on=_days(text, rf"Statement date {_DAY}", "statement date")[0],
        due_on=_days(text, rf"Amount due by {_DAY}", "due date")[0],
        billing_period_from=first,
        billing_period_to=last,
        total_amount=_required_cents(text, "Total amount due"),
        outstanding_balance=_required_cents(text, "Previous balance"),
        electricity_amount=_cents(text, "Total electric charges"),
        delivery_charge=_cents(text, "Total electric delivery"),
        supply_charge=_cents(text, "Total electric supply"),
        community_solar_bill_credit=_credit(text),
        gas_amount=_cents(text, "Total gas charges"),
        meters=[_meter(found) for found in _METER.finditer(text)],
        address=_address(text),
    )
    _check_sums(bill)
    return bill


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


def _address(text: str) -> Address | None:
    found = _SERVICE_ADDRESS.search(text)
    return Address(found["line"], found["city"], found["state"], found["zip"]) if found else None


def _field(text: str, pattern: str, what: str) -> str:
    found = re.search(pattern, text)
    if not found:
        raise FormatError(f"the bill shows no {what}")
    return found[1]


def _days(text: str, pattern: str, what: str) -> Sequence[date]:
    found = re.search(pattern, text)
    if not found:
        raise FormatError(f"the bill shows no {what}")
    return [_date(day, "%B %d, %Y") for day in found.groups()]


def _date(text: str, layout: str) -> date:
    try:
        return datetime.strptime(text, layout).date()  # noqa: DTZ007 - a date
    except ValueError as exc:
        raise FormatError(f"the bill shows “{text}”, which is no date") from exc


def _cents(text: str, label: str) -> int | None:
    found = re.search(rf"^{re.escape(label)} {_MONEY}", text, re.MULTILINE)
    if not found:
        return None
    cents = int(found[2].replace(",", "")) * 100 + int(found[3])
    return -cents if found[1] else cents


def _required_cents(text: str, label: str) -> int:
    cents = _cents(text, label)
    if cents is None:
        raise FormatError(f"the bill shows no “{label}”")
    return cents


def _credit(text: str) -> int | None:
    found = [cents for label in _CREDITS if (cents := _cents(text, label)) is not None]
    return sum(found) if found else None
