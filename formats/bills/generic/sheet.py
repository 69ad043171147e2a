"""A bill as a sheet to look things up in: its lines and cells, its labels, and what stands beside them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from meterfarm.formats.bills.generic.amounts import Money, NumberStyle, has_decimal_comma
from meterfarm.formats.bills.generic.currency import currency_of
from meterfarm.formats.bills.generic.dates import DateStyle, dates_in, day_first_by
from meterfarm.formats.bills.generic.labels import LABELS, Field, plain
from meterfarm.formats.bills.generic.language import language_of
from meterfarm.formats.bills.words import PageText, TextCell, TextLine

_BELOW = 42.0  # points: how far a value stands below its label at most
_LOOKED_BELOW = 5
_WORDS_LOOKED_AT = 1500
_LONGEST_CELL = 130
_MOST_LINES = 12_000


class Label(NamedTuple):
    """A label and its place: line, cell, and where in the cell's text it ends."""

    field: Field
    line: int
    cell: int
    start: int
    end: int
    text: str


class Region(NamedTuple):
    """A text where a label's value may be. ``how``: same, right or below."""

    how: str
    line: int
    cell: int
    text: str
    plain: str
    distance: float


class BillSheet:
    """The lines of a bill, or of the part of a PDF that is one."""

    def __init__(self, pages: Sequence[PageText]) -> None:
        self.pages = pages
        self.lines: list[TextLine] = [line for page in pages for line in page.lines][:_MOST_LINES]
        self.plains: list[list[str]] = [[plain(cell.text) for cell in line.cells] for line in self.lines]
        self.plain_lines: list[str] = [" ".join(cells) for cells in self.plains]
        words = [word.strip(".,:;()") for text in self.plain_lines for word in text.split()]
        self.language = language_of(words[:_WORDS_LOOKED_AT])
        self.words = frozenset(words)
        self.text = "\n".join(self.plain_lines)
        comma = has_decimal_comma(self.text)
        self.numbers = NumberStyle(comma=bool(comma)) if comma is not None else None
        self.currency = currency_of(self.text, self.language)
        self.dates_of = [dates_in(text) for text in self.plain_lines]
        self.amounts_of = [self.numbers.amounts(text) if self.numbers else [] for text in self.plain_lines]
        self.dates = DateStyle(day_first=self._day_first())
        self.labels = list(self._labels())
        self._of_line: dict[int, list[Label]] = {}
        for label in self.labels:
            self._of_line.setdefault(label.line, []).append(label)

    def _day_first(self) -> bool | None:
        proved = day_first_by(self.dates_of)
        if proved is not None:
            return proved
        if self.language != "en" or self.currency in ("EUR", "GBP", "AUD", "NZD", "CHF"):
            return True
        return False if self.currency == "USD" else None

    def _labels(self) -> Iterator[Label]:
        places = [
            (index, place)
            for index, cells in enumerate(self.plains)
            for place, text in enumerate(cells)
            if len(text) <= _LONGEST_CELL and _LETTERS.search(text)
        ]
        texts = [self.plains[index][place] for index, place in places]
        starts = list(accumulate((len(text) + len(_APART) for text in texts), initial=0))
        joined = _APART.join(texts)
        found = []
        for order, (field, pattern) in enumerate(LABELS.items()):
            for match in pattern.finditer(joined):
                cell = bisect_right(starts, match.start()) - 1
                start, end = match.start() - starts[cell], match.end() - starts[cell]
                if start < end <= len(texts[cell]):
                    found.append((cell, order, Label(field, *places[cell], start, end, match[0])))
        for _, _, label in sorted(found):
            yield label

    def labels_of(self, *fields: Field) -> list[Label]:
        """The labels of these fields, in the bill's order."""
        return [label for label in self.labels if label.field in fields]

    def labels_of_line(self, line: int) -> list[Label]:
        """The labels on a line."""
        return self._of_line.get(line, [])

    def labels_in(self, line: int, cell: int) -> list[Label]:
        """The labels in a cell."""
        return [label for label in self._of_line.get(line, ()) if label.cell == cell]

    def regions(self, label: Label) -> Iterator[Region]:
        """Where the value of a label may stand, the likeliest place first."""
        line = self.lines[label.line]
        cell, text = line.cells[label.cell], self.plains[label.line][label.cell]
        cut = min(
            (
                other.start
                for other in self.labels_in(label.line, label.cell)
                if other.start >= label.end and other.field is not label.field
            ),
            default=len(text),
        )
        rest = cell.text[label.end : cut]
        if rest.strip(" :.#-=_)"):
            yield Region("same", label.line, label.cell, rest, text[label.end : cut], 0.0)
        if cut == len(text):
            for place in range(label.cell + 1, min(label.cell + 4, len(line.cells))):
                others = self.labels_in(label.line, place)
                if any(other.start == 0 and other.field is not label.field for other in others):
                    break
                right = line.cells[place]
                yield Region(
                    "right",
                    label.line,
                    place,
                    right.text,
                    self.plains[label.line][place],
                    right.left - cell.right,
                )
        yield from self._below(label, cell)

    def _below(self, label: Label, cell: TextCell) -> Iterator[Region]:
        page, middle = self.lines[label.line].page, self.lines[label.line].middle
        for index in range(label.line + 1, min(label.line + 1 + _LOOKED_BELOW, len(self.lines))):
            line = self.lines[index]
            if line.page != page or middle - line.middle > max(_BELOW, 3.0 * (cell.top - cell.bottom)):
                return
            for place, other in enumerate(line.cells):
                if other.left > cell.right + 4 or other.right < cell.left - 4:
                    continue
                if self._has_own_label(index, place):
                    continue
                text, plain_text = self._clipped(label, cell, index, place)
                if text:
                    yield Region("below", index, place, text, plain_text, middle - line.middle)

    def _clipped(self, label: Label, cell: TextCell, index: int, place: int) -> tuple[str, str]:
        """A cell's text; of one below several cells of the label's line what is below its own."""
        other = self.lines[index].cells[place]
        beside = self.lines[label.line].cells
        left = beside[label.cell - 1].right if label.cell else -1e9
        right = beside[label.cell + 1].left if label.cell + 1 < len(beside) else 1e9
        if other.left >= left - 4 and other.right <= right + 4:
            return other.text, self.plains[index][place]
        words = [
            word.text
            for word in other.words
            if (word.right > cell.left - 6 and word.left < cell.right + 6)
            or (left < word.left and word.right < right)
        ]
        text = " ".join(words)
        return text, plain(text)

    def above(self, label: Label) -> Iterator[Region]:
        """What stands just above a label, where it has nothing beside or below it."""
        cell = self.lines[label.line].cells[label.cell]
        page, middle = self.lines[label.line].page, self.lines[label.line].middle
        for index in range(label.line - 1, max(-1, label.line - 4), -1):
            line = self.lines[index]
            if line.page != page or line.middle - middle > 34:
                return
            for place, other in enumerate(line.cells):
                if (
                    other.left <= cell.right
                    and other.right >= cell.left
                    and not self._has_own_label(index, place)
                ):
                    yield Region(
                        "above", index, place, other.text, self.plains[index][place], line.middle - middle
                    )

    def _has_own_label(self, line: int, cell: int) -> bool:
        """Whether it begins with a label, or one stands just before it and has its value there."""
        if any(label.start <= 1 for label in self.labels_in(line, cell)):
            return True
        if not cell:
            return False
        before = self.labels_in(line, cell - 1)
        text = self.plains[line][cell - 1].rstrip(" :.$#")
        return any(label.end >= len(text) for label in before)

    def money_at(self, label: Label) -> tuple[Money, Region] | None:
        """The amount that a label is of."""
        if self.numbers is None:
            return None
        for region in self.regions(label):
            found = self.numbers.money(region.text)
            if not found:
                if region.how == "same" and len(region.text) > 60:
                    return None
                continue
            if region.how == "same" and found[0].start > 45:
                return None
            if region.how == "below" and (len(region.text) > 40 or len(found) > 1):
                return None
            first = found[0]
            sign = self._sign_before(region) or self._is_credit(region, first)
            if sign and not first.signed:
                first = first._replace(cents=-first.cents, signed=True)
            return first, region
        for region in self.above(label):
            found = self.numbers.money(region.text)
            if len(found) == 1 and found[0].end - found[0].start >= len(region.text) - 2:
                return found[0], region
        return None

    def _sign_before(self, region: Region) -> bool:
        """Whether a minus stands in a cell of its own before the amount."""
        if region.how != "right" or not region.cell:
            return False
        return self.plains[region.line][region.cell - 1].strip().endswith((" -", "- $", "-$")) or (
            self.plains[region.line][region.cell - 1].strip() in ("-", "- $", "$ -", "-$")
        )

    def _is_credit(self, region: Region, money: Money) -> bool:
        """Whether an amount stands between angles, or beside CR, in its cell or the next."""
        before, after = region.plain[: money.start].rstrip(), region.plain[money.end :].lstrip()
        if (before.endswith("<") and after.startswith(">")) or _CR_BEFORE.search(before):
            return True
        cells = self.plains[region.line]
        beside = cells[region.cell + 1 : region.cell + 2] if not after else []
        if region.cell and not before and region.how != "same":
            beside = [*beside, cells[region.cell - 1]]
        return any(text.strip() in ("cr", "credit") for text in beside)

    def date_at(self, label: Label, near: date | None = None) -> tuple[date, Region] | None:
        """The day that a label is of."""
        for region in self.regions(label):
            found = dates_in(region.plain)
            if not found:
                if region.how == "same" and len(region.text) > 60:
                    return None
                continue
            if region.how == "same" and found[0].start > 40:
                return None
            if region.how == "below" and (len(found) > 1 or len(region.text) > 36):
                return None
            day = self.dates.date(found[0], near)
            if day is not None:
                return day, region
            return None
        for region in self.above(label):
            found = dates_in(region.plain)
            if len(found) == 1 and found[0].end - found[0].start >= len(region.plain) - 2:
                day = self.dates.date(found[0], near)
                return (day, region) if day is not None else None
        return None

    def id_at(self, label: Label) -> tuple[str, Region] | None:
        """The number or code that a label is of, as printed."""
        for region in self.regions(label):
            text = region.text.lstrip(" :#.=-")
            match = _ID.match(text)
            named = (
                region.how == "same"
                and label.field is Field.ACCOUNT
                and _NUMBER_OF.search(label.text.rstrip(" :"))
            )
            if (
                match
                and sum(map(str.isdigit, match[0])) >= 5
                and not (self._is_other(match[0]) and not (named and _TELEPHONE.fullmatch(match[0])))
            ):
                return match[0].strip(" -./"), region
            if region.how == "same" and len(text) > 30:
                return None
        return None

    def _is_other(self, text: str) -> bool:
        """Whether it is a date, an amount, or a telephone number."""
        found = self.numbers.money(text) if self.numbers else []
        if dates_in(plain(text)) or any(each.end - each.start >= len(text) - 1 for each in found):
            return True
        return bool(_TELEPHONE.fullmatch(text.strip()) or _TAX_CODE.fullmatch(text.strip()))


_NUMBER_OF = re.compile(r"(?:number|num|no\.?|nr\.?|#)$")
"""The end of a label that leaves no doubt: what follows is no telephone number."""
_APART = "\0\n\0"
"""Between cells that are searched at once: no label's pattern matches it."""
_CR_BEFORE = re.compile(r"\bcr$")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_ID = re.compile(
    r"(?:[A-Z]{1,6}-)?[A-Z]{0,6}-?\d[A-Z0-9]*(?:[-./][A-Z0-9]+)*(?![A-Za-z0-9])"
    r"(?: \d[\d-]{0,12}(?![A-Za-z0-9.,:/]))*"
)
_TAX_CODE = re.compile(r"[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]")
_TELEPHONE = re.compile(r"(?:1-)?(?:\(\d{3}\)\s?|\d{3}-|\d{3}\.)\d{3}[-.]\d{4}")
