"""A meter's load profile: hour of the day by day, as inline SVG of a bounded size, and what it says. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from math import inf
from operator import itemgetter

from markupsafe import Markup

from meterfarm.formats.bills.bill_figures import unit_name
from meterfarm.formats.local_time import DAY, LocalTime
from meterfarm.records import Measure, Series, Unit
from meterfarm.services.report.report_facts import PROFILE_DAYS

LEVELS = 8
_GIVEN = 4
"""Levels of what was fed in: hours below zero."""
_HOUR, _HOURS = 3_600, 24
_MOST_SECONDS = 7_200
"""Longer readings say nothing of an hour."""
_ONE_DAY = timedelta(days=1)
_SVG = Markup(
    '<svg class="heat" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
)
_LEVEL = Markup('<path class="{}" d="{}"/>')
_EVEN = 0.18
"""Four hours are a sixth of the day, 0.167; less than this is about as much."""
_TOP = 0.95
"""So much of all hours is told apart; the few above share the last level."""


@dataclass(frozen=True, slots=True)
class HeatScale:
    """How much a level is: ``step`` of hours at zero or above it, ``given`` of those below, 0 without any."""

    step: float
    given: float

    @classmethod
    def of(cls, values: Sequence[float]) -> HeatScale:
        """Of all hours, the least first."""
        return cls(
            _top([each for each in values if each >= 0]) / LEVELS,
            _top([-each for each in reversed(values) if each < 0]) / _GIVEN,
        )

    def level(self, value: float) -> str:
        """The class of an hour."""
        if value < 0:
            return f"given-{min(int(-value / self.given) + 1, _GIVEN)}"
        return f"level-{min(int(value / self.step), LEVELS - 1) if self.step else 0}"

    def steps(self) -> Iterator[tuple[str, str]]:
        """The class of each level, and from which figure on it is."""
        if self.given:
            for number in range(_GIVEN, 1, -1):
                least = _figure(-self.given * (number - 1))
                yield f"given-{number}", f"{least} and less" if number == _GIVEN else least
            yield "given-1", "below 0"
        if not self.step:
            yield "level-0", "0"
        for number in range(LEVELS if self.step else 0):
            yield f"level-{number}", _figure(self.step * number) + ("+" if number == LEVELS - 1 else "")


def _top(values: Sequence[float]) -> float:
    """What few of ``values`` are above, the least first; 0 if all are."""
    return (values[min(int(len(values) * _TOP), len(values) - 1)] or values[-1]) if values else 0.0


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A picture of days by hours and what goes with it.

    ``months`` are what stands below, each with its place in percent. ``steps`` are the levels, the least
    first: the class of each, and from which figure on it is.
    """

    svg: Markup
    first: date
    last: date
    unit: str
    months: Sequence[tuple[float, str]]
    steps: Sequence[tuple[str, str]]
    words: Sequence[str]


def heat_map(series: Series, clock: LocalTime) -> HeatMap | None:
    """The newest days of a series; None if its readings are too long to tell hours apart."""
    if series.measure not in (Measure.ENERGY, Measure.VOLUME) or not series.readings:
        return None
    cells = _hours(series, clock)
    values = sorted(value for hours in cells.values() for value in hours if value is not None)
    if not values:
        return None
    scale, first, last = HeatScale.of(values), min(cells), max(cells)
    count = (last - first).days + 1
    unit = unit_name(series.unit)
    what = f"Hour of the day by day, from {first} to {last}, in {unit} an hour"
    return HeatMap(
        _drawn(cells, first, count, scale, what),
        first,
        last,
        "kW" if series.unit is Unit.WH else f"{unit} an hour",
        list(_months(first, count)),
        list(scale.steps()),
        list(_words(cells, unit)),
    )


_Hours = list[float | None]


def _hours(series: Series, clock: LocalTime) -> dict[date, _Hours]:
    """Use by local hour; None where most of an hour is not covered."""
    readings = series.readings
    end = readings[-1][0]
    begin = bisect_left(readings, clock.day_of(end).start - (PROFILE_DAYS - 1) * DAY, key=itemgetter(0))
    scale = 10.0 ** (series.exponent - (3 if series.unit is Unit.WH else 0))
    found: dict[date, _Hours] = {}
    today = clock.day_of(readings[begin][0])
    sums, seconds = [0] * _HOURS, [0] * _HOURS
    for start, length, mantissa, *_ in readings[begin:]:
        if not 0 < length <= _MOST_SECONDS:
            continue
        if not 0 <= start - today.start < today.seconds:
            found[today.date] = _whole(sums, seconds, scale)
            today, sums, seconds = clock.day_of(start), [0] * _HOURS, [0] * _HOURS
        hour = (
            (start - today.start) // _HOUR
            if today.seconds == DAY
            else datetime.fromtimestamp(start, clock.zone).hour
        )
        sums[hour] += mantissa
        seconds[hour] += length
    found[today.date] = _whole(sums, seconds, scale)
    return {day: hours for day, hours in found.items() if any(each is not None for each in hours)}


def _whole(sums: Sequence[int], seconds: Sequence[int], scale: float) -> _Hours:
    """As an hour's, also where a clock shows one twice or readings are of two."""
    return [
        total * scale * _HOUR / lasts if lasts >= _HOUR // 2 else None
        for total, lasts in zip(sums, seconds, strict=True)
    ]


def _drawn(cells: dict[date, _Hours], first: date, count: int, scale: HeatScale, what: str) -> Markup:
    """A path for each level, of strokes along the days."""
    paths: dict[str, list[str]] = {}
    for hour in range(_HOURS):
        row = [_level(cells.get(first + place * _ONE_DAY), hour, scale) for place in range(count)]
        place = 0
        for level, alike in groupby(row):
            lasts = len(list(alike))
            if level is not None:
                paths.setdefault(level, []).append(f"M{place} {hour}.5h{lasts}")
            place += lasts
    drawn = [_LEVEL.format(level, "".join(path)) for level, path in sorted(paths.items())]
    return _SVG.format(count, _HOURS, what, Markup("").join(drawn))


def _level(hours: _Hours | None, hour: int, scale: HeatScale) -> str | None:
    value = hours[hour] if hours is not None else None
    return None if value is None else scale.level(value)


def _months(first: date, count: int) -> Iterator[tuple[float, str]]:
    """Each second one, where there are many; where there is none, the first day."""
    starts = [day for place in range(count) if (day := first + place * _ONE_DAY).day == 1]
    if not starts:
        yield 0.0, f"{first.day} {first:%b}"
    for place, day in enumerate(starts):
        if len(starts) <= 7 or place % 2 == 0:
            yield 100 * (day - first).days / count, f"{day:%b}"


def _figure(value: float) -> str:
    size = abs(value)
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.095 or not value else f"{value:.3f}"


def _words(cells: dict[date, _Hours], unit: str) -> Iterator[str]:
    """What a person would see: when most is used, what runs all night, the highest hour."""
    by_hour: list[list[float]] = [[] for _ in range(_HOURS)]
    highest, lowest = (-inf, date.min, 0), (inf, date.min, 0)
    for day, hours in cells.items():
        for hour, value in enumerate(hours):
            if value is not None:
                by_hour[hour].append(value)
                highest, lowest = max(highest, (value, day, hour)), min(lowest, (value, day, hour))
    means = [sum(values) / len(values) if values else 0.0 for values in by_hour]
    if not any(means):
        return
    begin = max(range(_HOURS), key=lambda hour: sum(means[(hour + each) % _HOURS] for each in range(4)))
    end = (begin + 4) % _HOURS
    most = f"Most between {begin}:00 and {end}:00"
    if min(means) >= 0:
        share = sum(means[(begin + each) % _HOURS] for each in range(4)) / sum(means)
        is_even = share < _EVEN
        yield (
            "About as much at all hours."
            if is_even
            else f"{most}: {100 * share:.0f} % of the day in four hours."
        )
    elif max(means) > 0:
        yield f"{most}; at some hours more was fed in than used."
    nights = sorted(value for hour in (2, 3, 4) for value in by_hour[hour])
    if nights:
        yield f"At night, from 2:00 to 5:00, usually {_figure(nights[len(nights) // 2])} {unit} an hour."
    value, day, hour = highest
    if value > 0:
        yield f"The highest hour: {_figure(value)} {unit} on {day.day} {day:%b %Y} from {hour}:00."
    value, day, hour = lowest
    if value < 0:
        yield f"Most was fed in on {day.day} {day:%b %Y} from {hour}:00: {_figure(-value)} {unit}."
