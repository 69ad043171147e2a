"""What times a meter's readings cover, where they have gaps, and whether they have changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import date, datetime, time, timedelta
from functools import lru_cache, reduce
from itertools import groupby
from operator import and_, itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlmodel import Session, col

from meterfarm.formats.time_ranges import TimeRanges, merged
from meterfarm.records import Commodity, Direction, Measure, Reading, Unit
from meterfarm.storage.data import Coverage, SeriesCoverage
from meterfarm.storage.tables import MeterRow, ReadingRevisionRow, ReadingRow, SeriesRow, metadata

CoverageRange = tuple[int, int]
"""Epoch seconds: the first that is covered, and the first after it that is not."""
_METER, _SERIES, _RANGE, _READING = (
    metadata.tables[name] for name in ("meter", "series", "coverage_range", "reading")
)
_OF_SERIES = _RANGE.c.series_id == bindparam("series")
_NEAR = select(_RANGE.c.first, _RANGE.c.last).where(
    _OF_SERIES, _RANGE.c.first <= bindparam("until"), _RANGE.c.last >= bindparam("since")
)
_INSERT = insert(_RANGE)
_FORGET = delete(_RANGE).where(_OF_SERIES, _RANGE.c.first == bindparam("at"))
_FORGET_ALL = delete(_RANGE).where(_OF_SERIES)


def extend(connection: Connection, series_id: int, inserted: Sequence[Reading]) -> None:
    """Take down that these readings are there now, too."""
    new = _one_range(inserted) or merged(
        sorted((reading[0], reading[0] + reading[1]) for reading in inserted)
    )
    near = {"series": series_id, "since": new[0][0], "until": new[-1][1]}
    stored = [(first, last) for first, last in connection.execute(_NEAR, near)]
    after = merged(sorted([*stored, *new]))
    gone = [{"series": series_id, "at": first} for first, last in stored if (first, last) not in after]
    if gone:
        connection.execute(_FORGET, gone)
    _insert(
        connection, series_id, [coverage_range for coverage_range in after if coverage_range not in stored]
    )


def rebuild(connection: Connection, series_id: int) -> None:
    """Compute them from all readings: some have another length than they had."""
    connection.execute(_FORGET_ALL, {"series": series_id})
    times = connection.execute(_TIMES, {"series": series_id})
    _insert(connection, series_id, merged((start, end) for start, end in times))


def _one_range(readings: Sequence[Reading]) -> list[CoverageRange]:
    """The time of readings of one length that follow each other, as most do; nothing if they do not."""
    first, seconds = readings[0][0], readings[0][1]
    end = first + seconds * len(readings)
    if seconds <= 0 or list(map(itemgetter(0), readings)) != list(range(first, end, seconds)):
        return []
    return [(first, end)] if set(map(itemgetter(1), readings)) == {seconds} else []


def _insert(connection: Connection, series_id: int, ranges: Sequence[CoverageRange]) -> None:
    if ranges:
        rows = [{"series_id": series_id, "first": first, "last": last} for first, last in ranges]
        connection.execute(_INSERT, rows)


AMOUNTS = (Measure.ENERGY, Measure.VOLUME)
"""What adds up to use."""
_NOT_READINGS = (Measure.COST.value, Measure.TEMPERATURE.value)
_KIND = (_METER.c.number, *(_SERIES.c[name] for name in ("commodity", "measure", "direction", "unit")))
_RANGES = (
    select(*_KIND, _SERIES.c.seconds, _SERIES.c.id, _RANGE.c.first, _RANGE.c.last)
    .join(_SERIES, _SERIES.c.id == _RANGE.c.series_id)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .where(_METER.c.account_id == bindparam("account"), _METER.c.company_id == bindparam("company"))
    .order_by(*_KIND, _SERIES.c.seconds, _SERIES.c.id, _RANGE.c.first)
)
_OF_METER = _RANGES.where(_METER.c.number == bindparam("meter"))
_TIMES = (
    select(_READING.c.start, _READING.c.start + _READING.c.seconds)
    .where(_READING.c.series_id == bindparam("series"))
    .order_by(_READING.c.start)
)
_COUNTS = (
    select(_READING.c.series_id, func.count())
    .where(_READING.c.series_id.in_(bindparam("series", expanding=True)))
    .group_by(_READING.c.series_id)
)


class MeterKey(NamedTuple):
    """A company's meter, by its account's id and the number it has there."""

    company_id: int
    account_id: int
    number: str


class _Resolution(NamedTuple):
    """A series: the length of its readings, and what they cover."""

    seconds: int
    series_id: int
    ranges: Sequence[CoverageRange]


def by_series(session: Session, company_id: int, account_id: int, *, counted: bool) -> list[SeriesCoverage]:
    """Of each kind of reading of the account's meters, whatever the lengths."""
    connection = session.connection()
    wanted = {"company": company_id, "account": account_id}
    kinds = list(_kinds(connection.execute(_RANGES, wanted)))
    ids = [resolution.series_id for _, resolutions in kinds for resolution in resolutions]
    counts = dict(map(tuple, connection.execute(_COUNTS, {"series": ids}))) if ids and counted else {}
    return [
        SeriesCoverage(
            number,
            Commodity(commodity),
            Measure(measure),
            Direction(direction),
            Unit(unit),
            tuple(resolution.seconds for resolution in resolutions),
            sum(counts.get(resolution.series_id, 0) for resolution in resolutions),
            tuple(_covered(connection, resolutions)),
        )
        for (number, commodity, measure, direction, unit), resolutions in kinds
    ]


def of_amounts(session: Session, meter: MeterKey) -> list[Sequence[CoverageRange]]:
    """What each direction of the meter's energy or volume covers; of all its readings if it has neither."""
    connection = session.connection()
    wanted = {"company": meter.company_id, "account": meter.account_id, "meter": meter.number}
    kinds = list(_kinds(connection.execute(_OF_METER, wanted)))
    amounts = [resolutions for kind, resolutions in kinds if kind[2] in AMOUNTS] or [
        resolutions for _, resolutions in kinds
    ]
    return [_covered(connection, resolutions) for resolutions in amounts]


def _kinds(rows: Iterable[Any]) -> Iterator[tuple[tuple[str, ...], Sequence[_Resolution]]]:
    """What differs in length alone, the shortest first."""
    for kind, alike in groupby(rows, itemgetter(slice(0, len(_KIND)))):
        resolutions = [
            _Resolution(seconds, series_id, [(row[-2], row[-1]) for row in ranges])
            for (seconds, series_id), ranges in groupby(alike, itemgetter(slice(len(_KIND), -2)))
        ]
        yield kind, resolutions


def _covered(connection: Connection, resolutions: Sequence[_Resolution]) -> Sequence[CoverageRange]:
    """As the readings that count do."""
    covered = resolutions[0].ranges
    for resolution in resolutions[1:]:
        known, more = TimeRanges(covered), resolution.ranges
        if any(known.touches(*coverage_range) for coverage_range in more):
            times = connection.execute(_TIMES, {"series": resolution.series_id})
            more = [(start, end) for start, end in times if not known.touches(start, end)]
        covered = merged(sorted([*covered, *more]))
    return covered


def of_meters(session: Session, company_id: int, account_id: int) -> dict[str, Coverage]:
    """By meter number, for meters with readings; costs and temperatures are none."""
    end = func.max(col(ReadingRow.start) + col(ReadingRow.seconds))
    query = (
        select(col(MeterRow.number), func.min(col(ReadingRow.start)), end, func.count())
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .join(ReadingRow, col(ReadingRow.series_id) == SeriesRow.id)
        .where(col(MeterRow.company_id) == company_id, col(MeterRow.account_id) == account_id)
        .where(col(SeriesRow.measure).not_in(_NOT_READINGS))
        .group_by(col(MeterRow.number))
    )
    return {number: Coverage(*rest) for number, *rest in session.execute(query)}


def fingerprints(session: Session, company_id: int, account_id: int) -> dict[str, str]:
    """By meter number, a text that differs whenever the meter's stored readings do."""
    inserts = select(func.count()).where(col(ReadingRow.series_id) == SeriesRow.id).scalar_subquery()
    revisions = (
        select(func.count()).where(col(ReadingRevisionRow.series_id) == SeriesRow.id).scalar_subquery()
    )
    query = (
        select(col(MeterRow.number), col(SeriesRow.id), col(SeriesRow.exponent), inserts, revisions)
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .where(col(MeterRow.company_id) == company_id, col(MeterRow.account_id) == account_id)
        .order_by(col(MeterRow.number), col(SeriesRow.id))
    )
    found: dict[str, str] = {}
    for number, *state in session.execute(query):
        found[number] = " ".join([found.get(number, ""), ":".join(map(str, state))]).strip()
    return found


_NEWEST, _DAY = 14, 86_400
_AMOUNTS = (
    select(_SERIES.c.id)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .where(_METER.c.company_id == bindparam("company"), _METER.c.account_id == bindparam("account"))
    .where(_METER.c.number == bindparam("meter"))
    .where(_SERIES.c.measure.in_(bindparam("measures", expanding=True)))
)
_END = select(func.max(_RANGE.c.last)).where(_RANGE.c.series_id.in_(_AMOUNTS))
_VALUE = select(func.max(_READING.c.start)).where(
    _READING.c.series_id.in_(_AMOUNTS), _READING.c.start >= bindparam("since"), _READING.c.mantissa != 0
)


def whole(
    session: Session,
    meter: MeterKey,
    zone: ZoneInfo,
    earliest: date | None = None,
    latest: date | None = None,
) -> Set[date]:
    """The days of ``zone`` that the meter's energy or volume covers without a gap, in every direction it has.

    Of all days, or of those from ``earliest`` to ``latest``. What has no reading at all does not count.
    """
    kinds = of_amounts(session, meter)
    whole_ones = [_whole_days(ranges, zone, earliest, latest) for ranges in kinds]
    return reduce(and_, whole_ones, whole_ones[0]) if whole_ones else frozenset()


def of_zeros(session: Session, meter: MeterKey, zone: ZoneInfo) -> Set[date]:
    """The newest days, two weeks of them at most, in which all that the meter's energy or volume has is zero.

    Portals show zeros before the values are there; a meter that nobody uses shows them for good.
    """
    wanted = {
        "company": meter.company_id,
        "account": meter.account_id,
        "meter": meter.number,
        "measures": AMOUNTS,
    }
    end: int | None = session.scalar(_END, wanted)
    if end is None:
        return frozenset()
    value: int | None = session.scalar(_VALUE, wanted | {"since": end - _NEWEST * _DAY})
    newest = datetime.fromtimestamp(end - 1, zone).date()
    if value is None:
        return set(_days(newest - timedelta(days=_NEWEST - 1), newest))
    return set(_days(datetime.fromtimestamp(value, zone).date() + timedelta(days=1), newest))


def _whole_days(
    ranges: Iterable[CoverageRange], zone: ZoneInfo, earliest: date | None, latest: date | None
) -> Set[date]:
    found: set[date] = set()
    for first, last in ranges:
        since, until = (datetime.fromtimestamp(instant, zone).date() for instant in (first, last))
        if _midnight(since, zone) < first:
            since += timedelta(days=1)
        since, until = max(since, earliest or since), min(until - timedelta(days=1), latest or until)
        found.update(_days(since, until))
    return found


def _days(first: date, last: date) -> Iterator[date]:
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))


@lru_cache(8192)
def _midnight(day: date, zone: ZoneInfo) -> int:
    """Epoch seconds of the day's first instant, also where clocks skip or repeat midnight."""
    return int(datetime.combine(day, time.min, zone).timestamp())
