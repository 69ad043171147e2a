"""Which local days a meter's readings cover from midnight to midnight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from datetime import date, datetime, time, timedelta
from functools import lru_cache, reduce
from operator import and_
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlmodel import Session

from meterfarm.storage import covered
from meterfarm.storage.stretches import Stretch
from meterfarm.storage.tables import metadata

_NEWEST, _DAY = 14, 86_400
_METER, _SERIES, _STRETCH, _READING = (
    metadata.tables[name] for name in ("meter", "series", "stretch", "reading")
)
_AMOUNTS = (
    select(_SERIES.c.id)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .where(_METER.c.company_id == bindparam("company"), _METER.c.account_id == bindparam("account"))
    .where(_METER.c.number == bindparam("meter"))
    .where(_SERIES.c.measure.in_(bindparam("measures", expanding=True)))
)
_END = select(func.max(_STRETCH.c.last)).where(_STRETCH.c.series_id.in_(_AMOUNTS))
_VALUE = select(func.max(_READING.c.start)).where(
    _READING.c.series_id.in_(_AMOUNTS), _READING.c.start >= bindparam("since"), _READING.c.mantissa != 0
)


def whole(
    session: Session,
    meter: covered.Meter,
    zone: ZoneInfo,
    earliest: date | None = None,
    latest: date | None = None,
) -> Set[date]:
    """The days of ``zone`` that the meter's energy or volume covers without a gap, in every direction it has.

    Of all days, or of those from ``earliest`` to ``latest``. What has no reading at all does not count.
    """
    kinds = covered.of_amounts(session, meter)
    whole_ones = [_covered(stretches, zone, earliest, latest) for stretches in kinds]
    return reduce(and_, whole_ones, whole_ones[0]) if whole_ones else frozenset()


def of_zeros(session: Session, meter: covered.Meter, zone: ZoneInfo) -> Set[date]:
    """The newest days, two weeks of them at most, in which all that the meter's energy or volume has is zero.

    Portals show zeros before the values are there; a meter that nobody uses shows them for good.
    """
    wanted = {
        "company": meter.company_id,
        "account": meter.account_id,
        "meter": meter.number,
        "measures": covered.AMOUNTS,
    }
    end: int | None = session.scalar(_END, wanted)
    if end is None:
        return frozenset()
    value: int | None = session.scalar(_VALUE, wanted | {"since": end - _NEWEST * _DAY})
    newest = datetime.fromtimestamp(end - 1, zone).date()
    if value is None:
        return set(_days(newest - timedelta(days=_NEWEST - 1), newest))
    return set(_days(datetime.fromtimestamp(value, zone).date() + timedelta(days=1), newest))


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
