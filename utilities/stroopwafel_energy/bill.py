"""The layout of Stroopwafel Energy's statements: what is owed, and the meters on a second page. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from meterfarm.formats.bills.bill_text import BillText
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, Quantity, Unit
from meterfarm.utilities.stroopwafel_energy.numbers import account_number

_DAY = r"(\d\d/\d\d/\d{4})"
_LONG_DAY = r"([A-Z][a-z]+ \d{1,2}, \d{4})"
_MONEY = r"(-?)\$([\d,]+)\.(\d\d)"
_METER = re.compile(
    r"^Meter (?P<id>[EG]\d+)(?P<to_grid> to the grid)? Point of delivery (?P<point>\d+) Rate (?P<tariff>.+)\n"
    rf"(?P<first>{_DAY}) - (?P<last>{_DAY}): (?P<current>[\d.]+) less (?P<previous>[\d.]+) "
    r"is (?P<usage>[\d.]+) (?P<unit>kWh|therms)$",
    re.MULTILINE,
)
_METER_LINE = re.compile(r"^Meter .*$", re.MULTILINE)
_UNITS = {"kWh": (Unit.WH, 3, Commodity.ELECTRIC), "therms": (Unit.THERM, 0, Commodity.GAS)}
"""The record's unit, the power of ten to it, and the commodity."""
_SERVICES = {Commodity.ELECTRIC: "Electricity", Commodity.GAS: "Natural gas"}


def read_bill(pages: Sequence[str]) -> Bill:
    """A bill from the text of its pages.

    Raises:
        FormatError: a field is missing, or the figures do not add up.
        Contradiction: a field is there more than once and differs, as in a PDF of several bills.
    """
    shown = BillText(pages)
    charges = {commodity: _charges(shown, service) for commodity, service in _SERVICES.items()}
    delivery, supply, electric = charges[Commodity.ELECTRIC]
    bill = Bill(
        account_number=account_number(shown.field(r"Account no\. ([\d-]+)", "account number")[0]),
        billed_on=_day(shown.field(rf"Issued {_DAY}", "date of issue")[0]),
        due_on=_long_day(shown.field(rf"Pay by {_LONG_DAY}", "due date")[0]),
        billing_period_from=_day(shown.field(rf"Service from {_DAY}", "first day")[0]),
        billing_period_to=_day(shown.field(rf"Service through {_DAY}", "last day")[0]),
        total_amount=_required(shown, "You owe in all"),
        outstanding_balance=_required(shown, "Balance on your last statement")
        + _required(shown, "Paid since then"),
        electricity_amount=electric,
        delivery_charge=delivery,
        supply_charge=supply,
        community_solar_bill_credit=_cents(shown, "Solar credit"),
        gas_amount=charges[Commodity.GAS][2],
        meters=_meters(shown.text),
        address=_address(shown),
    )
    if shown.differ:
        raise Contradiction(f"{shown.differ[0]}: put each bill into a PDF of its own")
    _check_sums(bill)
    return bill


def _charges(shown: BillText, service: str) -> tuple[int | None, int | None, int | None]:
    """Delivery, supply and both, as the second page sums them up."""
    delivery, supply = (_cents(shown, f"{service}: {part}") for part in ("delivery", "supply"))
    both = _cents(shown, f"{service} in all")
    if (delivery is None) != (supply is None) or (delivery is None) != (both is None):
        raise FormatError(f"the bill does not show all charges for {service.lower()}")
    if delivery is not None and supply is not None and delivery + supply != both:
        raise FormatError(f"delivery and supply do not add up to what {service.lower()} costs")
    return delivery, supply, both


def _check_sums(bill: Bill) -> None:
    if not bill.meters:
        raise FormatError("the bill shows no meter")
    for commodity, cents in (
        (Commodity.ELECTRIC, bill.electricity_amount),
        (Commodity.GAS, bill.gas_amount),
    ):
        if (cents is not None) != any(meter.commodity is commodity for meter in bill.meters):
            raise FormatError(f"the bill shows a charge for {commodity} or a meter of it, but not both")
    lines = (bill.electricity_amount, bill.gas_amount, bill.community_solar_bill_credit)
    total = bill.outstanding_balance + sum(cents or 0 for cents in lines)
    if total != bill.total_amount:
        raise FormatError(f"the lines add up to {total} cents, the total is {bill.total_amount}")


def _meters(text: str) -> Sequence[BillMeter]:
    """Those that deliver; what one counted towards the grid has a line that begins alike."""
    found = list(_METER.finditer(text))
    if len(found) != len(_METER_LINE.findall(text)):
        raise FormatError("a meter is not written as others are")
    return [_meter(each) for each in found if not each["to_grid"]]


def _meter(found: re.Match[str]) -> BillMeter:
    unit, power, commodity = _UNITS[found["unit"]]
    usage, previous, current = (Decimal(found[name]) for name in ("usage", "previous", "current"))
    if current - previous != usage:
        raise FormatError(f"the reads of meter {found['id']} do not differ by its usage")
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


def _cents(shown: BillText, label: str) -> int | None:
    found = shown.optional(rf"^{re.escape(label)} {_MONEY}$", f"“{label}”")
    if not found:
        return None
    sign, whole, hundredths = found
    cents = int(whole.replace(",", "")) * 100 + int(hundredths)
    return -cents if sign else cents


def _required(shown: BillText, label: str) -> int:
    cents = _cents(shown, label)
    if cents is None:
        raise FormatError(f"the bill shows no “{label}”")
    return cents
