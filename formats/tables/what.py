"""What a value of a table is: said by its column, its row's kind and unit, its meter, the lines above."""

from __future__ import annotations

import re
from collections.abc import Mapping

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.cells import clean, name, refused, shown
from meterfarm.formats.tables.channel import mean_divides
from meterfarm.formats.tables.head import BoundValue
from meterfarm.formats.tables.layout import KW, UNITS, Layout, What
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.records import Commodity, Direction, Measure

_STREET = re.compile(
    r"\d.*\b(st|street|ave|avenue|rd|road|dr|drive|ct|court|ln|lane|blvd|boulevard|way|pl|ter|cir|hwy|pkwy|apt|"
    r"suite|ste|straat|laan|weg|plein|straße|strasse|str|via|viale|piazza|rue|allée|chemin|calle)\b"
    r"|\w*(straat|laan|weg|straße|strasse)\b.*\d|\b(rue|via|viale|calle|piazza|str)\b.*\d",
    re.IGNORECASE,
)
_HOUSE = re.compile(r"\d+\w?[\s,]+[^\W\d_]{2,}.*")


def names_place(title: str) -> bool:
    """Whether a text above a table is an address or a person's name, as no meter's number is."""
    named = len(title.split()) > 1 and not any(map(str.isdigit, title))
    return named or "," in title or names_address(title)


def names_address(text: str) -> bool:
    """Whether it is the address of a house, or of a mailbox."""
    return "@" in text or bool(_HOUSE.fullmatch(text) or _STREET.search(text))


class Meaning:
    """Of one table's values; ``table`` is its number where several tables are not told apart, else 0."""

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
        what = self._told_above(self._of_meter(line, meters).over(self._layout.what))
        if self._layout.kind:
            known = self.kind(kind)
            if known is None:
                self._remarks.kind(line, kind)
            if known is None or known[0] is None:
                return None
            what = known[0].over(what)
        what = self._told_apart(line, self._in_unit(line, bound.what.over(what), unit))
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
        raise refused(line, f"nothing is known of a meter called “{shown(text)}”")

    def _told_above(self, what: What) -> What:
        for label, patterns in self._layout.above_kinds.items():
            text = self._above.get(label, "")
            found = (each for pattern, each in patterns.items() if re.search(pattern, text, re.IGNORECASE))
            told = next(found, None)
            if told is None and text:
                raise FormatError(f"Nothing is known of a table whose “{label}” is “{shown(text)}”.")
            what = told.over(what) if told else what
        return what

    def _in_unit(self, line: int, what: What, cell: str) -> What:
        if cell:
            unit = UNITS.get(name(cell))
            if unit is None:
                raise refused(line, f"the unit “{shown(cell)}” is not known")
            what = unit.over(what)
        if what.unit is None:
            self._remarks.no_unit(line)
        if what.commodity is Commodity.ELECTRIC and what.measure is Measure.VOLUME:
            self._remarks.volume(line)
            return What(commodity=Commodity.OTHER).over(what)
        return what

    def _told_apart(self, line: int, what: What) -> What:
        if not self._table:
            return what
        self._remarks.tables(line)
        return What(direction=Direction.UNKNOWN, register=f"table {self._table}").over(what)
