"""Drafts the layout of a bill from one of them: which text leads to each value that a person points out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cached_property
from itertools import count, permutations
from pathlib import Path
from shutil import rmtree
from typing import Any

from meterfarm.formats.bills.generic.amounts import unit_of
from meterfarm.formats.bills.generic.dates import dates_in
from meterfarm.formats.bills.generic.ids import meter_ids
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.layout import (
    AMOUNTS,
    DAYS,
    BillLayout,
    LayoutReader,
    MeterRowPattern,
    layout_of,
    row_values,
    text_of,
)
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.bills.words import TextLine, pages_of
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill
from meterfarm.support.errors import RequestError
from meterfarm.support.foreign_text import one_line

_Value = str | int | date
_MOST = 9
_VARIES = re.compile(r"[\d{}*]")
_LABELLED = {"billing_period_from": "billing_period", "billing_period_to": "billing_period"}
_ID = re.compile(r"[A-Za-z]{0,4}-?\d[\w./-]*(?: \d[\w./-]*)*")
_FEWEST_DIGITS = 5
_WORD = re.compile(r"[^\W\d_]{4}|\b(?:due|pay|from|no\b|gas)", re.IGNORECASE)
"""What a text has that leads to a value, and does not only join two."""


class NotOnTheBill(RequestError):
    """An answer that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value on the bill, and the pattern that leads to it and to nothing else."""

    value: _Value
    printed: str
    line: str
    pattern: str


class LayoutDraft:
    """A layout that comes to be. Raises FormatError if the PDF has no text."""

    def __init__(self, pdf: bytes, name: str) -> None:
        self.name = name
        self.has = ""
        self.fields: dict[str, str] = {}
        self.rows: list[str] = []
        self.pages = pdf_text(pdf)
        self.text = text_of(self.pages)
        if not self.text.strip():
            raise FormatError("The PDF has no text, only pictures: take the original.")
        pages = list(pages_of(pdf))
        self._sheet = BillSheet(pages)
        self._proposed = read_unknown(pages)[0].fields

    @property
    def proposed_text(self) -> str:
        """A text that may be on all bills of the utility: who supplies, or the first line with words."""
        supplier = self._proposed.get("supplier")
        if isinstance(supplier, str) and supplier in self.text:
            return supplier[:60].strip()
        cells = (cell.text for line in self._sheet.lines for cell in line.cells)
        return next((text for text in cells if _WORD.search(text) and text in self.text), "")[:60].strip()

    def candidates(self, name: str) -> Sequence[Candidate]:
        """The values that a field may have, the one that the generic reader found first."""
        found: dict[tuple[_Value, str], Candidate] = {}
        for line in self._sheet.lines:
            for cell, start, end in self._places(name, line):
                printed = line.cells[cell].text[start:end].strip()
                value = self._reader.parsed(name, printed)
                if value is None:
                    continue
                for pattern in self._patterns(line, cell, start):
                    if self._reader.found(self.text, name, pattern) == [value]:
                        found.setdefault((value, pattern), Candidate(value, printed, line.text, pattern))
                        break
        proposed = self._proposed.get(name)
        wanted = date.fromisoformat(str(proposed)) if name in DAYS and proposed else proposed
        known = [Field(_LABELLED.get(name, name))] if name in {*Field, *_LABELLED} else []
        labelled = {self._sheet.lines[label.line].text for label in self._sheet.labels_of(*known)}
        ranked = sorted(found.values(), key=lambda each: (each.value != wanted, each.line not in labelled))
        return ranked[:_MOST]

    def is_proposed(self, name: str, candidate: Candidate) -> bool:
        """Whether the generic reader found this value."""
        return str(self._proposed.get(name)) == str(candidate.value)

    def entered(self, name: str, text: str) -> Candidate:
        """The place of a value as it is printed.

        Raises:
            NotOnTheBill: it is none of its kind, does not stand there, or nothing leads to it alone.
        """
        value, shown = self._reader.parsed(name, text), one_line(text, 60)
        if value is None:
            kind = "a day" if name in DAYS else "an amount with cents" if name in AMOUNTS else "a number"
            raise NotOnTheBill(f"“{shown}” is not {kind}: type it as it is printed, or -.")
        for candidate in self.candidates(name):
            if candidate.value == value:
                return candidate
        places = [line for line in self._sheet.lines if self._stands_on(name, value, line)]
        if not places:
            raise NotOnTheBill(f"“{shown}” does not stand on the bill: type it as it is printed, or -.")
        raise NotOnTheBill(f"No text before “{shown}” leads to it alone: name another value, or -.")

    def _stands_on(self, name: str, value: _Value, line: TextLine) -> bool:
        return any(
            self._reader.parsed(name, line.cells[cell].text[start:end]) == value
            for cell, start, end in self._places(name, line)
        )

    @cached_property
    def _reader(self) -> LayoutReader:
        return LayoutReader("draft", self._layout())

    def _layout(self) -> BillLayout:
        return BillLayout(
            name=self.name or "?",
            version=1,
            has=self.has or "???",
            day_first=bool(self._sheet.dates.day_first),
            decimal_comma=self._sheet.numbers is not None and self._sheet.numbers.comma,
            fields=self.fields,
            meters=[MeterRowPattern(row=row) for row in self.rows],
        )

    def _places(self, name: str, line: TextLine) -> Iterator[tuple[int, int, int]]:
        """Where values of a field's kind are on a line: the cell, and from where to where in its text."""
        for place, cell in enumerate(line.cells):
            if name in DAYS:
                spans = [(each.start, each.end) for each in dates_in(plain(cell.text))]
            elif name in AMOUNTS:
                numbers = self._reader.numbers.money(cell.text)
                spans = [(each.start, each.end) for each in numbers]
            else:
                matches = [match for match in _ID.finditer(cell.text) if _is_number(match[0])]
                spans = [match.span() for match in matches]
            yield from ((place, *span) for span in spans)

    def _patterns(self, line: TextLine, cell: int, start: int) -> Iterator[str]:
        """What may lead to a value, the likeliest first: text before it, in cells left of it, above it."""
        within = self._general(line.cells[cell].text[:start])
        if _WORD.search(within):
            yield f"{within} {{}}"
        place = self._sheet.lines.index(line)
        left = [
            f"{self._general(' '.join(each.text for each in line.cells[first:cell]))} {within}".strip()
            for first in range(cell - 1, -1, -1)
        ]
        leads = [f"{text} {{}}" for text in left if _WORD.search(text)]
        above = list(self._above(place, cell, within))
        is_labelled = bool(cell and self._sheet.labels_in(place, cell - 1))
        yield from (*leads, *above) if is_labelled or not above else (*above, *leads)

    def _above(self, place: int, cell: int, within: str) -> Iterator[str]:
        """A pattern that begins on the line above, if a cell there stands over the value's."""
        line, above = self._sheet.lines[place], self._sheet.lines[place - 1] if place else None
        if above is None or above.page != line.page:
            return
        own = line.cells[cell]
        over = [
            at
            for at, each in enumerate(above.cells)
            if each.left < own.right and each.right > own.left and _WORD.search(each.text)
        ]
        if over:
            heading = self._general(" ".join(each.text for each in above.cells[over[0] :]))
            kinds = " ".join(self._kind(each.text) for each in line.cells[:cell])
            ahead = re.sub(r"\*(?: \*)+", "*", f"{kinds} {within}").strip()
            yield f"{heading}\n{ahead} {{}}" if ahead else f"{heading}\n{{}}"

    def _kind(self, text: str) -> str:
        """What a cell that is passed over is: a day, an amount or anything."""
        days, amounts = dates_in(plain(text)), self._reader.numbers.money(text)
        if len(days) == 1 and days[0].end - days[0].start >= len(text) - 1:
            return "{day}"
        is_amount = len(amounts) == 1 and amounts[0].end - amounts[0].start >= len(text) - 1
        return "{amount}" if is_amount and " " not in text else "*"

    def _general(self, text: str) -> str:
        """A text with its days and amounts as what they are, and ``*`` for whatever else has figures."""
        spans = [(each.start, each.end, "{day}") for each in dates_in(plain(text))]
        spans += [
            (each.start, each.end, "{amount}")
            for each in self._reader.numbers.money(text)
            if not any(start < each.end and each.start < end for start, end, _ in spans)
        ]
        words, at = [], 0
        for start, end, kind in (*sorted(spans), (len(text), len(text), "")):
            words += ["*" if _VARIES.search(word) else word for word in text[at:start].split()]
            words += [kind] if kind else []
            at = end
        return re.sub(r"\*(?: \*)+", "*", " ".join(words))

    def meter_lines(self) -> Sequence[str]:
        """The lines that may be the row of a meter: with a number that has a unit, and the meter's."""
        ids = {meter for meter, _ in meter_ids(self._sheet)}
        found = []
        for line in self.text.splitlines():
            words = line.split()
            has_unit = any(unit_of(word.strip("():,")) for word in words)
            has_id = any(word in ids or _is_number(word) for word in words)
            if has_unit and has_id and "$" not in line:
                found.append(line)
        return list(dict.fromkeys(found))[:_MOST]

    def proposed_row(self, line: str) -> str:
        """A meter's row as a pattern, as far as its figures show what they are."""
        words = line.split(" ")
        ids = {meter for meter, _ in meter_ids(self._sheet)}
        names: dict[int, str] = {}
        figures = {
            place: found[0].value
            for place, word in enumerate(words)
            if not dates_in(plain(word)) and len(found := self._reader.numbers.amounts(word)) == 1
        }
        for one, other, used in permutations(figures, 3):
            if figures[other] - figures[one] == figures[used] != 0 and one != used:
                names |= {one: "previous", other: "current", used: "used"}
                break
        for place, word in enumerate(words):
            if unit_of(word) and "unit" not in names.values():
                names[place] = "unit"
                if "used" not in names.values() and place - 1 in figures:
                    names[place - 1] = "used"
            elif place not in names and "id" not in names.values() and (word in ids or _is_number(word)):
                names[place] = "id"
        days = iter(("from", "to"))
        shown = []
        for place, word in enumerate(words):
            if place in names:
                shown.append(f"{{{names[place]}}}")
            elif dates_in(plain(word)):
                day = next(days, None)
                shown.append(f"{{{day}}}" if day else "*")
            else:
                shown.append("*" if any(map(str.isdigit, word)) else word)
        return re.sub(r"\*(?: \*)+", "*", " ".join(shown))

    def add_row(self, row: str) -> int:
        """Take a meter's row as a pattern; how many rows it finds.

        Raises:
            NotOnTheBill: it is none, or finds no row.
        """
        row = row.replace("\\n", "\n").strip()
        try:
            count = len(list(row_values(self.text, row)))
        except (FormatError, re.error) as exc:
            raise NotOnTheBill(f"That is no pattern of a row: {exc}.") from exc
        if not count:
            raise NotOnTheBill("No line of the bill is written so: copy the line, and name its parts.")
        self.rows.append(row)
        return count

    def reader(self, utility_id: str) -> LayoutReader:
        """The layout as far as it is there."""
        return LayoutReader(utility_id, self._layout())

    def bill(self) -> Bill:
        """What it reads from the bill. Raises FormatError, Contradiction."""
        return self.reader("draft").read_bill(self.pages)

    def toml(self) -> str:
        """The layout as its file has it."""
        layout = self._layout()
        lines = [
            f"name = {_quoted(layout.name)}",
            "version = 1",
            f"has = {_quoted(layout.has)}",
            f"day_first = {str(layout.day_first).lower()}",
            f"decimal_comma = {str(layout.decimal_comma).lower()}",
            "",
            "[fields]",
            *(f"{name} = {_quoted(pattern)}" for name, pattern in layout.fields.items()),
        ]
        for row in layout.meters:
            lines += ["", "[[meters]]", f"row = {_quoted(row.row)}"]
        return "\n".join(lines) + "\n"


def write_draft(draft: LayoutDraft, pdf: bytes, folder: Path, source: str, today: date) -> Sequence[Path]:
    """Write the bill as a sample of its own below ``folder``, with what was read from it, then ``bill.toml``.

    Raises:
        OSError: it cannot be written, or ``bill.toml`` is there; no sample is left then.
        FormatError: the draft does not read its bill, or is no layout.
    """
    layout_of(toml := draft.toml())
    meta = {
        "source": source,
        "date": today.isoformat(),
        "reads": "bill",
        "shows": "the bill it was drafted from",
    }
    read = {name: value for name, value in asdict(draft.bill()).items() if name != "checks"}
    bill = json.dumps(_plain(read), indent=1, ensure_ascii=False)
    files: Mapping[str, bytes] = {
        "input.pdf": pdf,
        "expected.json": f"{bill}\n".encode(),
        "meta.json": f"{json.dumps(meta, indent=2, ensure_ascii=False)}\n".encode(),
    }
    sample, layout = _new_sample(folder / "samples"), folder / "bill.toml"
    try:
        for name, content in files.items():
            (sample / name).write_bytes(content)
        with layout.open("xb") as opened:
            opened.write(toml.encode())
    except OSError:
        rmtree(sample, ignore_errors=True)
        raise
    return [layout, *(sample / name for name in files)]


def _new_sample(samples: Path) -> Path:
    """The first folder ``bill_1``, ``bill_2`` ... that is not there, made."""
    samples.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        sample = samples / f"bill_{number}"
        try:
            sample.mkdir()
        except FileExistsError:
            continue
        break
    return sample


def _is_number(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= _FEWEST_DIGITS and not dates_in(plain(text)) and "." not in text


def _quoted(text: str) -> str:
    """A string of TOML, as which JSON's are read."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(value: Any) -> Any:
    if isinstance(value, Enum | date | Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
