"""The second page of a bill: meter readings, charges line by line, credits, definitions."""

from meterfarm.fake_utility.kit.billing import Bill, MeterRead
from meterfarm.fake_utility.kit.calendar import us_date
from meterfarm.fake_utility.kit.charges import UNITS, Charges, Line
from meterfarm.fake_utility.kit.money import dollars, quantity
from meterfarm.fake_utility.kit.sheet import LEFT, RIGHT, SOFT, WIDTH
from meterfarm.fake_utility.speculoos_power.paper import CRUST, PAPER, PLUM, Paper

_COLUMNS = (
    (LEFT + 6, "Meter", False),
    (90.0, "Service number", False),
    (160.0, "Tariff", False),
    (288.0, "From", False),
    (340.0, "To", False),
    (442.0, "Previous read", True),
    (496.0, "Current read", True),
    (534.0, "Usage", True),
    (RIGHT - 4, "Unit", True),
)
_DEFINITIONS = (
    ("Delivery", "brings energy over our wires and pipes to your home. Its prices are set by the state."),
    ("Supply", "is the energy itself. Its price changes every month; we pass it on without a profit."),
    ("kWh", "a kilowatt-hour, what a 100-watt bulb uses in ten hours."),
    ("Therm", "100,000 British thermal units, about 97 cubic feet of natural gas."),
    ("Meter reads", "are taken at midnight, when a billing period begins and when it ends."),
    ("Estimated", "readings stand in for those that did not reach us in time."),
)


def details_page(sheet: Paper, bill: Bill) -> None:
    """Draw the page with charges and reads."""
    sheet.box(0, 0, WIDTH, 34, PLUM)
    sheet.logo(56, 17, 24)
    sheet.text(76, 21, "Speculoos Power", 11, bold=True, colour=(255, 255, 255))
    header = f"Account number {bill.account.number}   Page 2 of 2"
    sheet.text(RIGHT, 21, header, 8.5, colour=(255, 255, 255), align="right")
    y = _reads(sheet, bill, 62)
    for charges in bill.charges:
        y = _charges(sheet, charges, y)
    y = _credits(sheet, bill, y)
    sheet.row(y, "Previous balance", dollars(bill.previous_balance_cents), left=LEFT + 6, right=RIGHT - 4)
    y += 18
    sheet.box(LEFT, y - 13, RIGHT - LEFT, 20, PAPER)
    total = dollars(bill.total_cents)
    sheet.row(y + 1, "Total amount due", total, left=LEFT + 6, right=RIGHT - 4, size=10.5, bold=True)
    _definitions(sheet, min(y + 60, 700))


def _reads(sheet: Paper, bill: Bill, y: float) -> float:
    _heading(sheet, "Meter readings", y)
    y += 18
    for x, heading, right in _COLUMNS:
        sheet.text(x, y, heading, 7, colour=SOFT, align="right" if right else "left")
    sheet.line(y + 4)
    y += 16
    for read in bill.reads:
        if read.direction == "delivered":
            _read(sheet, bill, read, y)
            y += 14
    for read in bill.reads:
        if read.direction == "received":
            words = (
                f"Exported energy {read.meter.id} previous {quantity(read.previous)} "
                f"current {quantity(read.current)} sent to the grid {quantity(read.usage)} kWh"
            )
            sheet.text(LEFT + 6, y, words, 8)
            y += 14
    return y + 14


def _read(sheet: Paper, bill: Bill, read: MeterRead, y: float) -> None:
    period = read.period or bill.period
    values = (
        read.meter.id,
        read.meter.service_number,
        read.meter.tariff,
        us_date(period.start),
        us_date(period.to),
        quantity(read.previous),
        quantity(read.current),
        quantity(read.usage),
        UNITS[read.meter.commodity],
    )
    for (x, _, right), value in zip(_COLUMNS, values, strict=True):
        sheet.text(x, y, value, 8, align="right" if right else "left")


def _charges(sheet: Paper, charges: Charges, y: float) -> float:
    name = charges.commodity
    _heading(sheet, "Electricity" if name == "electric" else "Natural gas", y)
    y += 17
    parts = (
        ("delivery", charges.delivery, charges.delivery_cents),
        ("supply", charges.supply, charges.supply_cents),
    )
    for part, lines, cents in parts:
        for line in lines:
            y = _line(sheet, line, y)
        sheet.line(y - 9, LEFT + 6, RIGHT - 4)
        label = f"Total {name} {part}"
        sheet.row(y + 2, label, dollars(cents), left=LEFT + 6, right=RIGHT - 4, size=8.5, bold=True)
        y += 18
    sheet.row(y, f"Total {name} charges", dollars(charges.cents), left=LEFT + 6, right=RIGHT - 4, bold=True)
    return y + 26


def _credits(sheet: Paper, bill: Bill, y: float) -> float:
    if not bill.credits:
        return y
    _heading(sheet, "Credits", y)
    y += 17
    for credit in bill.credits:
        y = _line(sheet, credit, y)
    return y + 12


def _line(sheet: Paper, line: Line, y: float) -> float:
    sheet.text(LEFT + 6, y, line.label, 8.5)
    sheet.text(250, y, line.detail, 8.5, colour=SOFT)
    sheet.text(RIGHT - 4, y, dollars(line.cents), 8.5, align="right")
    return y + 13


def _heading(sheet: Paper, words: str, y: float) -> None:
    sheet.text(LEFT, y, words, 11.5, bold=True, colour=CRUST)


def _definitions(sheet: Paper, y: float) -> None:
    _heading(sheet, "What the words mean", y - 16)
    for place, (term, meaning) in enumerate(_DEFINITIONS):
        sheet.text(LEFT, y + 11.5 * place, term, 7.5, bold=True)
        sheet.text(LEFT + 66, y + 11.5 * place, meaning, 7.5, colour=SOFT)
