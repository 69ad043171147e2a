"""A bill's PDF: a page with what is due and how the money came about, and one with the meters."""

from meterfarm.fake_utility.kit.billing import Bill, MeterRead, monthly_usage
from meterfarm.fake_utility.kit.calendar import long_date, us_date
from meterfarm.fake_utility.kit.charges import UNITS, Line
from meterfarm.fake_utility.kit.money import dollars, quantity
from meterfarm.fake_utility.kit.sheet import RIGHT, WHITE, WIDTH, Sheet
from meterfarm.fake_utility.stroopwafel_energy.brand import Brand
from meterfarm.fake_utility.stroopwafel_energy.numbers import checked

LEFT = 48.0
MIDDLE = WIDTH / 2
_SERVICES = {"electric": "Electricity", "gas": "Natural gas"}


def render_bill(brand: Brand, bill: Bill) -> bytes:
    """A bill as PDF."""
    return _Statement(brand, bill).render()


class _Statement:
    def __init__(self, brand: Brand, bill: Bill) -> None:
        self._brand = brand
        self._bill = bill
        colours = brand.colours
        self._deep, self._amber = colours.rgb("deep"), colours.rgb("amber")
        self._cream, self._brown = colours.rgb("cream"), colours.rgb("amber_dark")
        self._sheet = Sheet(f"{brand.name} statement", bill.billed_on, brand.name)

    def render(self) -> bytes:
        self._front()
        self._back()
        return self._sheet.output()

    def _head(self, page: int) -> None:
        sheet = self._sheet
        sheet.page()
        sheet.box(0, 0, 14, 792, self._amber)
        self._logo(70, 54)
        sheet.text(98, 52, self._brand.name, 20, bold=True, colour=self._deep, font="times")
        sheet.text(98, 66, self._brand.address, 8, colour=self._brown)
        sheet.text(RIGHT, 46, f"Statement {self._bill.id}", 8.5, align="right")
        sheet.text(RIGHT, 58, f"Page {page} / 2", 8.5, align="right")

    def _logo(self, x: float, y: float) -> None:
        sheet = self._sheet
        sheet.disc(x, y, 20, self._brown)
        sheet.disc(x, y, 17, self._amber)
        for step in range(-2, 3):
            for turn in (-1, 1):
                offset = 7 * step
                half = (17**2 - offset**2) ** 0.5 / 1.4143
                shift = offset / 1.4143
                ends = [
                    (x + shift - half, y + turn * (shift + half)),
                    (x + shift + half, y + turn * (shift - half)),
                ]
                (x1, y1), (x2, y2) = ends
                sheet.shape([(x1, y1), (x1 + 1, y1), (x2 + 1, y2), (x2, y2)], self._brown)
        bolt = ((3, -14), (-8, 2), (-1.5, 2), (-3, 13), (9, -3), (2, -3))
        sheet.shape([(x + dx, y + dy) for dx, dy in bolt], WHITE)

    def _front(self) -> None:
        self._head(1)
        sheet, bill = self._sheet, self._bill
        account, where = bill.account, bill.account.address
        sheet.box(LEFT, 92, RIGHT - LEFT, 96, self._deep)
        sheet.text(LEFT + 20, 118, "You owe", 10, colour=WHITE)
        sheet.text(LEFT + 20, 156, dollars(bill.total_cents), 34, bold=True, colour=WHITE, font="times")
        sheet.text(LEFT + 20, 176, f"Pay by {long_date(bill.due_on)}", 10, colour=WHITE)
        rows = (
            ("Account no.", checked(account)),
            ("Issued", us_date(bill.billed_on)),
            ("Service from", us_date(bill.period.start)),
            ("Service through", us_date(bill.period.to)),
        )
        for place, (label, value) in enumerate(rows):
            sheet.text(350, 114 + 19 * place, label, 9.5, colour=WHITE)
            sheet.text(RIGHT - 18, 114 + 19 * place, value, 9.5, bold=True, colour=WHITE, align="right")
        sheet.text(LEFT, 216, account.name, 11.5, bold=True)
        sheet.text(LEFT, 231, where.line1, 10)
        sheet.text(LEFT, 245, f"{where.city}, {where.state} {where.zip}", 10)
        sheet.text(350, 216, "Serving", 9, colour=self._brown)
        sheet.text(350, 231, f"Premises: {where}", 8)
        self._sums(282)
        self._months(560)
        sheet.text(LEFT, 742, f"Questions? {self._brand.phone}, day and night.", 9, colour=self._brown)

    def _sums(self, y: float) -> None:
        sheet, bill = self._sheet, self._bill
        self._title("How we got there", y)
        y += 24
        rows = [
            ("Balance on your last statement", bill.last_bill_cents),
            ("Paid since then", -bill.payments_cents),
        ]
        for charges in bill.charges:
            service = _SERVICES[charges.commodity]
            rows.append((f"{service}: delivery", charges.delivery_cents))
            rows.append((f"{service}: supply", charges.supply_cents))
        rows += [(credit.label, credit.cents) for credit in bill.credits]
        for label, cents in rows:
            sheet.row(y, label, dollars(cents), left=LEFT, right=RIGHT, size=10)
            sheet.line(y + 6, LEFT)
            y += 21
        sheet.box(LEFT, y - 13, RIGHT - LEFT, 24, self._cream)
        sheet.row(
            y + 3,
            "You owe in all",
            dollars(bill.total_cents),
            left=LEFT + 8,
            right=RIGHT - 8,
            size=11,
            bold=True,
        )

    def _months(self, top: float) -> None:
        sheet, bill = self._sheet, self._bill
        commodity = bill.charges[0].commodity
        self._title(f"{_SERVICES[commodity]}, a year of {UNITS[commodity]}", top)
        months = monthly_usage(bill, commodity)
        highest = max(usage for _, usage in months) or 1
        step = (RIGHT - LEFT) / len(months)
        for number, (month, usage) in enumerate(months):
            height = 92 * usage / highest
            colour = self._deep if number == len(months) - 1 else self._amber
            sheet.disc(LEFT + (number + 0.5) * step, top + 126 - height, 4.5, colour)
            sheet.box(LEFT + (number + 0.5) * step - 1, top + 126 - height, 2, height, colour)
            sheet.text(LEFT + (number + 0.5) * step, top + 140, f"{month:%b}", 7.5, align="center")
        sheet.line(top + 126, LEFT)

    def _back(self) -> None:
        self._head(2)
        sheet, bill = self._sheet, self._bill
        y = 116.0
        self._title("Your meters", y)
        y += 26
        for read in bill.reads:
            y = self._meter(read, y)
        for charges in bill.charges:
            service = _SERVICES[charges.commodity]
            self._title(f"{service} in detail", y + 10)
            y += 32
            for part, lines in (("Delivery", charges.delivery), ("Supply", charges.supply)):
                for line in lines:
                    y = self._line(part, line, y)
            sheet.row(
                y + 4,
                f"{service} in all",
                dollars(charges.cents),
                left=LEFT,
                right=RIGHT,
                size=9.5,
                bold=True,
            )
            y += 26
        for credit in bill.credits:
            y = self._line("Credit", credit, y)

    def _meter(self, read: MeterRead, y: float) -> float:
        """Two lines a meter: what it is, and what it showed."""
        sheet, meter, period = self._sheet, read.meter, read.period or self._bill.period
        unit = UNITS[meter.commodity]
        to_grid = " to the grid" if read.direction == "received" else ""
        sheet.text(LEFT, y, f"Meter {meter.id}{to_grid}", 10, bold=True)
        sheet.text(190, y, f"Point of delivery {meter.service_number}", 9)
        sheet.text(RIGHT, y, f"Rate {meter.tariff}", 9, align="right")
        words = (
            f"{us_date(period.start)} - {us_date(period.to)}: "
            f"{quantity(read.current)} less {quantity(read.previous)} is {quantity(read.usage)} {unit}"
        )
        sheet.text(LEFT, y + 14, words, 9)
        sheet.line(y + 22, LEFT)
        return y + 38

    def _line(self, part: str, line: Line, y: float) -> float:
        sheet = self._sheet
        sheet.text(LEFT, y, part, 8.5, colour=self._brown)
        sheet.text(LEFT + 60, y, line.label, 9)
        sheet.text(300, y, line.detail, 8.5)
        sheet.text(RIGHT, y, dollars(line.cents), 9, align="right")
        return y + 14

    def _title(self, words: str, y: float) -> None:
        self._sheet.text(LEFT, y, words, 13, bold=True, colour=self._deep, font="times")
