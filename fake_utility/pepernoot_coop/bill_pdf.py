"""A bill's PDF: one page, a green band at its left, its figures in one column."""

from datetime import date
from functools import lru_cache

from meterfarm.fake_utility.kit.billing import Bill, MeterRead
from meterfarm.fake_utility.kit.charges import Charges, Line
from meterfarm.fake_utility.kit.money import dollars, quantity
from meterfarm.fake_utility.kit.sheet import WHITE, Colour, Sheet
from meterfarm.fake_utility.pepernoot_coop.data import NET_METERING

FOREST: Colour = (31, 81, 54)
DEEP: Colour = (20, 56, 36)
MOSS: Colour = (232, 239, 228)
SUN: Colour = (233, 162, 59)
CLAY: Colour = (164, 73, 31)
_BAND = 168.0
_LEFT, _RIGHT = 196.0, 576.0


class _Paper(Sheet):
    ink = (34, 48, 42)
    soft = (93, 107, 98)
    rule = (207, 218, 203)


def render_bill(bill: Bill) -> bytes:
    """A bill as PDF."""
    sheet = _Paper(f"Pepernoot Co-op bill of {_day(bill.billed_on)}", bill.billed_on, "Pepernoot Co-op")
    sheet.page()
    _band(sheet)
    _member(sheet, bill)
    y = _meters(sheet, bill, 236)
    for charges in bill.charges:
        y = _charges(sheet, charges, y)
    for credit in bill.credits:
        y = _line(sheet, NET_METERING, credit, y)
    _totals(sheet, bill, y + 8)
    return sheet.output()


@lru_cache(maxsize=1)
def placeholder_pdf() -> bytes:
    """What is handed out for a bill that cannot be shown."""
    sheet = _Paper("Statement not on file", date(2020, 1, 1), "Pepernoot Co-op")
    sheet.page()
    _band(sheet)
    sheet.text(_LEFT, 300, "The image of this statement is not on file.", 15, bold=True, colour=CLAY)
    sheet.text(_LEFT, 322, "Call 1-800-555-0163 and we will mail you a copy.", 10)
    return sheet.output()


def _band(sheet: Sheet) -> None:
    sheet.box(0, 0, _BAND, 792, FOREST)
    sheet.box(_BAND, 0, 5, 792, SUN)
    sheet.disc(46, 66, 20, SUN)
    for x, y in ((40, 60), (52, 58), (48, 72)):
        sheet.disc(x, y, 2.6, FOREST)
    sheet.text(26, 116, "Pepernoot", 20, bold=True, colour=WHITE, font="times")
    sheet.text(26, 134, "Electric Cooperative", 11, colour=WHITE, font="times")
    words = ("40 Kruidnoot Road", "Ithaca, NY 14850", "", "Members' line", "1-800-555-0163", "")
    for place, line in enumerate((*words, "Outages, day and night", "1-800-555-0164")):
        sheet.text(26, 172 + 14 * place, line, 8.5, colour=WHITE)
    sheet.text(26, 690, "Your co-op is owned", 9.5, colour=SUN, font="times")
    sheet.text(26, 704, "by those it serves.", 9.5, colour=SUN, font="times")


def _member(sheet: Sheet, bill: Bill) -> None:
    account = bill.account
    sheet.text(_LEFT, 60, "Statement of account", 19, bold=True, colour=DEEP, font="times")
    sheet.text(_LEFT, 88, f"Member {account.name}", 10, bold=True)
    where = f"{account.address.line1} / {account.address.city} {account.address.state} {account.address.zip}"
    sheet.text(_LEFT, 103, f"Serving {where}", 9)
    rows = (
        ("Account No.", account.number),
        ("Bill date", _day(bill.billed_on)),
        ("Service from", _day(bill.period.start)),
        ("Service through", _day(bill.period.to)),
    )
    for place, (label, value) in enumerate(rows):
        y = 128 + 17 * place
        sheet.row(y, label, value, left=_LEFT, right=_RIGHT)
        sheet.line(y + 5, _LEFT, _RIGHT)


def _meters(sheet: Sheet, bill: Bill, y: float) -> float:
    _heading(sheet, "Metered energy", y - 18)
    for read in bill.reads:
        sheet.text(_LEFT, y, _read(read), 7.4)
        y += 13
    return y + 14


def _read(read: MeterRead) -> str:
    flow = "from grid" if read.direction == "delivered" else "to grid"
    return (
        f"Mtr {read.meter.id} Loc {read.meter.service_number} {flow} "
        f"{quantity(read.previous)} -> {quantity(read.current)} = {quantity(read.usage)} kWh "
        f"Rate {read.meter.tariff}"
    )


def _charges(sheet: Sheet, charges: Charges, y: float) -> float:
    _heading(sheet, "Charges for electricity", y)
    y += 17
    for part, lines, cents in (
        ("distribution", charges.delivery, charges.delivery_cents),
        ("power supply", charges.supply, charges.supply_cents),
    ):
        for line in lines:
            y = _line(sheet, line.label, line, y)
        sheet.row(y + 1, f"Subtotal {part}", dollars(cents), left=_LEFT, right=_RIGHT, bold=True)
        y += 20
    sheet.row(y, "Electricity this period", dollars(charges.cents), left=_LEFT, right=_RIGHT, bold=True)
    return y + 20


def _line(sheet: Sheet, label: str, line: Line, y: float) -> float:
    sheet.text(_LEFT, y, label, 8.5)
    sheet.text(_LEFT + 150, y, line.detail, 8, colour=sheet.soft)
    sheet.text(_RIGHT, y, dollars(line.cents), 8.5, align="right")
    return y + 14


def _totals(sheet: Sheet, bill: Bill, y: float) -> None:
    rows = (
        ("Last statement", bill.last_bill_cents),
        ("Paid, thank you", -bill.payments_cents),
        ("Carried over", bill.previous_balance_cents),
    )
    for place, (label, cents) in enumerate(rows):
        sheet.row(y + 16 * place, label, dollars(cents), left=_LEFT, right=_RIGHT)
    sheet.box(_LEFT - 10, y + 48, _RIGHT - _LEFT + 20, 46, MOSS, FOREST)
    total = dollars(bill.total_cents)
    sheet.row(y + 67, "Please remit", total, left=_LEFT, right=_RIGHT, size=14, bold=True)
    sheet.row(y + 84, "No later than", _day(bill.due_on), left=_LEFT, right=_RIGHT)


def _heading(sheet: Sheet, words: str, y: float) -> None:
    sheet.text(_LEFT, y, words, 12, bold=True, colour=FOREST, font="times")


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
