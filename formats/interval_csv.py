"""Interval CSV as portals hand it out: a preamble, a header, a row for each interval in local time.

A layout is a declaration; the header line says which one a file has.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from io import StringIO
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from formats.errors import FormatError
from formats.local_time import LocalTime
from formats.sniff import looks_like_html
from records import Commodity, Direction, Reading, Series, Unit

_DAY_MINUTES = 1440
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns by name; the last minute of a row's END TIME is included ("00:14" ends at 00:15)."""

    columns: Sequence[str]
    types: Mapping[str, tuple[Commodity, Direction]]
    units: Mapping[str, tuple[Unit, int]]
    """Each with the power of ten that its values are to be multiplied by."""
    meter: str = "Meter"
    """The preamble's label of the meter id."""
    estimated: str = "Estimated"


_LAYOUTS = (
    Layout(
        columns=("TYPE", "DATE", "START TIME", "END TIME", "USAGE", "UNITS", "NOTES"),
        types={
            "Electric usage": (Commodity.ELECTRIC, Direction.DELIVERED),
            "Electric sent to grid": (Commodity.ELECTRIC, Direction.RECEIVED),
            "Natural gas usage": (Commodity.GAS, Direction.DELIVERED),
        },
        units={"kWh": (Unit.WH, 3), "therms": (Unit.THERM, 0)},
    ),
)


_Lines = Iterator[tuple[int, list[str]]]


class _Row(NamedTuple):
    start: int
    seconds: int
    usage: Decimal
    estimated: bool


def read_interval_csv(content: bytes, zone: ZoneInfo) -> Sequence[Series]:
    """Read a CSV of local times in ``zone``: a series for each type of reading, in the file's order.

    An hour that the clock shows twice is told apart by order. A row without usage is no reading.
    Raises FormatError if the file is empty, a web page, of an unknown layout or has a row without sense.
    """
    if not content.strip():
        raise FormatError("The CSV file is empty: download it again.")
    if looks_like_html(content):
        raise FormatError("The CSV file is a web page (HTML): download it again.")
    try:
        text = StringIO(content.decode("utf-8-sig"), newline="")
        lines = enumerate(csv.reader(text, strict=True), 1)
        preamble, layout = _head(lines)
        channels = _channels(lines, layout, LocalTime(zone))
    except (csv.Error, UnicodeDecodeError) as exc:
        raise FormatError("The CSV file is cut short or damaged: download it again.") from exc
    meter_id = preamble.get(layout.meter, "")
    if not meter_id:
        raise FormatError(f"The CSV file names no meter: a line {layout.meter!r} is missing above its table.")
    return tuple(_series(meter_id, layout, key, rows) for key, rows in channels.items())


def _head(lines: _Lines) -> tuple[dict[str, str], Layout]:
    """Read up to the header: the preamble's labels and values, and the header's layout."""
    preamble: dict[str, str] = {}
    for _, line in lines:
        cells = [cell.strip() for cell in line]
        for layout in _LAYOUTS:
            if cells == list(layout.columns):
                return preamble, layout
        if len(cells) == 2:
            preamble[cells[0]] = cells[1]
    raise FormatError(
        "The CSV file has no header line of a known layout: check that it is an interval export."
    )


def _channels(lines: _Lines, layout: Layout, time: LocalTime) -> dict[tuple[str, str], list[_Row]]:
    """The rows of each (type, unit)."""
    channels: defaultdict[tuple[str, str], list[_Row]] = defaultdict(list)
    sightings: Counter[tuple[str, str, str]] = Counter()
    for number, line in lines:
        if not line:
            continue
        try:
            kind, day, start, end, usage, unit, notes = line
            layout.types[kind], layout.units[unit]
            instants, seconds = _interval(time, day, start, end)
            if len(instants) > 1:
                sightings[kind, day, start] += 1
            instant = instants[max(0, sightings[kind, day, start] - 1)]
            if usage:
                row = _Row(instant, seconds, _number(usage), notes == layout.estimated)
                channels[kind, unit].append(row)
        except (ValueError, LookupError) as exc:
            raise FormatError(f"Line {number} of the CSV file makes no sense: download it again.") from exc
    return channels


def _interval(time: LocalTime, day: str, start: str, end: str) -> tuple[tuple[int, ...], int]:
    """The instants a row may start at, and its seconds."""
    date_ = date.fromisoformat(day)
    first, last = _minute(start), _minute(end)
    minutes = (last - first) % _DAY_MINUTES + 1
    seconds = time.day_seconds(date_) if minutes == _DAY_MINUTES else minutes * 60
    return time.instants(date_, first), seconds


@lru_cache(maxsize=_DAY_MINUTES)
def _minute(clock: str) -> int:
    match = _CLOCK.fullmatch(clock)
    if match is None:
        raise ValueError(clock)
    return int(match[1]) * 60 + int(match[2])


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


def _series(meter_id: str, layout: Layout, key: tuple[str, str], rows: Sequence[_Row]) -> Series:
    kind, unit_name = key
    commodity, direction = layout.types[kind]
    unit, power = layout.units[unit_name]
    decimals = -min(int(row.usage.as_tuple().exponent) for row in rows)
    readings = sorted(
        Reading(row.start, row.seconds, int(row.usage.scaleb(decimals)), row.estimated) for row in rows
    )
    if any(one.start == other.start for one, other in pairwise(readings)):
        raise FormatError("The CSV file lists an interval twice: download it again.")
    return Series(meter_id, commodity, direction, unit, power - decimals, tuple(readings))
