"""The text that leads to a value on a bill: before it, left of it or above it, with what differs as holes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meterfarm.formats.bills.generic.amounts import NumberStyle
from meterfarm.formats.bills.generic.dates import dates_in
from meterfarm.formats.bills.generic.labels import plain
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.layout import AMOUNTS, DAYS
from meterfarm.formats.bills.words import TextLine

_VARIES = re.compile(r"[\d{}*]")
_ID = re.compile(r"[A-Za-z]{0,4}-?\d[\w./-]*(?: \d[\w./-]*)*")
_FEWEST_DIGITS = 5
WORD = re.compile(r"[^\W\d_]{4}|\b(?:due|pay|from|no\b|gas)", re.IGNORECASE)
"""What a text has that leads to a value, and does not only join two."""


class Leads:
    """Finds values on a sheet, and what leads to them."""

    def __init__(self, sheet: BillSheet, numbers: NumberStyle) -> None:
        self._sheet = sheet
        self._numbers = numbers

    def places(self, name: str, line: TextLine) -> Iterator[tuple[int, int, int]]:
        """Where values of a field's kind are on a line: the cell, and from where to where in its text."""
        for place, cell in enumerate(line.cells):
            if name in DAYS:
                spans = [(each.start, each.end) for each in dates_in(plain(cell.text))]
            elif name in AMOUNTS:
                numbers = self._numbers.money(cell.text)
                spans = [(each.start, each.end) for each in numbers]
            else:
                matches = [match for match in _ID.finditer(cell.text) if is_number(match[0])]
                spans = [match.span() for match in matches]
            yield from ((place, *span) for span in spans)

    def patterns(self, line: TextLine, cell: int, start: int) -> Iterator[str]:
        """What may lead to a value, the likeliest first: text before it, in cells left of it, above it."""
        within = self.general(line.cells[cell].text[:start])
        if WORD.search(within):
            yield f"{within} {{}}"
        place = self._sheet.lines.index(line)
        left = [
            f"{self.general(' '.join(each.text for each in line.cells[first:cell]))} {within}".strip()
            for first in range(cell - 1, -1, -1)
        ]
        leads = [f"{text} {{}}" for text in left if WORD.search(text)]
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
            if each.left < own.right and each.right > own.left and WORD.search(each.text)
        ]
        if over:
            heading = self.general(" ".join(each.text for each in above.cells[over[0] :]))
            kinds = " ".join(self._kind(each.text) for each in line.cells[:cell])
            ahead = re.sub(r"\*(?: \*)+", "*", f"{kinds} {within}").strip()
            yield f"{heading}\n{ahead} {{}}" if ahead else f"{heading}\n{{}}"

    def _kind(self, text: str) -> str:
        """What a cell that is passed over is: a day, an amount or anything."""
        days, amounts = dates_in(plain(text)), self._numbers.money(text)
        if len(days) == 1 and days[0].end - days[0].start >= len(text) - 1:
            return "{day}"
        is_amount = len(amounts) == 1 and amounts[0].end - amounts[0].start >= len(text) - 1
        return "{amount}" if is_amount and " " not in text else "*"

    def general(self, text: str) -> str:
        """A text with its days and amounts as what they are, and ``*`` for whatever else has figures."""
        spans = [(each.start, each.end, "{day}") for each in dates_in(plain(text))]
        spans += [
            (each.start, each.end, "{amount}")
            for each in self._numbers.money(text)
            if not any(start < each.end and each.start < end for start, end, _ in spans)
        ]
        words, at = [], 0
        for start, end, kind in (*sorted(spans), (len(text), len(text), "")):
            words += ["*" if _VARIES.search(word) else word for word in text[at:start].split()]
            words += [kind] if kind else []
            at = end
        return re.sub(r"\*(?: \*)+", "*", " ".join(words))


def is_number(text: str) -> bool:
    """Whether a word may be the number of an account or a meter."""
    return sum(map(str.isdigit, text)) >= _FEWEST_DIGITS and not dates_in(plain(text)) and "." not in text
