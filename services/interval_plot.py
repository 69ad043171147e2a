"""A customer's intervals as a plot shows them: added up by month, day or hour, as far as one looks at."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from operator import itemgetter
from zoneinfo import ZoneInfo

from meterfarm.formats.bills.bill_figures import unit_name
from meterfarm.formats.local_time import DAY, LocalTime
from meterfarm.records import Direction, Measure, Unit
from meterfarm.services.report.heat_map import HeatMap, heat_map
from meterfarm.services.report.report_facts import PROFILE_DAYS
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import DatedReading, ReadingChannel, ReadingSum
from meterfarm.storage.store import CompanyStore

_READ = 60_000
_MOST_AS_STORED = 3_000
_HOUR = 3_600
_KILO = {Unit.WH: "kWh", Unit.W: "kW"}
_DIRECTIONS = {
    Direction.DELIVERED: "used",
    Direction.RECEIVED: "fed into the grid",
    Direction.NET: "net of what was fed in",
    Direction.UNKNOWN: "used",
}
_START, _SECONDS, _MANTISSA, _ESTIMATED = map(itemgetter, range(4))


class PlotLevel(StrEnum):
    """What a bar of the plot is of; ``stored``: a reading."""

    MONTHS = "months"
    DAYS = "days"
    HOURS = "hours"
    STORED = "stored"


_SPANS = ((900, PlotLevel.MONTHS, 28 * DAY), (21, PlotLevel.DAYS, DAY), (3, PlotLevel.HOURS, _HOUR))
"""Of more than so many days: what is shown, and how long it is at least."""


@dataclass(frozen=True, slots=True)
class PlottedChannel:
    """A kind of readings of a meter that can be plotted. ``key`` names it in addresses."""

    account_id: int
    account_number: str
    meter_id: str
    channel: ReadingChannel
    key: str
    what: str

    @property
    def unit(self) -> str:
        """What its figures are in."""
        return _KILO.get(self.channel.unit, unit_name(self.channel.unit))

    @property
    def end(self) -> int:
        """When the last reading ends."""
        return max(one.last + max(one.seconds, 1) for one in self.channel.series)


@dataclass(frozen=True, slots=True)
class PlotBar:
    """A bar: from ``start`` to ``end`` in epoch seconds. ``value`` None: there is no reading.

    ``is_whole``: all of its time is covered. ``is_estimated``: something in it is.
    """

    start: int
    end: int
    value: float | None
    is_whole: bool
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class IntervalPlot:
    """What is shown from ``start`` to ``end``; ``is_cut``: there was too much, and the end is left out."""

    level: PlotLevel
    start: int
    end: int
    bars: Sequence[PlotBar]
    is_cut: bool = False


def plotted_channels(store: CompanyStore, customer: Customer) -> Sequence[PlottedChannel]:
    """Those of the customer, by account and meter; what was used comes before what was fed in."""
    return [
        PlottedChannel(
            meter.account_id,
            meter.account_number,
            meter.meter_id,
            channel,
            _key(meter.account_number, meter.meter_id, channel),
            _what(channel),
        )
        for meter in store.intervals.meters(customer)
        for channel in sorted(meter.channels, key=_order)
    ]


def interval_plot(
    store: CompanyStore, plotted: PlottedChannel, zone: ZoneInfo, start: int, end: int
) -> IntervalPlot:
    """The bars from ``start`` to ``end``, in epoch seconds; one without a reading has no value."""
    channel = plotted.channel
    start, end = max(start, channel.first), min(end, plotted.end)
    if start >= end:
        return IntervalPlot(PlotLevel.STORED, start, start, ())
    level = _level(channel, end - start)
    if level is PlotLevel.STORED:
        rows = _rows(store, channel, start, end)
        return IntervalPlot(
            level, start, end, _as_stored(rows[:_MOST_AS_STORED], channel), len(rows) > _MOST_AS_STORED
        )
    edges = list(_edges(level, LocalTime(zone), start, end))
    return IntervalPlot(level, edges[0], edges[-1], list(_added_up(store, channel, edges)))


def channel_heat_map(store: CompanyStore, plotted: PlottedChannel, zone: ZoneInfo) -> HeatMap | None:
    """The hours of the newest twelve months; None if its readings say nothing of hours."""
    channel = plotted.channel
    if channel.measure not in (Measure.ENERGY, Measure.VOLUME):
        return None
    time = (channel.last - PROFILE_DAYS * DAY, channel.last + 1)
    every = store.readings.series(plotted.account_id, plotted.meter_id, [channel.measure], time)
    wanted = (channel.commodity, channel.direction, channel.unit)
    found = [each for each in every if (each.commodity, each.direction, each.unit) == wanted]
    return heat_map(found[0], LocalTime(zone)) if found else None


def _key(account: str, meter: str, channel: ReadingChannel) -> str:
    kind = (channel.commodity, channel.measure, channel.direction, channel.unit)
    return hashlib.blake2s("\0".join((account, meter, *kind)).encode(), digest_size=6).hexdigest()


def _what(channel: ReadingChannel) -> str:
    if channel.measure is Measure.DEMAND:
        return f"{channel.commodity}, demand"
    return f"{channel.commodity}, {_DIRECTIONS[channel.direction]}"


def _order(channel: ReadingChannel) -> tuple[bool, int]:
    return channel.measure is Measure.DEMAND, list(_DIRECTIONS).index(channel.direction)


def _level(channel: ReadingChannel, seconds: int) -> PlotLevel:
    """As fine as can be seen, and no finer than the readings are."""
    finest = min(one.seconds for one in channel.series)
    for days, level, least in _SPANS:
        if seconds > days * DAY and finest < least:
            return level
    return PlotLevel.STORED


def _edges(level: PlotLevel, clock: LocalTime, start: int, end: int) -> Iterator[int]:
    """Where bars begin, and at last where the last one ends."""
    if level is PlotLevel.HOURS:
        first = clock.day_of(start).start
        first += (start - first) // _HOUR * _HOUR
        yield from range(first, end + _HOUR, _HOUR)
        return
    day = clock.day_of(start).date
    if level is PlotLevel.MONTHS:
        day = day.replace(day=1)
    while True:
        at = clock.day(day).start
        yield at
        if at >= end:
            return
        day = _next_month(day) if level is PlotLevel.MONTHS else day + timedelta(days=1)


def _next_month(day: date) -> date:
    return (day + timedelta(days=31)).replace(day=1)


def _rows(store: CompanyStore, channel: ReadingChannel, start: int, end: int) -> Sequence[DatedReading]:
    """The readings that begin from ``start`` on and before ``end``."""
    since, rows = store.intervals.uncrossed([channel], start), list[DatedReading]()
    until = min(end, channel.last + 1)
    shortest = min((one.seconds for one in channel.series if one.seconds), default=900)
    while since < until:
        count = min(_READ, (until - since) // shortest + 2)
        page = store.intervals.page([channel], since, count)
        rows += page.readings[0]
        since = page.until
    return rows[bisect_left(rows, start, key=_START) : bisect_left(rows, end, key=_START)]


def _as_stored(rows: Sequence[DatedReading], channel: ReadingChannel) -> Sequence[PlotBar]:
    scale, bars = _scale(channel), list[PlotBar]()
    for start, seconds, mantissa, estimated, _, _ in rows:
        if bars and bars[-1].end < start:
            bars.append(PlotBar(bars[-1].end, start, None, False, False))
        bars.append(PlotBar(start, start + seconds, round(mantissa * scale, 6), True, bool(estimated)))
    return bars


def _added_up(store: CompanyStore, channel: ReadingChannel, edges: Sequence[int]) -> Iterator[PlotBar]:
    scale, is_demand = _scale(channel), channel.measure is Measure.DEMAND
    for (start, end), found in zip(pairwise(edges), _sums(store, channel, edges), strict=True):
        if found is None:
            yield PlotBar(start, end, None, False, False)
            continue
        value = round((found.largest if is_demand else found.total) * scale, 6)
        yield PlotBar(start, end, value, found.seconds >= end - start, found.estimated)


def _sums(store: CompanyStore, channel: ReadingChannel, edges: Sequence[int]) -> Sequence[ReadingSum | None]:
    """By the database; where readings of several lengths meet they have to be read, to see which count."""
    if len(channel.series) == 1:
        return store.intervals.sums(channel.series[0], edges)
    rows = _rows(store, channel, edges[0], edges[-1])
    starts = list(map(_START, rows))
    places = [bisect_left(starts, edge) for edge in edges]
    return [_sum(rows[first:last]) for first, last in pairwise(places)]


def _sum(rows: Sequence[DatedReading]) -> ReadingSum | None:
    if not rows:
        return None
    mantissas = list(map(_MANTISSA, rows))
    return ReadingSum(
        len(rows), sum(mantissas), max(mantissas), sum(map(_SECONDS, rows)), any(map(_ESTIMATED, rows))
    )


def _scale(channel: ReadingChannel) -> float:
    return float(10.0 ** (channel.exponent - (3 if channel.unit in _KILO else 0)))
