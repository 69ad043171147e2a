"""What a value of a table is: by its column, its row's kind and unit, its meter, the lines above."""

from __future__ import annotations

import re
from collections.abc import Mapping

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.cells import clean, name, names_place, refused, shown
from meterfarm.formats.tables.channel import mean_divides
from meterfarm.formats.tables.head import BoundValue
from meterfarm.formats.tables.layout import KW, UNITS, Layout, What
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.records import Commodity, Direction, Measure


def meter_above(layout: Layout, above: Mapping[str, str], places: dict[str, int]) -> str:
    """What lines above a table call the meter; of places, which are not shown, all but the first by number.

    ``places`` are the numbers of a file's places so far; a further one is entered.
    """
    meter = next((above[each] for each in layout.meter if above.get(each)), "")
    place = above.get(layout.place, "") if layout.place else ""
    if meter and not names_place(meter):
        return meter
    if not (meter or place):
        return ""
    number = places.setdefault(meter or place, len(places) + 1)
    return f"place {number}" if number > 1 else ""


class Meaning:
    """Of one table's values; ``table`` is its number where nothing distinguishes several tables, else 0."""

    def __init__(
        self, layout: Layout, above: Mapping[str, str], remarks: Remarks, table: int, meter: str
    ) -> None:
        """``meter`` is the meter of rows that don't name one."""
        self._layout = layout
        self._meter = meter
        self._above = above
        self._remarks = remarks
        self._table = table

    def meter_id(self, meters: str) -> str:
        """The first that names one, of a row's cells or else of the lines above."""
        return next(filter(None, map(clean, meters.split("\0"))), self._meter)

    def kind(self, cell: str) -> tuple[What | None] | None:
        """What rows of a kind are, if anything is known of it."""
        text = name(cell)
        kinds = self._layout.kinds.items()
        return next(((what,) for pattern, what in kinds if re.fullmatch(pattern, text)), None)

    def of(self, line: int, says: tuple[str, str, str], bound: BoundValue, seconds: int) -> What | None:
        """What a row's cells of meter, kind and unit make of a value; None if it is to be left out."""
        meters, kind, unit = says
        what = self._by_lines_above(self._of_meter(line, meters).over(self._layout.what))
        if self._layout.kind:
            known = self.kind(kind)
            if known is None:
                self._remarks.kind(line, kind)
            if known is None or known[0] is None:
                return None
            what = known[0].over(what)
        what = self._by_table(line, self._in_unit(line, bound.what.over(what), unit))
        if what.mean and not mean_divides(seconds):
            self._remarks.mean(line)
            return KW.over(What(mean=False).over(what))
        return what

    def _of_meter(self, line: int, meters: str) -> What:
        if not self._layout.meters:
            return What()
        text = name(self.meter_id(meters))
        for pattern, what in self._layout.meters.items():
            if re.fullmatch(pattern, text):
                return what
        raise refused(line, f"the meter “{shown(text)}” is of an unknown kind")

    def _by_lines_above(self, what: What) -> What:
        for label, patterns in self._layout.above_kinds.items():
            text = self._above.get(label, "")
            found = (each for pattern, each in patterns.items() if re.search(pattern, text, re.IGNORECASE))
            kind = next(found, None)
            if kind is None and text:
                raise FormatError(
                    f"The file has a table of an unknown kind (“{label}” is “{shown(text)}”): "
                    "ask for another export."
                )
            what = kind.over(what) if kind else what
        return what

    def _in_unit(self, line: int, what: What, cell: str) -> What:
        if cell:
            unit = UNITS.get(name(cell))
            if unit is None:
                raise refused(line, f"the unit “{shown(cell)}” is unknown")
            what = unit.over(what)
        if what.unit is None:
            self._remarks.no_unit(line)
        if what.commodity is Commodity.ELECTRIC and what.measure is Measure.VOLUME:
            self._remarks.volume(line)
            return What(commodity=Commodity.OTHER).over(what)
        return what

    def _by_table(self, line: int, what: What) -> What:
        if not self._table:
            return what
        self._remarks.tables(line)
        return What(direction=Direction.UNKNOWN, register=f"table {self._table}").over(what)
