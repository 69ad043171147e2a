"""Local stamps of a utility turned into instants, over days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = 86_400


class _Day(NamedTuple):
    """``start`` is the epoch of local midnight; ``seconds`` the day's true length."""

    start: int
    seconds: int


class LocalTime:
    """Epoch seconds of local stamps in one zone; remembers the days it has met."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._days: dict[date, _Day] = {}

    def day_seconds(self, day: date) -> int:
        """How long ``day`` is: 82,800, 86,400 or 90,000 s, where the clock moves by an hour."""
        return self._day(day).seconds

    def instants(self, day: date, minute: int) -> tuple[int, ...]:
        """When the clock shows ``minute`` of ``day``: one instant, in a doubled hour two, in a gap none."""
        known = self._day(day)
        if known.seconds == _DAY:
            return (known.start + minute * 60,)
        clock = datetime(day.year, day.month, day.day, tzinfo=self._zone) + timedelta(minutes=minute)
        both = {clock.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        shown = [each for each in both if _same_clock(each.astimezone(self._zone), clock)]
        return tuple(sorted(int(each.timestamp()) for each in shown))

    def _day(self, day: date) -> _Day:
        known = self._days.get(day)
        if known is None:
            start, end = self._midnight(day), self._midnight(day + timedelta(days=1))
            known = self._days[day] = _Day(start, end - start)
        return known

    def _midnight(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp())


def _same_clock(one: datetime, other: datetime) -> bool:
    return one.replace(tzinfo=None) == other.replace(tzinfo=None)
