"""The tables of charges of a declared layout: rows between two texts, held against their sum and rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from meterfarm.formats.bills.bill_figures import money
from meterfarm.formats.bills.generic.amounts import NumberStyle
from meterfarm.formats.bills.generic.dates import DateStyle, dates_in
from meterfarm.formats.bills.generic.labels import plain
from meterfarm.formats.bills.layout_patterns import row_values
from meterfarm.formats.errors import FormatError
from meterfarm.records import BillCheck, LineItem

MOST_ROWS = 9
"""Ways in which a table's rows may be written."""
_MOST_LINES = 400
_HALF_A_CENT = Decimal("0.5")


class ItemTable(BaseModel):
    """Charges below a line that has ``after``, above one that has ``before``; ``rows`` are tried in turn.

    An amount behind ``before`` is their sum.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    after: str = Field(min_length=3, max_length=200)
    before: str = Field(min_length=3, max_length=200)
    rows: Sequence[str] = Field(min_length=1, max_length=MOST_ROWS)


class ItemReader:
    """Reads tables of charges; ``checks`` are what their figures were held against."""

    def __init__(self, numbers: NumberStyle, dates: DateStyle) -> None:
        self._numbers = numbers
        self._dates = dates
        self.checks: list[BillCheck] = []

    def read(self, text: str, table: ItemTable) -> list[LineItem]:
        """The lines of a table at each of its places; none where the bill has no such table.

        Raises:
            FormatError: it begins and does not end, or has more lines than a bill has.
        """
        found: list[LineItem] = []
        lines, end = text.splitlines(), -1
        for place, line in enumerate(lines):
            if place > end and table.after in line:
                following = range(place + 1, len(lines))
                end = next((index for index in following if table.before in lines[index]), len(lines))
                items = self._part(lines[place + 1 : end], table, is_whole=end < len(lines))
                found += self._in_sum(items, table, lines[end]) if end < len(lines) else ()
        if len(found) > _MOST_LINES:
            raise FormatError(f"below “{table.after}” are more than {_MOST_LINES} lines")
        return found

    def _part(self, lines: Sequence[str], table: ItemTable, *, is_whole: bool) -> list[LineItem]:
        read = [(line, self._item(line, table)) for line in lines]
        items = [item for _, item in read if item is not None]
        if not is_whole and items:
            raise FormatError(f"the table below “{table.after}” has no “{table.before}” at its end")
        for line, item in read if is_whole else ():
            if item is None and self._numbers.money(line):
                what = f"“{line[:60]}” below “{table.after}” is not written as the rows of its table are."
                self.checks.append(BillCheck(table.after, False, what))
        return items

    def _item(self, line: str, table: ItemTable) -> LineItem | None:
        for row in table.rows:
            for values in row_values(line, row, "item"):
                amounts = self._numbers.money(values["cost"])
                if len(amounts) == 1:
                    cents = amounts[0].cents
                    in_angles = values["cost"].startswith("<") and values["cost"].endswith(">")
                    return self._proved(self._made(values, -abs(cents) if in_angles else cents, table.after))
        return None

    def _made(self, values: Mapping[str, str], cents: int, section: str) -> LineItem:
        days = [
            self._dates.date(day) for name in ("from", "to") for day in dates_in(plain(values.get(name, "")))
        ]
        first, last = days if len(days) == 2 else (None, None)
        return LineItem(
            values["name"],
            cents,
            self._number(values.get("volume")),
            values.get("unit", ""),
            self._number(values.get("rate")),
            first,
            last,
            section=section,
        )

    def _number(self, text: str | None) -> Decimal | None:
        found = self._numbers.amounts(text.lstrip("$€£")) if text else []
        return found[0].value if len(found) == 1 else None

    def _proved(self, item: LineItem) -> LineItem:
        if item.volume is None or item.rate is None:
            return item
        made = item.volume * item.rate * 100
        agrees = abs(abs(made) - abs(item.cost)) <= _HALF_A_CENT
        what = (
            f"“{item.name}” of {item.volume:f} {item.unit} x {item.rate:f} makes {made.scaleb(-2):.4f}; "
            f"its cost is {money(item.cost)}."
        )
        self.checks.append(BillCheck(f"{item.section}: {item.name}", agrees, what))
        return replace(item, proved_by=["product"]) if agrees else item

    def _in_sum(self, items: list[LineItem], table: ItemTable, line: str) -> list[LineItem]:
        amounts = self._numbers.money(line.partition(table.before)[2])
        if not amounts or not items:
            return items
        added = sum(item.cost for item in items)
        agrees = added == amounts[0].cents
        lines = "line makes" if len(items) == 1 else f"{len(items)} lines make"
        what = f"The {lines} {money(added)}; “{table.before}” is {money(amounts[0].cents)}."
        self.checks.append(BillCheck(table.before, agrees, what))
        return [replace(item, proved_by=[*item.proved_by, "sum"]) for item in items] if agrees else items
