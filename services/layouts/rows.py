"""Rows of meters and of charges as patterns, as far as their figures show what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

from meterfarm.formats.bills.generic.amounts import Amount, NumberStyle, unit_of
from meterfarm.formats.bills.generic.dates import dates_in
from meterfarm.formats.bills.generic.ids import meter_ids
from meterfarm.formats.bills.generic.labels import plain
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.services.layouts.leads import WORD, is_number

MOST = 9
"""Of lines that are offered."""


class Rows:
    """The lines of a bill that may be rows of a table."""

    def __init__(self, sheet: BillSheet, numbers: NumberStyle, text: str) -> None:
        self._sheet = sheet
        self._numbers = numbers
        self._lines = text.splitlines()

    def meter_lines(self) -> Sequence[str]:
        """The lines that may be the row of a meter: with a number that has a unit, and the meter's."""
        ids = {meter for meter, _ in meter_ids(self._sheet)}
        found = []
        for line in self._lines:
            words = line.split()
            has_unit = any(unit_of(word.strip("():,")) for word in words)
            has_id = any(word in ids or is_number(word) for word in words)
            if has_unit and has_id and "$" not in line:
                found.append(line)
        return list(dict.fromkeys(found))[:MOST]

    def proposed_row(self, line: str) -> str:
        """A meter's row as a pattern, as far as its figures show what they are."""
        words = line.split(" ")
        ids = {meter for meter, _ in meter_ids(self._sheet)}
        names: dict[int, str] = {}
        figures = {
            place: found[0].value
            for place, word in enumerate(words)
            if not dates_in(plain(word)) and len(found := self._numbers.amounts(word)) == 1
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
            elif place not in names and "id" not in names.values() and (word in ids or is_number(word)):
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

    def item_heads(self) -> Sequence[str]:
        """The lines that a table of charges may stand below: no amount, and a row with one on the next."""
        found = [
            line
            for line, following in zip(self._lines, self._lines[1:], strict=False)
            if WORD.search(line) and not self._numbers.money(line) and self._ends_with_amount(following)
        ]
        return list(dict.fromkeys(found))[:MOST]

    def item_ends(self, head: str) -> Sequence[str]:
        """The lines that may end the table below a line, by what stands before their amounts."""
        place = next((index for index, line in enumerate(self._lines) if head in line), len(self._lines))
        found = []
        for line in self._lines[place + 2 : place + 60]:
            money = self._numbers.money(line)
            text = line[: money[0].start].strip(" $€£") if money else line
            if WORD.search(text) and not any(map(str.isdigit, text)):
                found.append(text)
        return list(dict.fromkeys(found))[:MOST]

    def item_rows(self, after: str, before: str) -> Sequence[str]:
        """How the rows between two texts are written, those with a rate first."""
        place = next((index for index, line in enumerate(self._lines) if after in line), len(self._lines))
        found = []
        for line in self._lines[place + 1 :]:
            if before in line:
                break
            if self._ends_with_amount(line):
                found.append(self._item_row(line))
        return sorted(dict.fromkeys(found), key=lambda row: -row.count("{"))[:MOST]

    def _ends_with_amount(self, line: str) -> bool:
        money = self._numbers.money(line)
        return bool(money) and money[-1].end >= len(line) - 2 and bool(WORD.search(line))

    def _item_row(self, line: str) -> str:
        """A row with its volume, unit and rate where the two make the cost; else its name and cost."""
        last = self._numbers.money(line)[-1]
        numbers = self._numbers.amounts(line[: last.start])
        for volume, rate in permutations(numbers, 2):
            made = abs(volume.value * rate.value * 100)
            if last.cents and abs(made - abs(last.cents)) <= 1 and self._is_rate(rate):
                one, other = sorted((volume, rate), key=lambda each: each.start)
                return self._with_rate(line, one, other, one is volume, last.start)
        return "{name} {cost}"

    @staticmethod
    def _is_rate(number: Amount) -> bool:
        return int(number.value.as_tuple().exponent) < 0 and not number.unit

    @staticmethod
    def _with_rate(line: str, one: Amount, other: Amount, volume_first: bool, cost: int) -> str:
        names = ("{volume}", "{rate}") if volume_first else ("{rate}", "{volume}")
        pieces = ["{name}"]
        for name, number, end in zip(names, (one, other), (other.start, cost), strict=True):
            pieces.append(f"{name} {{unit}}" if number.unit else name)
            between = line[number.end : end].strip(" $€£-+")
            pieces += ["*" if any(map(str.isdigit, word)) else word for word in between.split()]
        return " ".join([*pieces, "{cost}"])
