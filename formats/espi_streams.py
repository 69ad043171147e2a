"""Which stream each block of a Green Button file belongs to, by links or by order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from formats.errors import FormatError
from formats.espi_links import LinkIndex, Links
from formats.espi_reading import ESTIMATED, LENGTH_LIMIT, price_period
from formats.espi_resources import Block, Item, MeterReading, ReadingType, UsagePoint
from formats.espi_stream import Stream
from formats.espi_units import kind_of
from records import Commodity, Direction, Measure, Problem, Unit

_MOST_RESOURCES = 100_000
_UNNAMED = UsagePoint("", "", None, Links())


class Streams:
    """Is told a file's resources first, in order, and then finds the stream of any block.

    A block's ``place`` is the number of other resources before it.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, UsagePoint]] = []
        self._meters: list[tuple[int, MeterReading]] = []
        self._types: list[tuple[int, ReadingType]] = []
        self._first_block: int | None = None
        self._count = 0
        self._streams: dict[tuple[int, int, int, str], Stream] = {}
        self._used: set[int] = set()
        self._by_order = False
        self._beside: tuple[object, ...] = ()
        self._last: Stream | None = None

    def know(self, items: Iterable[Item]) -> None:
        """Raises what ``items`` raises, having known what came before."""
        try:
            for item in items:
                self._know(item)
        finally:
            self._link()

    def _know(self, item: Item) -> None:
        if isinstance(item, Block):
            self._first_block = self._count if self._first_block is None else self._first_block
            return
        if isinstance(item, UsagePoint):
            self._points.append((self._count, item))
        elif isinstance(item, MeterReading):
            self._meters.append((self._count, item))
        else:
            self._types.append((self._count, item))
        self._count += 1
        if self._count > _MOST_RESOURCES:
            raise FormatError(
                f"The Green Button file describes more than {_MOST_RESOURCES} meters and readings: split it."
            )

    def _link(self) -> None:
        first = self._count if self._first_block is None else self._first_block
        self._by_point = LinkIndex("UsagePoint", self._points, first)
        self._by_meter = LinkIndex("MeterReading", self._meters, first)
        self._by_type = LinkIndex("ReadingType", self._types, first)
        self._differ = any(kind.codes != self._types[0][1].codes for _, kind in self._types)
        self._titles = Counter(
            title for title, _ in {(each.links.title, each.links.own) for each in self._by_point}
        )

    def of(self, block: Block, place: int) -> Stream:
        """The stream of a block that has ``place`` other resources before it."""
        links = block.links
        beside = links.own.rpartition("/")[0], links.up, links.related, place
        by_itself = any(index.names(links.own) for index in (self._by_point, self._by_meter, self._by_type))
        if self._last is None or self._beside != beside or by_itself:
            self._beside, self._last = beside, self._find(block, place)
        return self._last

    def _find(self, block: Block, place: int) -> Stream:
        meter = self._by_meter.linked(block.links) or self._by_meter.nearest(place, block.links)
        links = meter.links if meter else block.links
        point = self._point(block, links, place)
        kind = self._by_type.linked(links) or self._by_type.linked(block.links)
        by_order = kind is None
        kind = kind or self._by_type.nearest(place, links)
        meter_id = self._meter_id(point, block.links)
        key = id(point), id(meter), id(kind), meter_id
        if key not in self._streams:
            stream = self._streams[key] = _stream(meter_id, point, kind)
            self._used.add(id(kind))
            lost = meter is None and bool(self._meters) and bool(block.links.named("MeterReading"))
            stream.by_order = by_order and any(links.hrefs) and kind is not None and (lost or self._differ)
            self._by_order |= by_order and kind is not None
        return self._streams[key]

    def _point(self, block: Block, links: Links, place: int) -> UsagePoint:
        found = self._by_point.linked(links) or self._by_point.linked(block.links)
        named = block.links if block.links.named("UsagePoint") else links
        return found or self._by_point.nearest(place, named) or _UNNAMED

    def _meter_id(self, point: UsagePoint, links: Links) -> str:
        """A title that several usage points share does not tell them apart."""
        if point.meter is not None:
            return point.meter
        if point is _UNNAMED:
            return links.named("UsagePoint")
        title, last_part = point.links.title, point.links.own.rpartition("/")[2]
        if point.serial:
            return point.serial
        return title if title and (self._titles[title] < 2 or not last_part) else last_part

    def problems(self) -> Iterator[Problem]:
        """What is to be said of the streams, once all of the file was read."""
        for stream in self._streams.values():
            yield from stream.problems()
        unused = sum(id(kind) not in self._used for _, kind in self._types)
        if unused and self._by_order and self._differ:
            what = "Reading types that are of no readings: {}. Readings were tied to types by order."
            yield Problem("", what.format(unused))


def _stream(meter_id: str, point: UsagePoint, kind: ReadingType | None) -> Stream:
    if kind is None:
        return Stream(meter_id, kind_of(None, point.service_kind))
    codes = kind.codes
    length = codes.get("intervalLength", "")
    seconds = int(length) if re.fullmatch(r"[0-9]{1,9}", length) else 0
    stream = Stream(
        meter_id,
        kind_of(codes, point.service_kind),
        seconds if seconds <= LENGTH_LIMIT else 0,
        codes.get("defaultQuality", "") in ESTIMATED,
        price_period(codes.get("tou", "")),
    )
    return _as_ours(stream, kind.ours) if kind.ours else stream


def _as_ours(stream: Stream, said: Mapping[str, str]) -> Stream:
    """What our own writer said beside the codes, for which ESPI has no codes."""
    with suppress(KeyError, ValueError):
        kind = replace(
            stream.kind,
            commodity=Commodity(said["commodity"]),
            measure=Measure(said["measure"]),
            direction=Direction(said["direction"]),
            unit=Unit(said["unit"]),
            doubts=(),
        )
        exponent = int(said["exponent"][:8])
        by_hundreds = kind.unit is Unit.CCF and stream.kind.unit is Unit.FT3
        if by_hundreds:
            kind = replace(kind, exponent=kind.exponent - 2)
        if by_hundreds or kind.unit is stream.kind.unit or stream.kind.unit is Unit.UNKNOWN:
            return replace(stream, kind=kind, exponent=exponent)
    return stream
