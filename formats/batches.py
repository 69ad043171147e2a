"""Batches of readings, as readers yield them, and whole series gathered of them in the order of time.

An interval that is given twice with the same amount counts once; where amounts differ, the last in the file
stands, with a warning. One meter may be given at several granularities (days beside hours): where readings
overlap, those of each length become a series of their own, never a mixture. Where a file has the price
periods of one interval apart, they are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import add, itemgetter, le, lt

from meterfarm.records import (
    Commodity,
    Direction,
    IntervalData,
    Issue,
    Measure,
    Reading,
    Series,
    Severity,
    Unit,
)

_MAKE: Callable[[tuple[int, int, int, bool]], Reading] = partial(tuple.__new__, Reading)


@dataclass(frozen=True, slots=True)
class PeriodSeries(Series):
    """Readings of one price period, from a file that lists an interval by periods: they add up."""

    period: str = ""


def of_period(series: Series, period: str) -> PeriodSeries:
    """``series`` as one of a price period."""
    return PeriodSeries(
        series.meter_id,
        series.commodity,
        series.direction,
        series.unit,
        series.exponent,
        series.readings,
        series.measure,
        period,
    )


def period_of(series: Series) -> str:
    """Empty if it is of none, or of all."""
    return series.period if isinstance(series, PeriodSeries) else ""


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings of one series in the file's order, by column; the columns are as long as each other.

    ``starts`` are epoch seconds in UTC, ``seconds`` the lengths of intervals (0 of an instant), both int64. A
    quantity is ``mantissa * 10**exponent`` of ``unit``; mantissas have no bound. ``period`` is the
    price period that all readings are of, by the file's code, empty if none is named.
    """

    meter_id: str
    commodity: Commodity
    direction: Direction
    unit: Unit
    exponent: int
    measure: Measure
    starts: Sequence[int]
    seconds: Sequence[int]
    mantissas: Sequence[int]
    estimated: Sequence[bool]
    period: str = ""

    def series(self) -> Series:
        """The same as a ``Series``."""
        rows = zip(self.starts, self.seconds, self.mantissas, self.estimated, strict=True)
        readings = tuple(map(_MAKE, rows))
        series = Series(
            self.meter_id, self.commodity, self.direction, self.unit, self.exponent, readings, self.measure
        )
        return of_period(series, self.period) if self.period else series


_DAY = 86_400
_Key = tuple[object, ...]


def gather(batches: Iterable[Series | Issue]) -> IntervalData:
    """Whole series: one for each meter, commodity, measure, direction, unit, granularity.

    Raises what ``batches`` raises.
    """
    parts: dict[_Key, list[Series]] = {}
    issues: list[Issue] = []
    for found in batches:
        if isinstance(found, Issue):
            issues.append(found)
        else:
            key = found.meter_id, found.commodity, found.measure, found.direction, found.unit
            parts.setdefault(key, []).append(found)
    series = [whole for same in parts.values() for whole in _whole(same, issues)]
    return IntervalData(tuple(series), tuple(issues))


def _whole(parts: list[Series], issues: list[Issue]) -> Iterator[Series]:
    exponent = min(part.exponent for part in parts)
    readings = _readings(parts, exponent, issues)
    granularities = [readings]
    if not _in_order(readings):
        apart = _granularities(_once(readings, parts[0], issues))
        granularities = [_by_start(each, parts[0], issues) for each in apart]
    if len(granularities) > 1:
        lengths = ", ".join(f"{each[0].seconds} s" for each in granularities)
        what = f"The same data comes at different interval lengths ({lengths}): they do not add up."
        issues.append(Issue(_where(parts[0]), what, Severity.NOTE))
    for each in granularities:
        if each:
            yield _series(parts[0], exponent, each)


def _series(like: Series, exponent: int, readings: Sequence[Reading]) -> Series:
    """Of no period, whatever those are of that it is made of."""
    return Series(
        like.meter_id,
        like.commodity,
        like.direction,
        like.unit,
        exponent,
        tuple(readings),
        like.measure,
    )


def _readings(parts: Sequence[Series], exponent: int, issues: list[Issue]) -> list[Reading]:
    """In the file's order; if they are of several price periods, by those, and one an interval."""
    named = dict.fromkeys(filter(None, map(period_of, parts)))
    if len(named) < 2:
        return [reading for part in parts for reading in _with_exponent(part, exponent)]
    periods: dict[str, list[Reading]] = {}
    for part in parts:
        periods.setdefault(period_of(part), []).extend(_with_exponent(part, exponent))
    added: dict[tuple[int, int], Reading] = {}
    several: set[tuple[int, int]] = set()
    for period in named:
        for each in _once(periods[period], parts[0], issues):
            interval = each.start, each.seconds
            other = added.get(interval)
            if other is not None:
                several.add(interval)
                each = Reading(*interval, other.mantissa + each.mantissa, other.estimated or each.estimated)
            added[interval] = each
    if several:
        what = f"Intervals listed by price period, which were added up: {len(several)}."
        issues.append(Issue(_where(parts[0]), what, Severity.NOTE))
    return [*sorted(added.values()), *periods.get("", ())]


def _with_exponent(part: Series, exponent: int) -> Sequence[Reading]:
    if part.exponent == exponent:
        return part.readings
    scale = 10 ** (part.exponent - exponent)
    return [each._replace(mantissa=each.mantissa * scale) for each in part.readings]


def _in_order(readings: Sequence[Reading]) -> bool:
    """Whether they follow each other in time and none begins before the one before it has ended."""
    starts = list(map(itemgetter(0), readings))
    ends = map(add, starts, map(itemgetter(1), readings))
    return all(map(lt, starts, starts[1:])) and all(map(le, ends, starts[1:]))


def _once(readings: Sequence[Reading], series: Series, issues: list[Issue]) -> list[Reading]:
    """By start, each interval once: of several the last."""
    last = {(each.start, each.seconds): each for each in readings}
    repeated = len(readings) - len(last)
    if repeated:
        replaced = sum(each != last[each.start, each.seconds] for each in readings)
        later = Issue(_where(series), f"Readings replaced by later ones in the file: {replaced}.")
        same = f"Readings listed more than once: {repeated - replaced}."
        if replaced:
            issues.append(later)
        if repeated > replaced:
            issues.append(Issue(_where(series), same, Severity.NOTE))
    return sorted(last.values())


def _granularities(readings: list[Reading]) -> list[list[Reading]]:
    """The readings as they are if none overlap, else those of each length apart."""
    if _in_order(readings):
        return [readings]
    apart: dict[int, list[Reading]] = {}
    for each in readings:
        apart.setdefault(_length(each.seconds), []).append(each)
    return list(apart.values())


def _by_start(readings: list[Reading], series: Series, issues: list[Issue]) -> list[Reading]:
    """One reading a start, of several the longest."""
    by_start = {each.start: each for each in readings}
    lost = len(readings) - len(by_start)
    if lost:
        what = f"Readings of the same start and nearly the same length, of which the longer was kept: {lost}."
        issues.append(Issue(_where(series), what))
    return list(by_start.values())


def _length(seconds: int) -> int:
    """A length that those of one granularity share: days have 23 to 25 hours, billing periods vary."""
    if seconds < 20 * 3600:
        return seconds
    days = round(seconds / _DAY)
    return (days if days < 20 else 20) * _DAY


def _where(series: Series) -> str:
    return f"meter {series.meter_id!r}, {series.direction} {series.measure}"
