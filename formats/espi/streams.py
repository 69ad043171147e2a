"""Which stream each block of a Green Button file belongs to, by links or by order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.days import Days, LocalShift
from meterfarm.formats.espi.declared import Declarations
from meterfarm.formats.espi.href import Href
from meterfarm.formats.espi.kinds import stream_of
from meterfarm.formats.espi.links import FoundLink, LinkIndex, Links
from meterfarm.formats.espi.names import meter_names
from meterfarm.formats.espi.reading import Oddities
from meterfarm.formats.espi.resources import Block, Fact, Item, MeterReading, ReadingType, UsagePoint
from meterfarm.formats.espi.stream import Stream
from meterfarm.records import Issue, Severity

_MOST_RESOURCES = 100_000
_MOST_FACTS, _MOST_HREFS = 1_000, 20_000
_MOST_SHOWN, _LONGEST_SHOWN = 3, 60
_UNNAMED = UsagePoint("", "", None, Links())
_TWINS = {"UsagePoint": "usage points", "MeterReading": "meter readings", "ReadingType": "reading types"}
T = TypeVar("T", UsagePoint, MeterReading, ReadingType)


class Streams:
    """Takes a file's resources first, in order, and then finds the stream of any block.

    A block's ``place`` is the number of other resources before it.
    """

    def __init__(self, known: dict[str, Href]) -> None:
        """``known`` are the names of meters in other files, by the links that they are made of."""
        self._known = known
        self._points: list[tuple[int, UsagePoint]] = []
        self._meters: list[tuple[int, MeterReading]] = []
        self._types: list[tuple[int, ReadingType]] = []
        self._facts: list[Fact] = []
        self._first_block: int | None = None
        self._count = 0
        self._streams: dict[tuple[object, ...], Stream] = {}
        self._used: set[int] = set()
        self._by_order = False
        self._doubted: set[tuple[str, str]] = set()
        self._beside: tuple[object, ...] = ()
        self._last: Stream | None = None
        self._uses: dict[str, list[int]] = {}
        """By the path of a resource the places of blocks with links into it, in order."""
        self._counted = 0
        self._points_named: dict[Href, None] = {}
        self._block_seen: tuple[object, ...] = ()
        self._block_hrefs: set[Href] = set()
        self._block_twins = False

    def know(self, items: Iterable[Item]) -> None:
        """Raises what ``items`` raises, having known what came before."""
        try:
            for item in items:
                self._know(item)
        finally:
            self._link()

    def _know(self, item: Item) -> None:
        if isinstance(item, Block):
            self._know_block(item)
            return
        if isinstance(item, UsagePoint):
            self._points.append((self._count, item))
        elif isinstance(item, MeterReading):
            self._meters.append((self._count, item))
        elif isinstance(item, Fact):
            self._facts += [item] if len(self._facts) < _MOST_FACTS else []
        else:
            self._types.append((self._count, item))
        self._count += 1
        if self._count > _MOST_RESOURCES:
            raise FormatError(
                f"The Green Button file describes more than {_MOST_RESOURCES} meters and readings: split it."
            )

    def _know_block(self, block: Block) -> None:
        """Keep which resources its links lie in, and where."""
        if self._first_block is None:
            self._first_block = self._count
        seen = block.links.own.parent, block.links.up, block.links.related, self._count
        if seen == self._block_seen:
            return
        self._block_seen = seen
        if block.links.own in self._block_hrefs:
            self._block_twins = True
        elif block.links.own.path and len(self._block_hrefs) < _MOST_HREFS:
            self._block_hrefs.add(block.links.own)
        for kind in ("MeterReading", "UsagePoint"):
            for at in {link.within(kind) for link in block.links.hrefs}:
                self._use(at, self._count)
                if kind == "UsagePoint" and at.path and len(self._points_named) < _MOST_HREFS:
                    self._points_named[at] = None

    def _use(self, at: Href, place: int) -> None:
        if not at.path or self._counted >= _MOST_HREFS:
            return
        places = self._uses.setdefault(at.path, [])
        if not places or places[-1] != place:
            places.append(place)
            self._counted += 1

    def _link(self) -> None:
        first = self._count if self._first_block is None else self._first_block
        self._by_point = LinkIndex("UsagePoint", self._points, first)
        self._by_meter = LinkIndex("MeterReading", self._meters, first)
        self._by_type = LinkIndex("ReadingType", self._types, first)
        for place, meter in self._meters:
            for at in {link.within("ReadingType") for link in meter.links.related}:
                self._use(at, place)
        self._differ = any(kind.codes != self._types[0][1].codes for _, kind in self._types)
        self._declared = Declarations(self._facts, self._by_point)
        self._unlisted = self._without_entry()
        self._names = meter_names([*self._by_point, *self._unlisted.values()], self._known)

    def _without_entry(self) -> dict[Href, UsagePoint]:
        """The usage points that blocks and meter readings lie in, and that the file has no entry of."""
        named = dict.fromkeys(self._points_named)
        for _, meter in self._meters:
            named |= dict.fromkeys(each.within("UsagePoint") for each in (meter.links.own, meter.links.up))
        found: dict[Href, UsagePoint] = {}
        for at in named:
            links = Links(own=at)
            if at.path and not self._by_point.find(links).resources:
                found[at] = UsagePoint("", "", None, links)
        return found

    def of(self, block: Block, place: int) -> Stream:
        """The stream of a block that has ``place`` other resources before it."""
        links = block.links
        beside = links.own.parent, links.up, links.related, links.also, place
        by_itself = any(index.names(links.own) for index in (self._by_point, self._by_meter, self._by_type))
        if self._last is None or self._beside != beside or by_itself:
            self._beside, self._last = beside, self._find(block, place)
        return self._last

    def _find(self, block: Block, place: int) -> Stream:
        doubts: list[str] = []
        meters = self._one(self._by_meter, self._by_meter.find(block.links), place, doubts)
        nearest = None if meters else self._by_meter.nearest(place, block.links)
        meters = meters or ((nearest,) if nearest else ())
        sources = [each.links for each in meters] or [block.links]
        points = self._points_of(block, sources, place, doubts)
        types, by_order = self._types_of(block, meters, place, doubts)
        names = [self._names.get(id(each), "") for each in points]
        meter_id = names[0] if len(set(names)) < 2 else " or ".join(names)[:200]
        key = tuple(map(id, points)), tuple(map(id, meters)), tuple(map(id, types)), meter_id
        if key not in self._streams:
            services = {each.service_kind for each in points}
            stream = stream_of(meter_id, services.pop() if len(services) == 1 else "", types)
            self._streams[key] = stream
            stream.clock = self._declared.clock(points[0])
            stream.sums = self._declared.sums(points[0], meter_id, stream.kind)
            self._used.update(map(id, types), map(id, meters))
            links = sources[0]
            lost = not meters and bool(self._meters) and block.links.own.within("MeterReading").path != ""
            stream.by_order = by_order and any(each.path for each in links.hrefs) and bool(types)
            stream.by_order &= lost or self._differ
            self._by_order |= by_order and bool(types)
        stream = self._streams[key]
        stream.doubts += [each for each in doubts if (meter_id, each) not in self._doubted]
        self._doubted.update((meter_id, each) for each in doubts)
        return stream

    def _points_of(
        self, block: Block, sources: Sequence[Links], place: int, doubts: list[str]
    ) -> Sequence[UsagePoint]:
        for links in (*sources, block.links):
            found = self._one(self._by_point, self._by_point.find(links), place, doubts)
            if found:
                return found
        named = [each.within("UsagePoint") for links in (block.links, *sources) for each in links.hrefs]
        unlisted = next((self._unlisted[at] for at in named if at in self._unlisted), None)
        if unlisted is not None:
            return (unlisted,)
        nearest = self._by_point.nearest(place, block.links if named[0].path else sources[0])
        return (nearest or _UNNAMED,)

    def _types_of(
        self, block: Block, meters: Sequence[MeterReading], place: int, doubts: list[str]
    ) -> tuple[Sequence[ReadingType], bool]:
        """Also whether only the order in the file tells."""
        types: dict[int, ReadingType] = {}
        for meter in meters:
            places = self._by_meter.places_of(meter)
            at = places[max(0, bisect_left(places, place) - 1)]
            found = self._one(self._by_type, self._by_type.find(meter.links), at, doubts)
            types |= {id(each): each for each in found}
        if not types:
            found = self._one(self._by_type, self._by_type.find(block.links), place, doubts)
            types = {id(each): each for each in found}
        if types:
            return tuple(types.values()), False
        nearest = self._by_type.nearest(place, meters[0].links if meters else block.links)
        return ((nearest,) if nearest else ()), True

    def _one(self, index: LinkIndex[T], found: FoundLink[T], place: int, doubts: list[str]) -> Sequence[T]:
        """What was found; of twins the one that their order tells."""
        if found.conflict:
            doubts.append(f"Links contradict each other: {found.conflict}; the first was followed.")
        if len(found.resources) < 2:
            return found.resources
        at = found.resources[0].links.own
        what = f"{len(found.resources)} {_TWINS[index.kind]} share the link {at}"
        chosen = index.among(found.resources, place, self._uses.get(at.path, ()))
        if chosen is None:
            doubts.append(
                f"{what}, and the file does not show which is meant: only what they agree on was used."
            )
            return found.resources
        doubts.append(f"{what}: which is meant was chosen by their order in the file.")
        return (chosen,)

    def shift(self, zone: ZoneInfo) -> None:
        """Take what looks like local times for those of ``zone``, and forget what was seen of readings."""
        for stream in self._streams.values():
            if stream.is_local:
                stream.shift = LocalShift(zone)
            stream.days, stream.oddities = Days(), Oddities()

    def issues(self) -> Iterator[Issue]:
        """Issues with the streams, once all of the file was read."""
        for stream in self._streams.values():
            yield from stream.issues()
        yield from self._declared.contradictions()
        unused = [kind for kind in self._by_type if id(kind) not in self._used]
        if unused and self._streams:
            by_order = self._by_order and self._differ
            what = f"Reading types without readings: {_listed(unused)}."
            severity = Severity.WARNING if by_order else Severity.NOTE
            yield Issue(
                "", f"{what} Readings were matched to types by order." if by_order else what, severity
            )
        idle = [meter for meter in self._by_meter if id(meter) not in self._used]
        if idle and self._streams:
            yield Issue("", f"Meter readings without interval readings: {_listed(idle)}.", Severity.NOTE)
        repeated = {index.kind: index.repeated for index in (self._by_point, self._by_meter, self._by_type)}
        for name, resources in repeated.items():
            if resources and self._streams:
                what = f"The file lists identical {_TWINS[name]} more than once: {_listed(resources)}."
                if name == "UsagePoint" and self._block_twins:
                    yield Issue("", f"{what} Their blocks share links too: each was read as one meter.")
                else:
                    yield Issue("", what, Severity.NOTE)


def _listed(resources: Sequence[UsagePoint | MeterReading | ReadingType]) -> str:
    """How many, and the links of some."""
    hrefs = [str(each.links.own) for each in resources if each.links.own.path][:_MOST_SHOWN]
    links = [each if len(each) <= _LONGEST_SHOWN else f"...{each[-_LONGEST_SHOWN:]}" for each in hrefs]
    more = "..." if len(resources) > len(links) else ""
    return (
        f"{len(resources)} ({', '.join(links)}{', ' + more if more else ''})"
        if links
        else str(len(resources))
    )
