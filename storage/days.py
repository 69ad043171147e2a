"""Which local days a meter's readings cover from midnight to midnight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from datetime import date, datetime, time, timedelta
from functools import lru_cache, reduce
from operator import and_
from zoneinfo import ZoneInfo

from sqlmodel import Session

from storage import covered
from storage.stretches import Stretch


def whole(
    session: Session,
    account_id: int,
    meter_id: str,
    zone: ZoneInfo,
    earliest: date | None = None,
    latest: date | None = None,
) -> Set[date]:
    """The days of ``zone`` that the meter's energy or volume covers without a gap, in every direction it has.

    Of all days, or of those from ``earliest`` to ``latest``. What has no reading at all does not count.
    """
    kinds = covered.of_amounts(session, account_id, meter_id)
    whole_ones = [_covered(stretches, zone, earliest, latest) for stretches in kinds]
    return reduce(and_, whole_ones, whole_ones[0]) if whole_ones else frozenset()


def _covered(
    stretches: Iterable[Stretch], zone: ZoneInfo, earliest: date | None, latest: date | None
) -> Set[date]:
    found: set[date] = set()
    for first, last in stretches:
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
