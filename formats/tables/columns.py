"""Cells that a layout does not read, and what they show: numbers left out, and rows with a comma too many."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meterfarm.formats.tables.cells import BLANKS, clean, refused, shown
from meterfarm.formats.tables.layout import UNITS
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.records import Severity

_MOST_KEPT = 1_000
_ENOUGH = 1_000
_IDENTIFIER = re.compile(r"\d{8,}|0\d{3,}", re.ASCII)
_DATE = re.compile(r"\d{1,4}([./])\d{1,2}\1\d{1,4}|(19|20)\d\d[01]\d[0-3]\d")
_NUMERIC = re.compile(r"[-+$€£(]*\d[\d.,)]*", re.ASCII)
_SIGN = r"[-+\u2212]"
_NUMBER = re.compile(
    rf"\(?{_SIGN}?\s*[$€£¥]?\s*{_SIGN}?(\d[\d.,'\u2019\s]*|[.,]\d+)(e[-+]?\d+)?\s*(?P<unit>[^\d\s()]*)\s*\)?"
)
_UNITS = frozenset(
    (*UNITS, "%", "$", "€", "£", "c", "ct", "p", "usd", "cad", "aud", "eur", "gbp", "min", "h")
)


_QUANTITY = re.compile(
    r"kwh|\bkw\b|therm|ccf|m3|m³|usage|consum|generat|export|import|receiv|deliver|net\b|cost|charge|\$|\b(time|hour)\b",
    re.IGNORECASE,
)


def _is_quantity(column: str) -> bool:
    """Whether a column's name sounds like something that should have been read: an amount, or its time."""
    return _QUANTITY.search(column) is not None


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, of whatever, and however written; a date is none."""
    text = clean(cell).lower()
    match = _NUMBER.fullmatch(text)
    return match is not None and (not match["unit"] or match["unit"] in _UNITS) and not _DATE.fullmatch(text)


class UnreadColumns:
    """The columns at these places, by their names; one without a name is called by its place."""

    def __init__(self, columns: Sequence[tuple[int, str]]) -> None:
        self._columns = [_Column(place, name) for place, name in columns]
        self._looked_at = list(self._columns)

    def look(self, cells: Sequence[str]) -> None:
        """Take note of a row's cells, as many as the header has."""
        for each in self._looked_at:
            each.look(cells[each.place])
            if each.numbers + each.others >= _ENOUGH:
                self._looked_at = [one for one in self._looked_at if one is not each]

    def report(self, remarks: Remarks) -> None:
        """Remark on the columns, once all rows were read."""
        for each in self._columns:
            if each.name or each.numbers or each.others:
                each.report(remarks)


class _Column:
    def __init__(self, place: int, name: str) -> None:
        self.place, self.name = place, name
        self.numbers = self.others = 0
        self._kept: dict[str, bool] = {}

    def look(self, cell: str) -> None:
        if not cell:
            return
        number = self._kept.get(cell)
        if number is None:
            if clean(cell).lower() in BLANKS:
                return
            number = is_number(cell)
            if len(self._kept) < _MOST_KEPT:
                self._kept[cell] = number
        if number:
            self.numbers += 1
        else:
            self.others += 1

    def report(self, remarks: Remarks) -> None:
        name = f"column “{shown(self.name)}”" if self.name else f"column {self.place + 1} (unnamed)"
        if self.numbers > self.others and not self._identifies():
            remarks.add(f"{name} was not read, although it holds numbers", "the header")
        else:
            doubted = self.name and _is_quantity(self.name)
            remarks.add(f"{name} was not read", "the header", Severity.WARNING if doubted else Severity.NOTE)

    def _identifies(self) -> bool:
        """Whether it is the same long number in every row: an account's or a meter's."""
        return len(self._kept) == 1 and _IDENTIFIER.fullmatch(clean(next(iter(self._kept)))) is not None


class Estimates:
    """Reads the cells of a column that marks readings as estimated, by parts of their texts."""

    def __init__(self, marks: Sequence[str]) -> None:
        self._marks = marks
        self._kept: dict[str, bool] = {}

    def mark(self, line: int, cell: str) -> bool:
        """Whether the cell marks its row as estimated. Raises FormatError if a number stands there."""
        if cell in self._kept:
            return self._kept[cell]
        if _NUMERIC.fullmatch(clean(cell)) and not cell.isdigit():
            raise refused(line, f"“{shown(cell)}” stands where a remark should")
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[cell] = any(each in cell.lower() for each in self._marks)
        return self._kept[cell]


class Widths:
    """Of the rows below one header, which has ``width`` cells; those up to the place ``last`` are read.

    ``placed`` is of a workbook, which says of each cell what column it stands in.
    """

    def __init__(self, width: int, last: int, remarks: Remarks, *, placed: bool) -> None:
        self._width, self._last, self._remarks, self._placed = width, last, remarks, placed
        self.usual = -1
        """Cells of the rows so far; ``look`` need be called only for a row that has another number."""
        self._surplus: int | None = None
        self._sample: Sequence[str] = ()

    def look(self, line: int, cells: Sequence[str]) -> None:
        """Raises FormatError if a row's values cannot be what they seem."""
        count = len(cells)
        if count > self._width or self._surplus:
            self._look_beyond(line, cells)
        self._surplus = max(0, count - self._width) if self._surplus is None else self._surplus
        if self._placed or self.usual in (-1, count):
            self.usual, self._sample = count, cells
            return
        within, usual = min(count, self._width), min(self.usual, self._width)
        if within < usual and within <= self._last:
            raise refused(line, f"it has {count} cells, and the rows above it have {self.usual}")
        shorter, longer = sorted((cells, self._sample), key=len)
        if within == usual:
            moved = count < self.usual and self._lacks_value(cells)
        else:
            moved = min(within, usual) <= self._last or _may_be_moved(shorter, longer)
        if moved:
            self._remarks.short(line)
        if within > usual:
            self.usual, self._sample = count, cells

    def _lacks_value(self, cells: Sequence[str]) -> bool:
        """Whether a cell that is read is blank, and was not in the row before: it may have been left out."""
        read = range(min(self._last + 1, len(cells), len(self._sample)))
        return any(clean(self._sample[each]) and not clean(cells[each]) for each in read)

    def _look_beyond(self, line: int, cells: Sequence[str]) -> None:
        """Cells beyond the header are blank, and as many in each row; else a comma shifted the row."""
        surplus = max(0, len(cells) - self._width)
        if surplus > (surplus if self._surplus is None else self._surplus) or any(
            map(clean, cells[self._width :])
        ):
            raise refused(line, f"it has {len(cells)} cells under a header of {self._width}")


def _may_be_moved(shorter: Sequence[str], longer: Sequence[str]) -> bool:
    """Whether the last cell may be of the next column, as it is if one before it is missing."""
    return not shorter or _kind(shorter[-1]) == _kind(longer[len(shorter)])


def _kind(cell: str) -> str:
    text = clean(cell)
    if not text:
        return ""
    return "money" if text.strip("-(")[:1] in "$€£" else "number" if is_number(text) else "text"
