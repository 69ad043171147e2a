"""Pictures of bills' pages that show where each value was found, and what was left out and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from itertools import groupby, islice
from pathlib import Path

from meterfarm.formats.bills.generic import GENERIC
from meterfarm.formats.bills.generic.read import sheets_of
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.pdf import opened
from meterfarm.formats.bills.picture import LegendLine, Tagged, drawn_page
from meterfarm.formats.bills.places import DAY_FIELDS, MONEY_FIELDS, Mark, Marks, marks_of, marks_of_row
from meterfarm.formats.bills.usage_statement import READER as STATEMENT
from meterfarm.formats.bills.usage_statement import is_row, row_spans
from meterfarm.formats.bills.words import PageText, pages_of
from meterfarm.records import BillReading, BillStatus, Unit
from meterfarm.support.aside import written_aside
from meterfarm.support.foreign_text import one_line

MOST_PICTURES = 20
"""Of a PDF."""
_MOST_REASONS = 30
_LINE = 5
"""Points: what stands so close is on one line."""
_INTRODUCTION = "A box is where a value was found; its number is that of a line here."
_COLOURS = {"id": "#1f5fbf", "day": "#1b7f4b", "money": "#b3261e", "use": "#7b3fb5", "line": "#8a5a00"}
_TAGS: Mapping[str, str] = {
    "account_number": "account",
    "invoice_number": "invoice",
    "billed_on": "billed on",
    "due_on": "due on",
    "billing_period_from": "from",
    "billing_period_to": "to",
    "total_amount": "total",
    "outstanding_balance": "balance before",
    "previous_balance": "previous",
    "current_charges": "charges",
    "electricity_amount": "electricity",
    "gas_amount": "gas",
    "delivery_charge": "delivery",
    "supply_charge": "supply",
    "community_solar_bill_credit": "solar credit",
    "electricity_consumption": "kWh",
    "gas_consumption": "gas used",
    "water_consumption": "water used",
    "delivery_company": "delivered by",
}


@dataclass(frozen=True, slots=True)
class ExplainedBill:
    """A bill and where its values stand. ``title`` is what the legend calls it."""

    reading: BillReading
    marks: Marks
    title: str

    @property
    def pages(self) -> Sequence[int]:
        """The pages that have values of it, by number."""
        return sorted({mark.page for mark in self.marks.found}) or [1]


def explain(pdf: bytes, readings: Sequence[BillReading], target: Path, stem: str) -> Sequence[Path]:
    """Draw the pages on which values of the bills stand, as ``<stem>-page-1.png`` and so on in ``target``.

    They are 0600. Of a long PDF the first twenty such pages; none of a PDF that has no text.

    Raises:
        FormatError: a page cannot be drawn.
        OSError: ``target`` cannot be written.
    """
    read = [each for each in readings if each.status is not BillStatus.NOT_SUPPORTED]
    if not read:
        return []
    pages = _pages(pdf, ocr=any(each.ocr for each in read))
    drawn = _statement if read[0].reader == STATEMENT else _bills
    written = []
    with opened(pdf) as document:
        for number, tagged, legend in islice(drawn(pages, read), MOST_PICTURES):
            picture = BytesIO()
            drawn_page(document, pages[number - 1], tagged, legend).save(picture, "PNG", optimize=True)
            path = target / f"{stem}-page-{number}.png"
            with written_aside(path) as aside:
                aside.write_bytes(picture.getvalue())
                written.append(aside.replace(path))
    return written


def _pages(pdf: bytes, *, ocr: bool) -> list[PageText]:
    if not ocr:
        return list(pages_of(pdf))
    from meterfarm.formats.bills.ocr import recognised_pages

    return list(recognised_pages(pdf))


_Drawn = tuple[int, Sequence[Tagged], Sequence[LegendLine]]


def _bills(pages: Sequence[PageText], read: Sequence[BillReading]) -> Iterator[_Drawn]:
    sheets = sheets_of(pages) if len(read) > 1 else [BillSheet(pages)]
    bills = []
    for place, (reading, sheet) in enumerate(zip(read, sheets, strict=False)):
        of = f" {place + 1} of {len(read)}" if len(read) > 1 else ""
        by = reading.reader.replace("_", " ")
        bills.append(ExplainedBill(reading, marks_of(sheet, reading), f"Bill{of}, read by: {by}"))
    for number in sorted({page for bill in bills for page in bill.pages}):
        tagged: list[Tagged] = []
        legend: list[LegendLine] = []
        for bill in bills:
            if number in bill.pages:
                legend.append(LegendLine(bill.title, heading=True))
                legend.append(LegendLine(_INTRODUCTION, small=True))
                _mark(bill, number, tagged, legend)
                legend += _rest(bill) if number == bill.pages[0] else ()
        yield number, tagged, legend


def _mark(bill: ExplainedBill, number: int, tagged: list[Tagged], legend: list[LegendLine]) -> None:
    """Add a bill's values on a page; what stands at one place has one box."""
    here = [mark for mark in bill.marks.found if mark.page == number]
    proofs: dict[str, str] = {}
    for check in bill.reading.checks:
        if check.passed and bill.reading.reader == GENERIC:
            proofs[check.name] = f"{proofs.get(check.name, '')} {check.what}".strip()
    for _, together in groupby(sorted(here, key=_place), key=_place):
        marks = list(together)
        colour, count = _colour(marks[0].name), str(len(tagged) + 1)
        tagged.append(Tagged(marks[0], colour, f"{count} {_tag(marks[0].name)}".rstrip()))
        for place, mark in enumerate(marks):
            text = f"{_name(mark.name)}: {_shown(mark.name, mark.value, bill.reading)}"
            legend.append(LegendLine(text, colour, " " if place else count))
            if mark.name in proofs:
                legend.append(LegendLine(proofs[mark.name], number=" ", small=True))


def _place(mark: Mark) -> tuple[float, ...]:
    return -round(mark.top / _LINE), round(mark.left), -round(mark.bottom), round(mark.right)


def _rest(bill: ExplainedBill) -> Iterator[LegendLine]:
    """What stands nowhere, was left out, or does not agree."""
    reading = bill.reading
    if bill.marks.nowhere:
        yield LegendLine("Calculated, or written otherwise", heading=True)
        for name, value in bill.marks.nowhere:
            yield LegendLine(f"{_name(name)}: {_shown(name, value, reading)}")
    if reading.left_out:
        yield LegendLine("Left out, and why", heading=True)
        for names, why in reasons(reading)[:_MOST_REASONS]:
            yield LegendLine(f"{names}: {why}")
    failed = [check for check in reading.checks if not check.passed]
    if failed:
        yield LegendLine("Does not agree", heading=True)
        for check in failed[:_MOST_REASONS]:
            yield LegendLine(f"{one_line(check.name)}: {one_line(check.what)}", _COLOURS["money"])


def reasons(reading: BillReading) -> Sequence[tuple[str, str]]:
    """Why values were left out, each reason once, after the names of all that it is of."""
    names: dict[str, list[str]] = {}
    for name, why in reading.left_out.items():
        names.setdefault(why, []).append(_name(name))
    return [
        (", ".join([first, *(other[:1].lower() + other[1:] for other in others)]), why)
        for why, (first, *others) in names.items()
    ]


def _statement(pages: Sequence[PageText], read: Sequence[BillReading]) -> Iterator[_Drawn]:
    """Pages with a box around every value of each row; the first row's have tags, the others a number."""
    lines = [line for page in pages for line in page.lines if is_row(line.text)]
    rows = [
        ExplainedBill(reading, marks_of_row(line, row_spans(line.text), reading), f"row {place}")
        for place, (line, reading) in enumerate(zip(lines, read, strict=False), start=1)
    ]
    for number in sorted({page for row in rows for page in row.pages}):
        tagged: list[Tagged] = []
        legend = [LegendLine("Usage statement: a bill for each row", heading=True)]
        here = [row for row in rows if row.marks.found and number in row.pages]
        for row in here:
            if row is here[0]:
                _mark(row, number, tagged, legend)
                legend += [LegendLine(f"{_name(name)}: calculated") for name, _ in row.marks.nowhere]
                continue
            for mark in row.marks.found:
                tagged.append(Tagged(mark, _colour(mark.name)))
        legend.append(LegendLine(f"Above: {here[0].title} of {len(rows)}. The others have the same boxes."))
        for row in here:
            legend += _of_row(row)
        yield number, tagged, legend


def _of_row(row: ExplainedBill) -> Iterator[LegendLine]:
    where = f"{row.title}, billed on {row.reading.fields.get('billed_on')}"
    for names, why in reasons(row.reading):
        yield LegendLine(f"{where}: without {names[:1].lower()}{names[1:]}, as {why}")
    for check in row.reading.checks:
        if not check.passed:
            yield LegendLine(f"{where}: {one_line(check.what)}", _COLOURS["money"])


def _colour(name: str) -> str:
    if name in DAY_FIELDS or name == "days":
        return _COLOURS["day"]
    if name in MONEY_FIELDS:
        return _COLOURS["money"]
    if name.startswith("line: "):
        return _COLOURS["line"]
    is_use = re.search(r"consumption|demand|factor|^used by |read of ", name) is not None
    return _COLOURS["use" if is_use else "id"]


def _tag(name: str) -> str:
    if name.startswith("line: "):
        return ""
    if name.startswith("meter "):
        return "meter"
    return _TAGS.get(name, re.split(" of | by ", name, maxsplit=1)[0].replace("_", " "))


def _name(name: str) -> str:
    if name.startswith("meter "):
        return "Meter"
    text = name.removeprefix("line: ").replace("_", " ")
    return one_line(text[:1].upper() + text[1:])


def _shown(name: str, value: object, reading: BillReading) -> str:
    if (name in MONEY_FIELDS or name.startswith("line: ")) and isinstance(value, int):
        return f"{Decimal(value).scaleb(-2):,.2f} {reading.fields.get('currency') or ''}".rstrip()
    if name == "electricity_consumption":
        return f"{Decimal(str(value)) / 1000:,f} kWh"
    if isinstance(value, Decimal):
        value = f"{value:,f}"
    unit = reading.fields.get(f"{name}_unit")
    for meter in reading.bill.meters if reading.bill else ():
        if name == f"used by meter {meter.id}":
            unit = "kWh" if meter.consumption.unit is Unit.WH else meter.consumption.unit.value
    return one_line(f"{value} {unit}" if unit else f"{value}", 120)
