"""A bill's PDF: two pages, as a utility prints and mails them."""

from datetime import date
from functools import lru_cache

from meterfarm.fake_utility.kit.billing import Bill, monthly_usage
from meterfarm.fake_utility.kit.calendar import long_date
from meterfarm.fake_utility.kit.charges import UNITS
from meterfarm.fake_utility.kit.money import dollars
from meterfarm.fake_utility.kit.sheet import LEFT, LINE, RIGHT, SOFT, WHITE, WIDTH
from meterfarm.fake_utility.speculoos_power.bill_details import details_page
from meterfarm.fake_utility.speculoos_power.paper import BISCUIT, CRUST, PAPER, PLUM, STEEL, Paper

_MESSAGES = {
    "winter": (
        "Keep warm for less: each degree lower on the thermostat saves about 3% of your heating costs.",
        "Behind on a bill? Call us before it grows. We offer payment plans all winter long.",
    ),
    "summer": (
        "Hot afternoons are the grid's hardest hours. Run the dryer and dishwasher after 8 p.m.",
        "Digging? Call 811 two days ahead: gas pipes may be closer than you think.",
    ),
}


def render_bill(bill: Bill) -> bytes:
    """A bill as PDF."""
    sheet = Paper(f"Speculoos Power bill of {long_date(bill.billed_on)}", bill.billed_on)
    sheet.page()
    _header(sheet)
    _who_and_when(sheet, bill)
    _summary(sheet, bill)
    _charts(sheet, bill)
    _message(sheet, bill)
    _coupon(sheet, bill)
    sheet.page()
    details_page(sheet, bill)
    return sheet.output()


@lru_cache(maxsize=1)
def placeholder_pdf() -> bytes:
    """What the portal hands out for a bill that it cannot show: one page, and not a bill."""
    sheet = Paper("Bill unavailable", date(2020, 1, 1))
    sheet.page()
    _header(sheet)
    sheet.text(WIDTH / 2, 330, "This bill is currently unavailable", 18, bold=True, align="center")
    sheet.text(
        WIDTH / 2, 356, "Please try again later, or call 1-800-555-0142 for a paper copy.", 10, align="center"
    )
    return sheet.output()


def _header(sheet: Paper) -> None:
    sheet.box(0, 0, WIDTH, 78, PLUM)
    sheet.box(0, 78, WIDTH, 4, BISCUIT)
    sheet.logo(64, 39, 50)
    sheet.text(98, 46, "Speculoos Power", 21, bold=True, colour=WHITE)
    sheet.text(RIGHT, 34, "Customer service 1-800-555-0142", 8.5, colour=WHITE, align="right")
    sheet.text(RIGHT, 47, "Gas and power emergencies 1-800-555-0199", 8.5, colour=WHITE, align="right")


def _who_and_when(sheet: Paper, bill: Bill) -> None:
    account = bill.account
    sheet.text(LEFT, 112, account.name, 12, bold=True)
    sheet.text(LEFT, 128, account.address.line1, 10)
    sheet.text(LEFT, 142, f"{account.address.city}, {account.address.state} {account.address.zip}", 10)
    sheet.text(LEFT, 164, f"Service address {account.address}", 8.5, colour=SOFT)
    left, right = 330.0, RIGHT
    rows = (
        ("Account number", account.number),
        ("Statement date", long_date(bill.billed_on)),
        ("Billing period", f"{long_date(bill.period.start)} to {long_date(bill.period.to)}"),
    )
    for place, (label, value) in enumerate(rows):
        sheet.row(112 + 17 * place, label, value, left=left, right=right, bold=place == 0)
        sheet.line(117 + 17 * place, left, right)


def _summary(sheet: Paper, bill: Bill) -> None:
    top = 186.0
    sheet.box(LEFT, top, 300, 186, PAPER, LINE)
    sheet.text(LEFT + 14, top + 22, "Account summary", 12, bold=True, colour=CRUST)
    rows = [("Last bill", bill.last_bill_cents), ("Payments received, thank you", -bill.payments_cents)]
    rows += [("Previous balance", bill.previous_balance_cents)]
    rows += [(f"Total {charges.commodity} charges", charges.cents) for charges in bill.charges]
    rows += [(credit.label, credit.cents) for credit in bill.credits]
    for place, (label, cents) in enumerate(rows):
        sheet.row(top + 44 + 17 * place, label, dollars(cents), left=LEFT + 14, right=LEFT + 286)
    sheet.line(top + 158, LEFT + 14, LEFT + 286)
    total = dollars(bill.total_cents)
    sheet.row(top + 175, "Total amount due", total, left=LEFT + 14, right=LEFT + 286, size=11, bold=True)

    sheet.box(354, top, RIGHT - 354, 186, CRUST)
    middle = (354 + RIGHT) / 2
    sheet.text(middle, top + 62, f"Amount due by {long_date(bill.due_on)}", 11, colour=WHITE, align="center")
    sheet.text(middle, top + 106, total, 34, bold=True, colour=WHITE, align="center")
    sheet.text(middle, top + 134, "Pay online, by mail or at any branch", 8.5, colour=WHITE, align="center")


def _charts(sheet: Paper, bill: Bill) -> None:
    count = len(bill.charges)
    width = (RIGHT - LEFT - 22 * (count - 1)) / count
    for place, charges in enumerate(bill.charges):
        left = LEFT + place * (width + 22)
        name = "electricity" if charges.commodity == "electric" else "gas"
        title = f"Your {name} use, 13 months, in {UNITS[charges.commodity]}"
        sheet.text(left, 402, title, 10, bold=True, colour=CRUST)
        months = monthly_usage(bill, charges.commodity)
        highest = max(usage for _, usage in months) or 1
        step = width / len(months)
        for number, (month, usage) in enumerate(months):
            height = 78 * usage / highest
            latest = number == len(months) - 1
            colour = CRUST if latest else (BISCUIT if charges.commodity == "electric" else STEEL)
            sheet.box(left + number * step + 2, 502 - height, step - 4, height, colour)
            middle = left + (number + 0.5) * step
            sheet.text(middle, 512, f"{month:%b}"[0], 7.5, colour=SOFT, align="center", bold=latest)
        sheet.line(502, left, left + width)
        for number in (0, len(months) - 1):
            usage = months[number][1]
            y = 499 - 78 * usage / highest
            sheet.text(left + (number + 0.5) * step, y, str(round(usage / 1000)), 7, align="center")


def _message(sheet: Paper, bill: Bill) -> None:
    season = "winter" if bill.billed_on.month in (10, 11, 12, 1, 2, 3) else "summer"
    sheet.box(LEFT, 530, RIGHT - LEFT, 58, None, LINE)
    sheet.text(LEFT + 14, 548, "A word from us", 10, bold=True, colour=CRUST)
    for place, sentence in enumerate(_MESSAGES[season]):
        sheet.text(LEFT + 14, 563 + 13 * place, sentence, 9)


def _coupon(sheet: Paper, bill: Bill) -> None:
    sheet.line(610, 0, WIDTH, dashed=True)
    sheet.text(
        WIDTH / 2,
        622,
        "Please detach and return this part with your payment",
        7.5,
        colour=SOFT,
        align="center",
    )
    sheet.logo(58, 652, 30)
    sheet.text(80, 657, "Speculoos Power", 13, bold=True, colour=CRUST)
    for place, line in enumerate(("Payment Center", "1 Biscuit Plaza", "Albany, NY 12207")):
        sheet.text(LEFT, 692 + 13 * place, line, 9.5)
    left = 330.0
    rows = (
        ("Account number", bill.account.number),
        ("Due date", long_date(bill.due_on)),
        ("Please pay", dollars(bill.total_cents)),
    )
    for place, (label, value) in enumerate(rows):
        sheet.row(652 + 17 * place, label, value, left=left, right=RIGHT, bold=place == 2)
    sheet.text(left, 716, "Amount enclosed")
    sheet.box(460, 702, RIGHT - 460, 22, WHITE, SOFT)
    scan = f"{bill.account.number} {bill.id} {abs(bill.total_cents):09d}"
    sheet.text(RIGHT, 764, scan, 10, font="courier", align="right")
