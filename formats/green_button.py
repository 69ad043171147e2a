"""Green Button (ESPI) XML into series of readings.

Resources are tied by their links, whichever way those point, and else by their order in the file. ESPI
instants are epoch seconds in UTC, so a file's LocalTimeParameters change nothing. A multiplier belongs to the
reading type: one that some exporters write into each reading means nothing. What records cannot say is
reported, never guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from operator import itemgetter, lt

from formats.espi import (
    IntervalBlock,
    Links,
    MeterReading,
    ReadingType,
    Resource,
    UsagePoint,
    walk,
)
from formats.espi_links import LinkIndex
from formats.espi_reading import ESTIMATED, RawReading
from records import Commodity, Direction, Reading, Series, Unit

# ESPI UnitSymbol: watt-hours, therms, cubic feet (a hundredth of a ccf), each with the power of ten it adds.
_UNITS = {"72": (Unit.WH, 0), "169": (Unit.THERM, 0), "119": (Unit.CCF, -2)}
_DIRECTIONS = {"1": Direction.DELIVERED, "19": Direction.RECEIVED, "4": Direction.NET}
_COMMODITIES = {"1": Commodity.ELECTRIC, "2": Commodity.ELECTRIC, "7": Commodity.GAS}
_SERVICES = {"0": Commodity.ELECTRIC, "1": Commodity.GAS}
_NOT_STATED = ("", "0")
_PER_INTERVAL = (*_NOT_STATED, "4")  # accumulation behaviour: delta data; others are a register's standing
_MULTIPLIERS = range(-12, 13)
_MAKE: Callable[[tuple[int, int, int, bool]], Reading] = partial(tuple.__new__, Reading)
_UNNAMED = UsagePoint("", "", Links())
_INTEGER = re.compile(r"[+-]?\d{1,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class GreenButton:
    """``problems`` are sentences about readings that were left out or are doubtful."""

    series: Sequence[Series]
    problems: Sequence[str]


def read_green_button(content: bytes) -> GreenButton:
    """Read a Green Button file: a series for each meter reading in it that holds readings we can say.

    A series' meter id is its usage point's serial number, else title, else its link's last part, else empty.
    Raises FormatError if it is empty, a web page, damaged, declares a document type or holds nothing of ESPI.
    """
    series: list[Series] = []
    problems: list[str] = []
    for stream in _streams(walk(content)):
        try:
            series.append(_series(stream, problems))
        except _Unsayable as exc:
            problems.append(f"Readings of meter {_shown(stream.meter_id)} were left out: {exc}.")
    return GreenButton(tuple(each for each in series if each.readings), tuple(problems))


class _Unsayable(ValueError):
    """The records have no words for these readings; says why."""


@dataclass(slots=True)
class _Stream:
    """The blocks that share a usage point, a meter reading and a reading type."""

    meter_id: str
    service_kind: str
    type: ReadingType | None
    readings: list[RawReading] = field(default_factory=list)
    unreadable: int = 0


def _streams(resources: Iterable[Resource]) -> Iterable[_Stream]:
    placed = list(enumerate(resources))
    points = LinkIndex([(place, each) for place, each in placed if isinstance(each, UsagePoint)])
    meters = LinkIndex([(place, each) for place, each in placed if isinstance(each, MeterReading)])
    types = LinkIndex([(place, each) for place, each in placed if isinstance(each, ReadingType)])
    titles = Counter(title for title, _ in {(each.links.title, each.links.own) for each in points})
    streams: dict[tuple[int, int, int], _Stream] = {}
    for place, block in placed:
        if not isinstance(block, IntervalBlock):
            continue
        meter = meters.linked(block.links) or meters.nearest(place)
        links = meter.links if meter else block.links
        point = points.linked(links) or points.nearest(place) or _UNNAMED
        kind = types.linked(links) or (None if _names_a_type(links) else types.nearest(place))
        stream = streams.setdefault(
            (id(point), id(meter), id(kind)), _Stream(_meter_id(point, titles), point.service_kind, kind)
        )
        stream.readings += block.readings
        stream.unreadable += block.unreadable
    return streams.values()


def _names_a_type(links: Links) -> bool:
    return any("ReadingType/" in href for href in links.related)


def _meter_id(point: UsagePoint, titles: Mapping[str, int]) -> str:
    """A title that several usage points share does not tell them apart."""
    title, last_part = point.links.title, point.links.own.rpartition("/")[2]
    if point.serial:
        return point.serial
    return title if title and (titles[title] < 2 or not last_part) else last_part


def _series(stream: _Stream, problems: list[str]) -> Series:
    kind, meter_id = stream.type, stream.meter_id
    if kind is None:
        raise _Unsayable("the file does not say their unit (no reading type)")
    unit, exponent = _unit(kind.codes)
    commodity = _commodity(kind.codes, unit, stream.service_kind)
    direction = _direction(kind.codes, commodity)
    decimals = _decimals(stream.readings)
    readings = _readings(stream.readings, kind.codes, decimals)
    unreadable = stream.unreadable + len(stream.readings) - len(readings)
    if unreadable:
        problems.append(
            f"Readings of meter {_shown(meter_id)} without a usable start, length or value: {unreadable}."
        )
    return Series(
        meter_id, commodity, direction, unit, exponent - decimals, _in_order(readings, meter_id, problems)
    )


def _decimals(readings: Iterable[RawReading]) -> int:
    """The most decimals any value has."""
    exponents = (value.as_tuple().exponent for _, _, value, _ in readings if isinstance(value, Decimal))
    return -min(map(int, exponents), default=0)


def _readings(raw: Iterable[RawReading], codes: Mapping[str, str], decimals: int) -> list[Reading]:
    """Those whose length is known, as whole multiples of ``10**-decimals``."""
    stated = codes.get("intervalLength", "")
    length = int(stated) if _INTEGER.fullmatch(stated) else 0
    estimated = codes.get("defaultQuality", "") in ESTIMATED
    scale = 10**decimals
    return [
        _MAKE((start, seconds or length, int(value * scale), estimated if stands is None else stands))
        for start, seconds, value, stands in raw
        if seconds or length > 0
    ]


def _in_order(readings: list[Reading], meter_id: str, problems: list[str]) -> tuple[Reading, ...]:
    """Sorted by start; of several readings with one start the last in the file stands."""
    starts = list(map(itemgetter(0), readings))
    if all(map(lt, starts, starts[1:])):
        return tuple(readings)
    by_start = {each.start: each for each in readings}
    conflicts = sum(by_start[each.start] != each for each in readings) if len(by_start) < len(readings) else 0
    if conflicts:
        problems.append(
            f"Readings of meter {_shown(meter_id)} replaced by later ones in the file: {conflicts}."
        )
    return tuple(sorted(by_start.values()))


def _unit(codes: Mapping[str, str]) -> tuple[Unit, int]:
    """The unit and the power of ten of its values."""
    code = codes.get("uom", "")
    if code not in _UNITS:
        raise _Unsayable(f"their unit code {_shown(code)} is not watt-hours, therms or cubic feet")
    if codes.get("accumulationBehaviour", "") not in _PER_INTERVAL:
        raise _Unsayable("they are not amounts per interval (accumulation behaviour is not delta data)")
    unit, exponent = _UNITS[code]
    multiplier = codes.get("powerOfTenMultiplier", "") or "0"
    if not _INTEGER.fullmatch(multiplier) or int(multiplier) not in _MULTIPLIERS:
        raise _Unsayable("their power-of-ten multiplier is not a small whole number")
    return unit, exponent + int(multiplier)


def _commodity(codes: Mapping[str, str], unit: Unit, service_kind: str) -> Commodity:
    commodity = _COMMODITIES.get(codes.get("commodity", "")) or _SERVICES.get(service_kind)
    if commodity is None or (commodity is Commodity.ELECTRIC and unit is not Unit.WH):
        raise _Unsayable("the file does not say whether they are electricity or gas")
    return commodity


def _direction(codes: Mapping[str, str], commodity: Commodity) -> Direction:
    code = codes.get("flowDirection", "")
    if code in _NOT_STATED and commodity is Commodity.GAS:
        return Direction.DELIVERED
    if code not in _DIRECTIONS:
        raise _Unsayable(f"their flow direction {_shown(code)} is not delivered, received or net")
    return _DIRECTIONS[code]


def _shown(text: str) -> str:
    """As an error may show it: quoted, and short."""
    return repr(text if len(text) <= 40 else text[:40] + "...")
