"""What a table says of its own rows: totals, counts, units, from when to when. Compared with what was read.

A contradiction is a doubt with both figures. Lines above and below the rows are looked at by their labels,
rows of totals by the columns their figures stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isqrt

from meterfarm.formats.tables.cells import clean, name, shown
from meterfarm.formats.tables.channel import Channel
from meterfarm.formats.tables.head import BoundValue
from meterfarm.formats.tables.layout import UNITS, What
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.records import Commodity, Direction, Measure

_MOST = 200
_WHERE = "beside the rows"
_TOTAL = re.compile(r"\b(totals?|sum|totaal|totale|gesamt\w*|summe|somme)\b")
_AMOUNT = re.compile(
    r"(net |electric(ity)? |energy |gas |kwh )*(usage|used|consumption|generation|production|net)"
)
_NO_SUM = re.compile(
    r"\b(duration|days?|hours?|minutes|count|number|meters?|accounts?|demand|peak|average|rate|type|pages?|"
    r"customers|users|occupants|devices|services|premises|units|intervals|readings|records|rows|estimated|actual|"
    r"missing|gaps|errors|outages|due|balance|payments?|paid|tax(es)?|fees?|budget|baseline|allowance|savings|"
    r"capacity|temperature|area|square|co2|carbon|emissions|previous|prior|last|annual|year(ly)?|ytd)\b|#"
)
"""Words of totals that are of other things than the rows, or of another time."""
_COMMODITIES = {
    re.compile(r"\bgas\b"): Commodity.GAS,
    re.compile(r"\bwater\b"): Commodity.WATER,
    re.compile(r"\belectric"): Commodity.ELECTRIC,
}
_COUNT = re.compile(
    r"((total )?(number|count|no\.?|#) of |total )?(readings|intervals|records|rows|values|data points)|"
    r"(reading|interval|record|row|value)s? count"
)
_SORT_LABEL = "type of readings"
_SORT = re.compile(r"kilowatts?(-hours?| hours?)?\b")
_UNIT_LABELS = ("uom", "unit", "units", "unit of measure", "units of measure")
_RECEIVED = re.compile(r"\b(generat\w*|production|received|export\w*|sent|surplus|injectie|outflow)\b")
_NET = re.compile(r"\bnet\b")
_COST = re.compile(r"\b(costs?|charges?|amount|bill|price)\b|\$")
_FIGURE = re.compile(
    r"(?P<sign>-?)[$€£]?\s?(?P<minus>-?)(?P<whole>\d{1,3}(?:[,' ]\d{3})+|\d{1,15})"
    r"(?:\.(?P<decimals>\d{1,12}))?\s?(?P<unit>[^\d\s][^\d]*)?"
)
_MANY = 50
_ADDED_UP = (Measure.ENERGY, Measure.VOLUME, Measure.OTHER)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a cell; ``half`` is what it may have been rounded by, ``unit`` empty if it says none."""

    value: Decimal
    half: Decimal
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedPart:
    """One channel of a table: the number of its column, and what it has counted so far."""

    column: int
    channel: Channel


def figure(text: str, *, comma: bool = False) -> Figure | None:
    """None if it is no number, or one in a unit that is not known."""
    cell = clean(text)
    match = _FIGURE.fullmatch(cell.replace(".", " ").replace(",", ".") if comma else cell)
    unit = name(match["unit"] or "") if match else ""
    if not match or (unit and unit not in UNITS and unit not in ("$", "€", "£", "usd")):
        return None
    decimals = match["decimals"] or ""
    digits = re.sub(r"\D", "", match["whole"]) + decimals
    value = Decimal(digits).scaleb(-len(decimals))
    negative = match["sign"] or match["minus"]
    return Figure(-value if negative else value, Decimal(5).scaleb(-len(decimals) - 1), unit)


class Claims:
    """Of one file's table, or of tables one below the other."""

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks
        self._lines: dict[tuple[str, str], None] = {}
        self._marks: dict[int, Decimal] = {}

    def enter(self, lines: Mapping[str, str]) -> None:
        """Lines beside a table, by label; those that claim nothing are passed over."""
        for label, text in lines.items():
            if len(self._lines) < _MOST and text:
                self._lines[label, text] = None

    @property
    def lines(self) -> Iterable[tuple[str, str]]:
        """The lines that were entered, by label and text."""
        return self._lines

    def check(self, parts: Sequence[ClaimedPart], rows: int, *, comma: bool) -> None:
        """After the last row."""
        for label, text in self._lines:
            if label == _SORT_LABEL:
                self._check_sort(label, text, parts)
            elif label in _UNIT_LABELS:
                self._check_unit(label, text, parts)
            elif _COUNT.fullmatch(label):
                self._check_count(label, text, parts, rows)
            elif _claims_sum(label):
                found = figure(text, comma=comma)
                if found and not _is_of_others(found, label, parts):
                    self._check_sum(label, text, found, parts)

    def total_row(
        self,
        line: int,
        cells: Sequence[str],
        values: Sequence[BoundValue],
        parts: Sequence[ClaimedPart],
        *,
        comma: bool,
    ) -> None:
        """A row of totals: each figure is of all rows above it, or of those below the last such row."""
        for number, bound in enumerate(values):
            found = figure(cells[bound.place], comma=comma) if bound.place < len(cells) else None
            of_column = [each for each in parts if each.column == number and _adds_up(each.channel.what)]
            if not found or not of_column:
                continue
            whole = _sum(of_column)
            sums = [whole, whole - self._marks.get(number, Decimal()), *_sums(of_column)]
            self._marks[number] = whole
            if not _fits(found.value, found.half, sums, of_column):
                self._say(bound.value.column, cells[bound.place], _plain(whole), f"line {line}")

    def _check_unit(self, label: str, text: str, parts: Sequence[ClaimedPart]) -> None:
        claimed = UNITS.get(name(text))
        whats = (each.channel.what for each in parts)
        read = [(each.unit, each.power) for each in whats if claimed and each.measure is claimed.measure]
        if claimed and read and (claimed.unit, claimed.power) not in read:
            unit = next((key for key, each in UNITS.items() if (each.unit, each.power) == read[0]), "another")
            what = f"the file's own “{shown(label)}” is {shown(text)}, but values were read in {unit}"
            self._remarks.add(what, _WHERE)

    def _check_sort(self, label: str, text: str, parts: Sequence[ClaimedPart]) -> None:
        """Energy or power, as SmartHub and SCE state it above a table."""
        found = _SORT.search(text.lower())
        claimed = (Measure.ENERGY if found[1] else Measure.DEMAND) if found else None
        read = {each.channel.what.measure for each in parts} - {Measure.COST}
        if claimed and read and claimed not in read:
            measures = " and ".join(sorted(each.value for each in read if each))
            self._remarks.add(
                f"the file's own “{shown(label)}” is {shown(text, 80)}, but values were read as {measures}",
                _WHERE,
            )

    def _check_count(self, label: str, text: str, parts: Sequence[ClaimedPart], rows: int) -> None:
        found = figure(text)
        counts = [each.channel.count for each in parts]
        if found and found.value not in {rows, sum(counts), *counts}:
            self._say(label, text, str(rows), _WHERE, "but the number of rows read is ")

    def _check_sum(self, label: str, text: str, found: Figure, parts: Sequence[ClaimedPart]) -> None:
        cost = bool(_COST.search(label)) or found.unit in ("$", "€", "£", "usd")
        direction = Direction.DELIVERED
        if _NET.search(label):
            direction = Direction.NET
        elif _RECEIVED.search(label):
            direction = Direction.RECEIVED
        kinds = (Measure.COST,) if cost else _ADDED_UP
        added = [each for each in parts if each.channel.what.measure in kinds and _adds_up(each.channel.what)]
        flows = (direction, Direction.UNKNOWN, None)
        ours = [each for each in added if cost or each.channel.what.direction in flows]
        ours = added if not ours and direction is Direction.DELIVERED else ours
        factor = _factor(found, label, added)
        sums = [each * factor for each in (_sum(ours), *_sums(ours))]
        if direction is Direction.NET and not ours:
            sums = [(_flow(added, Direction.DELIVERED) - _flow(added, Direction.RECEIVED)) * factor]
        if not added or _fits(found.value, found.half, sums, ours or added):
            return
        self._say(label, text, _plain(max(sums[1:], default=sums[0], key=abs)), _WHERE)

    def _say(
        self, label: str, text: str, read: str, where: str, words: str = "but the rows add up to "
    ) -> None:
        self._remarks.add(f"the file's own “{shown(label)}” is {shown(text)}, {words}{read}", where)


def _claims_sum(label: str) -> bool:
    of_sum = _TOTAL.search(label) or _AMOUNT.fullmatch(label.partition("(")[0].strip())
    return bool(of_sum) and not _NO_SUM.search(label)


def _adds_up(what: What) -> bool:
    return not what.mean and not what.instant and what.measure in (*_ADDED_UP, Measure.COST)


def _sum(parts: Sequence[ClaimedPart]) -> Decimal:
    return sum((each.channel.total for each in parts), Decimal())


def _sums(parts: Sequence[ClaimedPart]) -> list[Decimal]:
    """Of what has a meter, a column, a direction or a length of intervals in common."""
    groups: dict[object, list[ClaimedPart]] = {}
    for each in parts:
        what = each.channel.what
        for common in (
            ("meter", each.channel.meter_id),
            ("column", each.column),
            ("length", each.channel.length),
            ("unit", what.measure, what.unit, each.channel.length),
            ("flow", what.direction, what.measure, what.unit, each.channel.length),
        ):
            groups.setdefault(common, []).append(each)
    return [_sum(group) for group in groups.values()]


def _flow(parts: Sequence[ClaimedPart], direction: Direction) -> Decimal:
    return _sum([each for each in parts if each.channel.what.direction is direction])


def _factor(found: Figure, label: str, parts: Sequence[ClaimedPart]) -> Decimal:
    """From the unit of the rows to the one that the figure or its label names."""
    named = _named_unit(found, label)
    what = parts[0].channel.what if parts else None
    if not named or not what or named.unit is not what.unit:
        return Decimal(1)
    return Decimal(1).scaleb((what.power or 0) - (named.power or 0))


def _named_unit(found: Figure, label: str) -> What | None:
    words = (found.unit, label.partition("(")[2].rstrip(")"), label.rpartition(" ")[2])
    return next((UNITS[each] for each in words if each in UNITS), None)


def _is_of_others(found: Figure, label: str, parts: Sequence[ClaimedPart]) -> bool:
    """Whether a total is of another commodity or measure than all that was read."""
    read = {each.channel.what.commodity for each in parts} - {None}
    of = {commodity for word, commodity in _COMMODITIES.items() if word.search(label)}
    named = _named_unit(found, label)
    measures = {each.channel.what.measure for each in parts}
    return bool(of and read and not of & read) or bool(named and named.measure not in measures)


def _fits(value: Decimal, half: Decimal, sums: Iterable[Decimal], parts: Sequence[ClaimedPart]) -> bool:
    """Whether one of the sums is the value, as far as it is rounded; of many rows each may be rounded too."""
    count = max((each.channel.count for each in parts), default=0)
    decimals = max((each.channel.decimals for each in parts), default=0)
    rounded = Decimal(isqrt(count)).scaleb(-decimals) if count >= _MANY else Decimal()
    return any(abs(each - value) <= half + rounded for each in sums)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"
