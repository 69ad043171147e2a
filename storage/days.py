"""Which local days a meter's readings cover from midnight to midnight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from datetime import date, datetime, time, timedelta
from functools import lru_cache, reduce
from operator import and_
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlmodel import Session

from storage.stretches import Stretch
from storage.tables import metadata

_METER, _SERIES, _STRETCH = (metadata.tables[name] for name in ("meter", "series", "stretch"))
_STRETCHES = (
    select(_STRETCH.c.series_id, _STRETCH.c.first, _STRETCH.c.last)
    .join(_SERIES, _SERIES.c.id == _STRETCH.c.series_id)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .where(_METER.c.account_id == bindparam("account"), _METER.c.number == bindparam("meter"))
)


def whole(
    session: Session,
    account_id: int,
    meter_id: str,
    zone: ZoneInfo,
    earliest: date | None = None,
    latest: date | None = None,
) -> Set[date]:
    """The days of ``zone`` that every series of the meter covers without a gap.

    Of all days, or of those from ``earliest`` to ``latest``. A series without any reading does not count.
    """
    asked = {"account": account_id, "meter": meter_id}
    by_series: defaultdict[int, list[Stretch]] = defaultdict(list)
    for series_id, first, last in session.connection().execute(_STRETCHES, asked):
        by_series[series_id].append((first, last))
    whole_ones = [_covered(stretches, zone, earliest, latest) for stretches in by_series.values()]
    return reduce(and_, whole_ones, whole_ones[0]) if whole_ones else frozenset()


def _covered(
    stretches: Iterable[Stretch], zone: ZoneInfo, earliest: date | None, latest: date | None
) -> Set[date]:
    covered: set[date] = set()
    for first, last in stretches:
        since, until = (datetime.fromtimestamp(instant, zone).date() for instant in (first, last))
        if _midnight(since, zone) < first:
            since += timedelta(days=1)
        since, until = max(since, earliest or since), min(until - timedelta(days=1), latest or until)
        covered.update(_days(since, until))
    return covered


def _days(first: date, last: date) -> Iterator[date]:
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))


@lru_cache(8192)
def _midnight(day: date, zone: ZoneInfo) -> int:
    """Epoch seconds of the day's first instant, also where clocks skip or repeat midnight."""
    return int(datetime.combine(day, time.min, zone).timestamp())
