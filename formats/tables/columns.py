"""Columns of a table that were not read: whether they hold numbers, which is worth a doubt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meterfarm.formats.tables.cells import BLANKS, clean, shown
from meterfarm.formats.tables.head import is_quantity
from meterfarm.formats.tables.layout import UNITS
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.records import Severity

_MOST_KEPT = 1_000
_ENOUGH = 1_000
_IDENTIFIER = re.compile(r"\d{8,}|0\d{3,}", re.ASCII)
_DATE = re.compile(r"\d{1,4}([./])\d{1,2}\1\d{1,4}|(19|20)\d\d[01]\d[0-3]\d")
_SIGN = r"[-+\u2212]"
_NUMBER = re.compile(
    rf"\(?{_SIGN}?\s*[$€£¥]?\s*{_SIGN}?(\d[\d.,'\u2019\s]*|[.,]\d+)(e[-+]?\d+)?\s*(?P<unit>[^\d\s()]*)\s*\)?"
)
_UNITS = frozenset(
    (*UNITS, "%", "$", "€", "£", "c", "ct", "p", "usd", "cad", "aud", "eur", "gbp", "min", "h")
)


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

    def told(self, remarks: Remarks) -> None:
        for each in self._columns:
            if each.name or each.numbers or each.others:
                each.told(remarks)


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

    def told(self, remarks: Remarks) -> None:
        name = (
            f"the column “{shown(self.name)}”"
            if self.name
            else f"column {self.place + 1}, which has no name,"
        )
        if self.numbers > self.others and not self._identifies():
            remarks.add(f"{name} was not read, and holds numbers", "the header")
        else:
            doubted = self.name and is_quantity(self.name)
            remarks.add(f"{name} was not read", "the header", Severity.WARNING if doubted else Severity.NOTE)

    def _identifies(self) -> bool:
        """Whether it is the same long number in every row: an account's or a meter's."""
        return len(self._kept) == 1 and _IDENTIFIER.fullmatch(clean(next(iter(self._kept)))) is not None
