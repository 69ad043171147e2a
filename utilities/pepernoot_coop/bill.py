"""The layout of Pepernoot Co-op's bills: one page, all in a column. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from meterfarm.formats.bills.bill_text import BillText
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, Quantity, Unit
from meterfarm.scrapers.outcomes import ItemFailed

_DAY = r"(\d{1,2} [A-Z][a-z]{2} \d{4})"
_MONEY = r"(-?)\$([\d,]+)\.(\d\d)"
_METER = re.compile(
    r"^Mtr (?P<id>\S+) Loc (?P<location>\d+) (?P<flow>from|to) grid "
    r"(?P<previous>[\d.]+) -> (?P<current>[\d.]+) "
    r"= (?P<usage>[\d.]+) kWh Rate (?P<tariff>.+)$",
    re.MULTILINE,
)
_METER_ROW = re.compile(r"^Mtr .*$", re.MULTILINE)
"""Whatever begins as a meter's row does."""
_ADDRESS = r"^Serving (.+) / (.+) ([A-Z]{2}) ([\d-]+)$"


def read_bill(pages: Sequence[str]) -> Bill:
    """A bill from the text of its pages.

    Raises:
        FormatError: a field is missing, or the figures do not add up.
        Contradiction: a field is there more than once and differs, as in a PDF of several bills.
        ItemFailed: the portal handed out a placeholder instead of the bill.
    """
    shown = BillText(pages)
    if "The image of this statement is not on file" in shown.text:
        raise ItemFailed("the portal hands out a placeholder: “The image of this statement is not on file”")
    first, last = (_day(shown, label) for label in ("Service from", "Service through"))
    address = shown.optional(_ADDRESS, "address")
    bill = Bill(
        account_number=shown.field(r"^Account No\. (\d+)$", "account number")[0],
        billed_on=_day(shown, "Bill date"),
        due_on=_day(shown, "No later than"),
        billing_period_from=first,
        billing_period_to=last,
        total_amount=_cents(shown, "Please remit"),
        outstanding_balance=_cents(shown, "Carried over"),
        electricity_amount=_cents(shown, "Electricity this period"),
        delivery_charge=_cents(shown, "Subtotal distribution"),
        supply_charge=_cents(shown, "Subtotal power supply"),
        community_solar_bill_credit=_credit(shown),
        meters=_meters(shown.text, first, last),
        address=Address(*address) if address else None,
    )
    differ = list(shown.differ)
    try:
        _check_sums(bill)
    except FormatError as exc:
        if not differ:
            raise
        differ.append(str(exc))
    if differ:
        problems = dict.fromkeys((differ[0], differ[-1]))
        raise Contradiction(f"{'; '.join(problems)}: put each bill into a PDF of its own")
    return bill


def _check_sums(bill: Bill) -> None:
    if not bill.meters:
        raise FormatError("the bill shows no meter")
    charged = (bill.delivery_charge or 0) + (bill.supply_charge or 0)
    if charged != bill.electricity_amount:
        raise FormatError("distribution and power supply do not add up to the charges for electricity")
    total = bill.outstanding_balance + charged + (bill.community_solar_bill_credit or 0)
    if total != bill.total_amount:
        raise FormatError(f"the lines add up to {total} cents, the total is {bill.total_amount}")


def _meters(text: str, first: date, last: date) -> Sequence[BillMeter]:
    """What came from the grid. Raises FormatError for a row of another shape."""
    rows = {found[0]: found for found in _METER.finditer(text)}
    for found in _METER_ROW.finditer(text):
        if found[0] not in rows:
            raise FormatError("the row of a meter is not written as others are")
    return [_meter(found, first, last) for found in rows.values() if found["flow"] == "from"]


def _meter(found: re.Match[str], first: date, last: date) -> BillMeter:
    previous, current, usage = (Decimal(found[name]) for name in ("previous", "current", "usage"))
    if current - previous != usage:
        raise FormatError(f"the reads of meter {found['id']} do not differ by its usage")
    decimals = -int(usage.as_tuple().exponent)
    return BillMeter(
        id=found["id"],
        commodity=Commodity.ELECTRIC,
        billing_period_from=first,
        billing_period_to=last,
        consumption=Quantity(int(usage.scaleb(decimals)), 3 - decimals, Unit.WH),
        tariff=found["tariff"],
        previous_read=previous,
        current_read=current,
        additional_attributes={"service_number": found["location"]},
    )


def _day(shown: BillText, label: str) -> date:
    text = shown.field(rf"^{label} {_DAY}$", f"“{label}”")[0]
    try:
        return datetime.strptime(text, "%d %b %Y").date()  # noqa: DTZ007 - a date
    except ValueError as exc:
        raise FormatError(f"the bill shows “{text}”, which is no date") from exc


def _cents(shown: BillText, label: str) -> int:
    sign, whole, hundredths = shown.field(rf"^{label} {_MONEY}$", f"“{label}”")
    cents = int(whole.replace(",", "")) * 100 + int(hundredths)
    return -cents if sign else cents


def _credit(shown: BillText) -> int | None:
    """The credit for net metering; its line says how it came about."""
    found = shown.optional(rf"^Net metering credit .*? {_MONEY}$", "net metering credit")
    if not found:
        return None
    sign, whole, hundredths = found
    cents = int(whole.replace(",", "")) * 100 + int(hundredths)
    return -cents if sign else cents
