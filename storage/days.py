"""Which local days a meter's readings cover from midnight to midnight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select, text
from sqlmodel import Session, col

from storage.tables import MeterRow, SeriesRow, metadata

_READING = metadata.tables["reading"]
_START = _READING.c.start
_COVERED = text(
    "WITH RECURSIVE day (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM day WHERE n + 1 < :count)"
    " SELECT n FROM day WHERE (SELECT sum(seconds) FROM reading WHERE series_id = :series"
    " AND start >= :start + n * :length AND start < :start + (n + 1) * :length) >= :length"
)
"""A look into the primary key for each day; grouped by day, all readings would be sorted first."""


def whole(
    session: Session,
    account_id: int,
    meter_id: str,
    zone: ZoneInfo,
    earliest: date | None = None,
    latest: date | None = None,
) -> set[date]:
    """The days of ``zone`` in which every series of the meter has readings as long as the day together.

    Of all days, or of those from ``earliest`` to ``latest``. A reading belongs to the day it starts in. A
    series without any reading does not count.
    """
    this = _READING.c.series_id == SeriesRow.id
    first_start = select(func.min(_START)).where(this).scalar_subquery()
    last_start = select(func.max(_START)).where(this).scalar_subquery()
    query = (
        select(col(SeriesRow.id), first_start, last_start)
        .join(MeterRow, col(MeterRow.id) == SeriesRow.meter_id)
        .where(col(MeterRow.account_id) == account_id, col(MeterRow.number) == meter_id)
    )
    bounds = [row for row in session.execute(query) if row[1] is not None]
    if not bounds:
        return set()
    first = datetime.fromtimestamp(max(start for _, start, _ in bounds), zone).date()
    last = datetime.fromtimestamp(min(end for _, _, end in bounds), zone).date()
    first, last = max(first, earliest or first), min(last, latest or last)
    midnights = {day: _midnight(day, zone) for day in _days(first, last + timedelta(days=1))}
    connection = session.connection()
    return set.intersection(*(_covered(connection, series_id, midnights) for series_id, _, _ in bounds))


def _covered(connection: Connection, series_id: int, midnights: Mapping[date, int]) -> set[date]:
    covered: set[date] = set()
    for days, start, length in _alike(midnights):
        asked = {"series": series_id, "start": start, "length": length, "count": len(days)}
        covered.update(days[number] for number in connection.scalars(_COVERED, asked))
    return covered


def _alike(midnights: Mapping[date, int]) -> Iterator[tuple[list[date], int, int]]:
    """Runs of consecutive days of one length: the days, the first one's midnight, the length in seconds."""
    days: list[date] = []
    start = length = 0
    for (day, midnight), (_, following) in pairwise(midnights.items()):
        if days and following - midnight != length:
            yield days, start, length
            days = []
        if not days:
            start, length = midnight, following - midnight
        days.append(day)
    if days:
        yield days, start, length


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


@lru_cache(8192)
def _midnight(day: date, zone: ZoneInfo) -> int:
    """Epoch seconds of the day's first instant, also where clocks skip or repeat midnight."""
    return int(datetime.combine(day, time.min, zone).timestamp())
