"""Where on a bill's pages the values stand that were read from it: found again by what is printed.

A reader says what a bill states; here each value is looked for among the words, and of the places that show
it the one beside the value's label is taken. So it works for any reader. What was calculated stands nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from meterfarm.formats.bills.generic.amounts import NumberStyle
from meterfarm.formats.bills.generic.dates import DateStyle, dates_in
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.words import TextCell, TextLine, Word
from meterfarm.records import BillReading, Unit

DAY_FIELDS = ("billed_on", "due_on", "billing_period_from", "billing_period_to", "read_on")
MONEY_FIELDS = (
    *("total_amount", "outstanding_balance", "previous_balance", "payments", "adjustments"),
    *("current_charges", "electricity_amount", "delivery_charge", "supply_charge", "gas_amount"),
    *("community_solar_bill_credit", "water_amount", "sewer_amount", "taxes", "late_fees", "deposits"),
    "retracted_amount",
)
_NUMBERS = (
    *("electricity_consumption", "gas_consumption", "water_consumption", "demand", "power_factor"),
    "measured_demand",
    *("days", "load_factor", "reactive_demand", "sales_tax_factor"),
)
_TEXTS = ("account_number", "invoice_number", "supplier", "delivery_company", "tariff", "customer")
_LABELS: Mapping[str, Sequence[Field]] = {
    "total_amount": (Field.DUE, Field.BILL_TOTAL),
    "billing_period_from": (Field.PERIOD,),
    "billing_period_to": (Field.PERIOD,),
    "electricity_consumption": (Field.USAGE,),
    "gas_consumption": (Field.USAGE,),
    "water_consumption": (Field.USAGE,),
    "outstanding_balance": (Field.FORWARD, Field.PREVIOUS),
    "measured_demand": (Field.DEMAND,),
    "mailing_street": (Field.MAILING_ADDRESS, Field.CUSTOMER_NAME),
}
_BESIDE = {
    **{"billing_period_to": "billing_period_from", "city": "street", "postal_code": "city"},
    "mailing_postal_code": "mailing_city",
}
"""What stands on the line of what, if it does at all."""
_UNITS = {"electricity_consumption": ("kwh",), "demand": ("kw",), "measured_demand": ("kw",)}
_OF_CENTS = Decimal(100)
_LETTERS = re.compile(r"[^\w]+")


class Mark(NamedTuple):
    """A value and where it stands: ``page`` from 1, the box in points from the page's lower left corner."""

    name: str
    value: object
    page: int
    left: float
    bottom: float
    right: float
    top: float


class Marks(NamedTuple):
    """What was found again, and what stands nowhere as such, by name and value."""

    found: Sequence[Mark]
    nowhere: Sequence[tuple[str, object]]


class _Spot(NamedTuple):
    line: int
    cell: int
    start: int
    end: int


def marks_of_row(line: TextLine, spans: Mapping[str, tuple[int, int]], reading: BillReading) -> Marks:
    """The values of a reading that is a row, by where in the line's text each stands."""
    words = [word for cell in line.cells for word in cell.words]
    found: list[Mark] = []
    nowhere: list[tuple[str, object]] = []
    for name, value in _values(reading):
        if name in spans:
            found.append(Mark(name, value, line.page, *_around(words, *spans[name])))
        else:
            nowhere.append((name, value))
    return Marks(found, nowhere)


def marks_of(sheet: BillSheet, reading: BillReading) -> Marks:
    """The values of a reading on its sheet."""
    finder = _Finder(sheet)
    found: list[Mark] = []
    nowhere: list[tuple[str, object]] = []
    for name, value in _values(reading):
        if value is None or value == "":
            continue
        spots = list(finder.spots(name, value))
        if spots:
            found.append(finder.mark(name, value, finder.best(name, spots, found)))
        else:
            nowhere.append((name, value))
    for item in reading.line_items:
        spot = next(finder.item(item.name, item.cost), None)
        if spot is not None:
            found.append(finder.mark(f"line: {item.name}", item.cost, spot))
    return Marks(found, nowhere)


def _values(reading: BillReading) -> Iterator[tuple[str, object]]:
    """The values that were kept, in the order of a bill."""
    for name in (*_TEXTS[:2], *DAY_FIELDS, *MONEY_FIELDS, *_NUMBERS, *_TEXTS[2:]):
        value = reading.fields.get(name)
        if value is not None and not (name == "retracted_amount" and not value):
            yield name, date.fromisoformat(str(value)) if name in DAY_FIELDS else value
    address = reading.bill.address if reading.bill else None
    if address is not None:
        yield "street", address.line_1
        yield "city", address.city
        yield "postal_code", address.postal_code
    if isinstance(mailing := reading.fields.get("mailing_address"), Mapping):
        yield "mailing_street", mailing["line_1"]
        yield "mailing_city", mailing["city"]
        yield "mailing_postal_code", mailing["postal_code"]
    for meter in reading.bill.meters if reading.bill else ():
        yield f"meter {meter.id}", meter.id
        yield f"previous read of meter {meter.id}", meter.previous_read
        yield f"current read of meter {meter.id}", meter.current_read
        in_kwh = meter.consumption.unit is Unit.WH
        yield f"used by meter {meter.id}", meter.consumption.value / (1000 if in_kwh else 1)


class _Finder:
    """Looks values up on a sheet."""

    def __init__(self, sheet: BillSheet) -> None:
        self._sheet = sheet
        self._numbers = sheet.numbers or NumberStyle(comma=False)
        ambiguous = sheet.dates.day_first is None
        self._dates = DateStyle(day_first=False) if ambiguous else sheet.dates

    def spots(self, name: str, value: object) -> Iterator[_Spot]:
        """The places that show a value."""
        if isinstance(value, date):
            yield from self._days(value)
        elif name in MONEY_FIELDS and isinstance(value, int):
            yield from self._money(value)
        elif name in _NUMBERS or isinstance(value, Decimal):
            number = Decimal(str(value)) / (1000 if name == "electricity_consumption" else 1)
            yield from self._amounts(number, _UNITS.get(name, ()))
        elif isinstance(value, str):
            yield from self._text(value)

    def _cells(self) -> Iterator[tuple[int, int, TextCell]]:
        for number, line in enumerate(self._sheet.lines):
            for place, cell in enumerate(line.cells):
                yield number, place, cell

    def _money(self, cents: int) -> Iterator[_Spot]:
        yield from self._by_cents.get(abs(cents), ())
        if cents % 100 == 0:
            plainly = [spot for spot, _ in self._by_value.get(abs(cents) / _OF_CENTS, ())]
            plainly += [spot for spot, _ in self._by_value.get(-abs(cents) / _OF_CENTS, ()) if cents]
            with_sign = [spot for spot in sorted(plainly) if "$" in self._cell(spot).text]
            yield from (spot for spot in with_sign if spot[:2] == with_sign[0][:2])

    def _cell(self, spot: _Spot) -> TextCell:
        return self._sheet.lines[spot.line].cells[spot.cell]

    @cached_property
    def _by_cents(self) -> Mapping[int, Sequence[_Spot]]:
        """Where the amounts with two decimals stand, without their signs."""
        spots: dict[int, list[_Spot]] = {}
        for line, place, cell in self._cells():
            for found in self._numbers.money(cell.text):
                spots.setdefault(abs(found.cents), []).append(_Spot(line, place, found.start, found.end))
        return spots

    @cached_property
    def _by_value(self) -> Mapping[Decimal, Sequence[tuple[_Spot, str]]]:
        """Where all numbers stand, each with its unit."""
        spots: dict[Decimal, list[tuple[_Spot, str]]] = {}
        for line, place, cell in self._cells():
            for found in self._numbers.amounts(cell.text):
                spot = _Spot(line, place, found.start, found.end)
                spots.setdefault(found.value, []).append((spot, found.unit))
        return spots

    def _days(self, day: date) -> Iterator[_Spot]:
        for line, place, cell in self._cells():
            for found in dates_in(self._sheet.plains[line][place]):
                if self._dates.date(found, day) == day:
                    yield _Spot(line, place, found.start, min(found.end, len(cell.text)))

    def _amounts(self, value: Decimal, units: Sequence[str]) -> Iterator[_Spot]:
        for spot, unit in self._by_value.get(value, ()):
            if not units or unit in (*units, ""):
                yield spot

    def _text(self, value: str) -> Iterator[_Spot]:
        wanted = _LETTERS.sub("", plain(value))
        for line, place, _ in self._cells():
            kept = [(at, char) for at, char in enumerate(self._sheet.plains[line][place]) if char.isalnum()]
            at = "".join(char for _, char in kept).find(wanted) if wanted else -1
            if at >= 0:
                yield _Spot(line, place, kept[at][0], kept[at + len(wanted) - 1][0] + 1)

    def item(self, name: str, cents: int) -> Iterator[_Spot]:
        """The amount of a charge, on a line that has its name."""
        wanted = _LETTERS.sub("", plain(name))[:24]
        for spot in self._money(cents):
            if wanted in self._letters[spot.line]:
                yield spot

    @cached_property
    def _letters(self) -> Sequence[str]:
        """The lines without blanks and marks."""
        return [_LETTERS.sub("", line) for line in self._sheet.plain_lines]

    def best(self, name: str, spots: Sequence[_Spot], found: Sequence[Mark]) -> _Spot:
        """The place beside the value's label; else one on the line of its label; else the first."""
        beside, lines = self._labelled(name)
        others = {self._sheet.lines[spot.line].page for spot in spots}
        meter = next(
            (mark for mark in found if name.endswith((f" of {mark.value}", f" by {mark.value}"))), None
        )

        def rank(spot: _Spot) -> tuple[float, ...]:
            near = 0.0
            if meter is not None:
                line = self._sheet.lines[spot.line]
                near = abs(line.middle - (meter.top + meter.bottom) / 2) + 1000 * (line.page != meter.page)
            together = name in _BESIDE and any(
                mark.name == _BESIDE[name] and self._is_on(mark, spot) for mark in found
            )
            return (
                near,
                name in _NUMBERS and self._is_charge(spot),
                -((spot.line, spot.cell) in beside),
                -together,
                -(spot.line in lines),
                -self._both_days(name, spot),
                self._sheet.lines[spot.line].page if len(others) > 1 else 0,
            )

        return min(spots, key=rank)

    def _is_charge(self, spot: _Spot) -> bool:
        return bool(self._numbers.money(self._sheet.lines[spot.line].text))

    def _both_days(self, name: str, spot: _Spot) -> bool:
        return name == "billing_period_from" and len(self._sheet.dates_of[spot.line]) > 1

    def _is_on(self, mark: Mark, spot: _Spot) -> bool:
        line = self._sheet.lines[spot.line]
        return line.page == mark.page and mark.bottom <= line.middle <= mark.top

    def _labelled(self, name: str) -> tuple[set[tuple[int, int]], set[int]]:
        """The cells that labels of a value have theirs in, and the lines of those labels."""
        known = [Field(name)] if name in set(Field) else []
        labels = self._sheet.labels_of(*_LABELS.get(name, known))
        beside: set[tuple[int, int]] = set()
        for label in labels:
            for region in self._sheet.regions(label):
                beside.add((region.line, region.cell))
                break
        return beside, {label.line for label in labels}

    def mark(self, name: str, value: object, spot: _Spot) -> Mark:
        """A value with the box of the words that show it."""
        line = self._sheet.lines[spot.line]
        return Mark(name, value, line.page, *_around(line.cells[spot.cell].words, spot.start, spot.end))


def _around(words: Sequence[Word], start: int, end: int) -> tuple[float, float, float, float]:
    """The box of a part of the words' text, which has a blank between them."""
    at, boxes = 0, []
    for word in words:
        if at < end and at + len(word.text) > start:
            boxes.append(_part(word, max(start - at, 0), min(end - at, len(word.text))))
        at += len(word.text) + 1
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _part(word: Word, start: int, end: int) -> tuple[float, float, float, float]:
    """The box of some characters of a word, all as wide as each other."""
    left, bottom, right, top, text = word
    each = (right - left) / max(len(text), 1)
    return left + each * start, bottom, left + each * end, top
