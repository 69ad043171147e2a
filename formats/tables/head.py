"""Which layout a table has: its header's columns, and what stands above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import DAY
from meterfarm.formats.tables.cells import clean, name, names_address, shown
from meterfarm.formats.tables.columns import is_number
from meterfarm.formats.tables.layout import UNITS, Layout, Value, What
from meterfarm.formats.tables.rows import DELIMITERS
from meterfarm.formats.tables.stamps import NotAStamp, read_clock

_UNIT = r"(?P<unit>[^()]+?)"
_MOST_LABELS = 200
_LONGEST = 200
_MOST_PARTS = 4
_PARTED = ("address", "service address")
"""Labels of texts that have commas, which not all portals put in quotes."""


@dataclass(frozen=True, slots=True)
class BoundValue:
    """A column of values at its place; ``unit`` and ``length`` are places too, -1 for none."""

    place: int
    value: Value
    what: What
    unit: int = -1
    length: int = -1


@dataclass(frozen=True, slots=True)
class Head:
    """A layout found in a file: places of its columns, by their names there."""

    layout: Layout
    columns: Mapping[str, int]
    values: Sequence[BoundValue]
    wide: Sequence[tuple[int, re.Match[str]]]
    width: int
    unread: Sequence[tuple[int, str]]
    """Columns nothing is known of, by place and name; those without a name too."""

    @property
    def last_needed(self) -> int:
        """The place that a row must reach: of the last value that isn't optional, or else of the first."""
        places = [each.place for each in self.values if not each.value.optional]
        return max(places) if places else min((each.place for each in self.values), default=0)

    def intervals(self) -> Sequence[tuple[int, int, int]]:
        """The columns of a table with a day a row: place, second of the day, seconds.

        Raises:
            FormatError: A column's name is no interval.
        """
        return [_wide_column(place, match) for place, match in self.wide]

    @property
    def known(self) -> int:
        """How many columns the layout has a name for."""
        return self.width - len(self.unread)


def find(cells: Sequence[str], layouts: Iterable[Layout], above: Mapping[str, str]) -> Head | None:
    """The head that a row is, of the layout that knows most of its columns; the first of equals."""
    names = _names(cells)
    if len(names) < 2:
        return None
    heads = [head for layout in layouts if (head := _bind(layout, names, len(cells), above))]
    return max(heads, key=lambda head: head.known, default=None)


def _names(cells: Sequence[str]) -> Mapping[str, int]:
    """The places of columns by their names; those without a name are left out."""
    names: dict[str, int] = {}
    for place, cell in enumerate(cells):
        text = name(cell)
        number, unique = 1, text
        while unique in names:
            number += 1
            unique = f"{text}#{number}"
        if text:
            names[unique] = place
    return names


def _bind(layout: Layout, names: Mapping[str, int], width: int, above: Mapping[str, str]) -> Head | None:
    if not all(re.search(text, above.get(label, ""), re.IGNORECASE) for label, text in layout.above.items()):
        return None
    if not all(any(re.fullmatch(each, column) for column in names) for each in layout.has):
        return None
    if layout.times.day_above and not any(re.fullmatch(layout.times.day_above, each) for each in above):
        return None
    columns: dict[str, int] = {}
    for wanted in _needed(layout) | _optional(layout):
        found = next((names[each] for each in wanted.split("|") if each in names), None)
        if found is not None:
            columns[wanted] = found
    if not _needed(layout) <= columns.keys():
        return None
    wide = _wide(layout, names)
    values = [] if layout.wide else _values(layout, names)
    if values is None or (layout.wide and len(wide) < layout.wide.fewest):
        return None
    read = {*columns.values(), *(place for place, _ in wide)}
    for value in values:
        read |= {value.place, value.unit, value.length}
    called = {place: each for each, place in names.items()}
    unread = [(place, called.get(place, "")) for place in range(width) if place not in read]
    unread = [(place, each) for place, each in unread if not (each and _ignored(layout, each))]
    return Head(layout, columns, values, wide, width, unread)


def _needed(layout: Layout) -> set[str]:
    """The columns that a reading needs."""
    times = layout.times
    needed = (times.start, times.end, times.span, times.length, layout.unit, layout.kind)
    parts = " + ".join(filter(None, needed))
    return set(parts.split(" + "))


def _optional(layout: Layout) -> set[str]:
    labels = (layout.estimated, *layout.meter)
    return {each for each in labels if each}


def _wide(layout: Layout, names: Mapping[str, int]) -> Sequence[tuple[int, re.Match[str]]]:
    if layout.wide is None:
        return ()
    found = (
        (place, re.fullmatch(layout.wide.columns, each.partition("#")[0])) for each, place in names.items()
    )
    return [(place, match) for place, match in found if match]


def _values(layout: Layout, names: Mapping[str, int]) -> list[BoundValue] | None:
    """None if one is missing, or there is none at all."""
    bound = []
    for value in layout.values:
        found = _value(value, names)
        if found:
            bound.append(found)
        elif not value.optional:
            return None
    return bound or None


def _value(value: Value, names: Mapping[str, int]) -> BoundValue | None:
    for each, place in names.items():
        match = next((found for one in _patterns(value.column) if (found := one.fullmatch(each))), None)
        if not match:
            continue
        what = value.what
        if "{unit}" in value.column:
            if match["unit"] not in UNITS:
                continue
            what = what.over(UNITS[match["unit"]])
        unit, length = (names.get(other, -1) for other in (value.unit, value.length))
        if (value.unit and unit < 0) or (value.length and length < 0):
            return None
        return BoundValue(place, value, what, unit, length)
    return None


@lru_cache(maxsize=1024)
def _patterns(column: str) -> Sequence[re.Pattern[str]]:
    """One for each of a column's names, each with a unit of its own."""
    names = map(re.escape, column.split("|"))
    return [re.compile(each.replace(r"\{unit\}", _UNIT).replace(r"\*", "[^()]*")) for each in names]


def _ignored(layout: Layout, column: str) -> bool:
    return any(re.fullmatch(each, column) for each in layout.ignored)


def label(above: dict[str, str], cells: Sequence[str]) -> str:
    """Keep a line above a table by its label, and return that: ``Meter,123``, or ``Meter: 123``."""
    filled = [clean(cell) for cell in cells if clean(cell)]
    if not filled or len(above) >= _MOST_LABELS:
        return ""
    first, found, rest = filled[0].partition(":")
    key, values = name(first)[:_LONGEST], [rest.strip(), *filled[1:]] if rest.strip() else filled[1:]
    of_a_unit = name(" ".join(values[1:2])) in UNITS
    most = 2 if of_a_unit else _MOST_PARTS if found or key in _PARTED else 1
    above[key] = (" " if of_a_unit else ", ").join(values[:most])[:_LONGEST]
    return key


def _wide_column(place: int, match: re.Match[str]) -> tuple[int, int, int]:
    """Its place, the second of the day it begins at and its seconds, by its name."""
    groups = match.groupdict()
    if groups.get("hour"):
        return place, (int(groups["hour"]) - 1) * 3600, 3600
    try:
        start = read_clock(groups["start"]).second % DAY
        end = read_clock(groups["end"]).second or DAY
    except NotAStamp as exc:
        raise FormatError(
            f"The file's header is invalid: “{shown(match[0])}” is no interval; download it again."
        ) from exc
    if end <= start:
        raise FormatError(
            f"The file's header is invalid: “{shown(match[0])}” is no interval; download it again."
        )
    return place, start, end - start


_MOST = 160
_STAMP = re.compile(r".*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d\d|\d{4}-\d\d|\b\d{8}\b).*")
_WORDS = re.compile(
    r"\b(date|day|days|time|hour|hours|start|end|from|to|meter|interval|period|unit|units|uom|usage|use|read|"
    r"reading|readings|value|consumption|demand|energy|power|cost|charge|charges|amount|delivered|received|"
    r"import|export|net|generation|kwh|wh|kw|therms?|ccf|m3|quality|type|direction|channel|timestamp|"
    r"datum|zeit|uhrzeit|tijd|tijdstip|van|tot|verbrauch|verbruik|wert|einheit|afname|injectie|data|ora|consumo|"
    r"valore|heure|jour|consommation|valeur|fecha|hora|valor)\b",
    re.IGNORECASE,
)
_LABELS = re.compile(r"(account|customer|service|billing)?[ _]?(holder|name|address|number|id)?:?")


def unknown(rows: Sequence[Sequence[str]]) -> FormatError:
    """``rows`` are the first of a file."""
    header = " | ".join(_header(rows))
    if not header:
        return FormatError(
            "The file's layout is unknown, and it has no header of a table: "
            "docs/formats.md lists what is read."
        )
    return FormatError(
        f"The table's layout is unknown: its header seems to be “{shown(header, _MOST)}”; "
        "declare it as docs/formats.md shows."
    )


def holds_data(lines: Sequence[str]) -> bool:
    """Whether any line has several cells, with a number or a time among them: prose has none."""
    for delimiter in DELIMITERS:
        rows = (line.split(delimiter) for line in lines)
        if any(len(row) > 1 and any(_is_data(cell.strip(' "')) for cell in row) for row in rows):
            return True
    return False


def _header(rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """The row of words above the most rows of data; of equals, the one of most cells."""
    filled = [[shown(text) for cell in row if (text := clean(cell))] for row in rows]
    filled = [row for row in filled if row]
    best: Sequence[str] = ()
    most = (0, 0)
    below = 0
    for row in reversed(filled):
        if any(map(_is_data, row)):
            below += 1
            continue
        weight = (below, len(row))
        below = 0
        if _may_head(row) and weight > most:
            best, most = row, weight
    return best


def _is_data(cell: str) -> bool:
    return is_number(cell) or _STAMP.fullmatch(cell) is not None


def _may_head(row: Sequence[str]) -> bool:
    """Whether it has several words such as headers have, no address, and is no label with what it labels."""
    labels = len(row) == 2 and _LABELS.fullmatch(name(row[0]))
    words = any(map(_WORDS.search, row)) and not any(map(names_address, row))
    return len(row) > 1 and not labels and words
