"""Local stamps of a utility turned into instants, over days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 86_400
_MOST_KEPT = 10_000


class Day(NamedTuple):
    """``start`` is the epoch of local midnight; ``seconds`` the day's true length."""

    date: date
    start: int
    seconds: int

    @property
    def shift(self) -> int:
        """By how many seconds the day is longer than most."""
        return self.seconds - DAY


class LocalTime:
    """Epoch seconds of local stamps in one zone; remembers the days it has met."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._days: dict[date, Day] = {}

    def day(self, day: date) -> Day:
        """A day of the zone."""
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _MOST_KEPT:
                self._days.clear()
            start, end = self._midnight(day), self._midnight(day + timedelta(days=1))
            known = self._days[day] = Day(day, start, end - start)
        return known

    def instants(self, day: date, second: int) -> tuple[int, ...]:
        """When the clock shows ``second`` of ``day``: one instant, in a doubled hour two, in a gap none."""
        known = self.day(day)
        if known.seconds == DAY:
            return (known.start + second,)
        clock = self._clock(day, second)
        both = {clock.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        shown = [each for each in both if _same_clock(each.astimezone(self.zone), clock)]
        return tuple(sorted(int(each.timestamp()) for each in shown))

    def as_if(self, day: date, second: int) -> int:
        """When the clock would show ``second`` of ``day``, in a gap, had it not been put forward yet."""
        return int(self._clock(day, second).timestamp())

    def day_of(self, instant: int) -> Day:
        """The day of the zone that an instant is in."""
        return self.day(datetime.fromtimestamp(instant, self.zone).date())

    def day_of_utc(self, instant: int) -> date:
        """The date that UTC shows."""
        return datetime.fromtimestamp(instant, UTC).date()

    def month_seconds(self, instant: int) -> int:
        """Seconds of the month that begins at ``instant``."""
        first = self.day_of(instant).date
        return self._midnight((first + timedelta(days=31)).replace(day=1)) - instant

    def _clock(self, day: date, second: int) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(seconds=second)

    def _midnight(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())


def _same_clock(one: datetime, other: datetime) -> bool:
    return one.replace(tzinfo=None) == other.replace(tzinfo=None)
