"""A customer's intervals as Bayou's API has them, read from the store as they are handed out.

What is asked is checked at once; the intervals themselves come page by page, so memory does not grow with the
years. Where the same energy is in store in several lengths the finest counts: whoever adds the intervals up
counts nothing twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from zoneinfo import ZoneInfo

from meterfarm.services.customers import find_utility
from meterfarm.services.errors import InvalidRequest, NotFound
from meterfarm.services.intervals.fields import DEMAND, Columns, columns, sources
from meterfarm.services.intervals.grid import MINUTES, Gap, Lines, OnGrid
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import DatedReading, IntervalFacts, MeterReadings, ReadingChannel
from meterfarm.storage.store import CompanyStore

__all__ = [
    "MINUTES",
    "FoundIntervals",
    "IntervalMeter",
    "IntervalQuery",
    "TooFine",
    "UnknownMeter",
    "customer_interval_facts",
    "find_intervals",
    "lacks_intervals",
]
UTC = ZoneInfo("UTC")
_FIRST_PAGE, _PAGE = 500, 4_000
_LONGEST_CELL = 25 * 3_600
_FAR_BACK, _FAR_AHEAD = -(2**62), 2**62


class UnknownMeter(NotFound):
    """The customer has no such meter, or it has no intervals. ``meters`` are those that have some."""

    def __init__(self, meter_id: str, meters: Sequence[str]) -> None:
        known = ", ".join(meters) if meters else "none"
        super().__init__(
            f"No intervals of the meter “{meter_id}” are stored; meters with intervals: {known}."
        )
        self.meters = meters


class TooFine(InvalidRequest):
    """The grid is finer than any interval that is stored. ``finest`` is their usual length in minutes."""

    def __init__(self, minutes: int, finest: int) -> None:
        super().__init__(
            f"The intervals are {finest} minutes long and are not split into {minutes}; "
            f"ask for a granularity of {finest} or more."
        )
        self.finest = finest


@dataclass(frozen=True, slots=True)
class IntervalQuery:
    """Which intervals: those that begin from ``start`` on and before ``end``; epoch seconds.

    ``minutes`` is that of a grid (``MINUTES``), None for intervals as they are. With ``updated_after`` those
    that came or changed later.
    """

    start: int | None = None
    end: int | None = None
    meter_id: str | None = None
    minutes: int | None = None
    updated_after: int | None = None


@dataclass(frozen=True, slots=True)
class IntervalMeter:
    """A meter with intervals, and the channel that each field is taken from."""

    account_id: int
    account_number: str
    id: str
    fields: Mapping[str, ReadingChannel]

    @property
    def finest(self) -> int:
        """The usual length of its shortest readings, in seconds."""
        return min(one.seconds for channel in self.fields.values() for one in channel.series)


@dataclass(frozen=True, slots=True)
class FoundIntervals:
    """What is to be handed out: ``facts`` are the customer's, None if there are no intervals at all.

    ``gaps`` has, for a grid, those of each field of the meter that was read last.
    """

    store: CompanyStore
    customer: Customer
    query: IntervalQuery
    facts: IntervalFacts | None
    meters: Sequence[IntervalMeter]
    gaps: dict[str, list[Gap]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """Where days begin and end."""
        return zone_of(self.customer)

    def columns(self, meter: IntervalMeter) -> Iterator[Columns]:
        """The meter's intervals, a page at a time, each read when it is asked for."""
        for part in self.readings(meter):
            found = columns(meter.fields, part, self.query.updated_after)
            if found.starts:
                yield found

    def readings(self, meter: IntervalMeter) -> Iterator[Sequence[Sequence[DatedReading]]]:
        """The same before they are merged, for each of the meter's fields those of a page."""
        return self._on_grid(meter) if self.query.minutes else self._as_stored(meter)

    def _as_stored(self, meter: IntervalMeter) -> Iterator[Sequence[Sequence[DatedReading]]]:
        start, end = self._bounds(meter)
        channels = list(meter.fields.values())
        since = self.store.intervals.uncrossed(channels, start)
        for _, part in self._pages(channels, since, end):
            yield [_within(readings, start, end) for readings in part]

    def _on_grid(self, meter: IntervalMeter) -> Iterator[Sequence[Sequence[DatedReading]]]:
        start, end = self._bounds(meter)
        bounds = self.query.start or _FAR_BACK, self.query.end or _FAR_AHEAD
        channels = list(meter.fields.values())
        lines = Lines(self.query.minutes or 0, self.zone)
        first_cell, cell_end = lines.cell(start)
        gaps_until = start if first_cell == start else cell_end
        grids = [
            OnGrid(lines, *bounds, name == DEMAND, gaps_until=gaps_until if channel.first < start else None)
            for name, channel in meter.fields.items()
        ]
        self.gaps.clear()
        self.gaps.update({name: grid.gaps for name, grid in zip(meter.fields, grids, strict=True)})
        since = self.store.intervals.uncrossed(channels, first_cell)
        for until, part in self._pages(channels, since, end + _LONGEST_CELL):
            yield [grid.add(readings, until) for grid, readings in zip(grids, part, strict=True)]
        yield [grid.finish() for grid in grids]

    def _pages(
        self, channels: Sequence[ReadingChannel], since: int, end: int
    ) -> Iterator[tuple[int, Sequence[Sequence[DatedReading]]]]:
        count = _FIRST_PAGE
        end = min(end, max(channel.last for channel in channels) + 1)
        while since < end:
            page = self.store.intervals.page(channels, since, count)
            yield page.until, page.readings
            since, count = page.until, _PAGE

    def _bounds(self, meter: IntervalMeter) -> tuple[int, int]:
        """From when to when intervals may begin: as asked, as far as there are any."""
        first = min(channel.first for channel in meter.fields.values())
        last = max(channel.last for channel in meter.fields.values()) + 1
        start = first if self.query.start is None else min(max(first, self.query.start), last)
        return start, last if self.query.end is None else min(last, self.query.end)


def find_intervals(store: CompanyStore, customer: Customer, query: IntervalQuery) -> FoundIntervals:
    """What the query finds of the customer.

    Raises:
        UnknownMeter: the meter that it names has no intervals.
        TooFine: no meter has readings that are short enough for the grid.
        InvalidRequest: there is no such grid.
    """
    if query.minutes is not None and query.minutes not in MINUTES:
        raise InvalidRequest(f"A granularity is one of {', '.join(map(str, MINUTES))} minutes.")
    every = [_meter(meter) for meter in store.intervals.meters(customer)]
    every = [meter for meter in every if meter.fields]
    chosen = [meter for meter in every if query.meter_id in (None, meter.id)]
    if query.meter_id is not None and not chosen:
        raise UnknownMeter(query.meter_id, list(dict.fromkeys(meter.id for meter in every)))
    if query.minutes is not None and chosen:
        finest = min(meter.finest for meter in chosen)
        if finest > 60 * query.minutes:
            raise TooFine(query.minutes, finest // 60)
    return FoundIntervals(store, customer, query, _facts(every), chosen)


def customer_interval_facts(store: CompanyStore, customer: Customer) -> IntervalFacts | None:
    """When the customer's first and last interval begin; None if there are none. One quick query."""
    return store.intervals.facts([customer.id]).get(customer.id)


def lacks_intervals(store: CompanyStore, customer: Customer) -> bool:
    """Whether no intervals are fetched from the customer's utility, and none came in another way."""
    if not customer.utility:
        return False
    try:
        offers_some = find_utility(customer.utility).capabilities.intervals
    except NotFound:
        offers_some = False
    return not offers_some and customer_interval_facts(store, customer) is None


def zone_of(customer: Customer) -> ZoneInfo:
    """Of the customer's utility; UTC if there is no script for it."""
    try:
        return find_utility(customer.utility).zone
    except NotFound:
        return UTC


def _meter(meter: MeterReadings) -> IntervalMeter:
    return IntervalMeter(meter.account_id, meter.account_number, meter.meter_id, sources(meter.channels))


def _facts(meters: Sequence[IntervalMeter]) -> IntervalFacts | None:
    channels = [channel for meter in meters for channel in meter.fields.values()]
    if not channels:
        return None
    return IntervalFacts(
        min(channel.first for channel in channels), max(channel.last for channel in channels)
    )


_start = itemgetter(0)


def _within(readings: Sequence[DatedReading], start: int, end: int) -> Sequence[DatedReading]:
    if not readings or (readings[0][0] >= start and readings[-1][0] < end):
        return readings
    return readings[bisect_left(readings, start, key=_start) : bisect_left(readings, end, key=_start)]
