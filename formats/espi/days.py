"""When a stream's days begin, held against the file's own offset: local times may be written as UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from zoneinfo import ZoneInfo

from meterfarm.formats.espi.local_time import local_time
from meterfarm.formats.espi.run_columns import RunColumns
from meterfarm.formats.local_time import DAY, LocalTime
from meterfarm.records import Issue, Severity

LONG = 20 * 3600
"""Seconds of what is about a day or more."""
_NEARLY = 4
_PER_DAY = 2
_HOUR = 3600
_MOST_DOUBLED = 10_000


@dataclass(frozen=True, slots=True)
class Clock:
    """A file's LocalTimeParameters: seconds ahead of UTC, and those that daylight saving time adds."""

    offset: int
    dst: int = 0

    @property
    def midnight_is_utc(self) -> bool:
        """Whether a local midnight may be one of UTC."""
        return self.offset % DAY == 0 or (self.offset + self.dst) % DAY == 0


def clock_of(elements: Mapping[str, str]) -> Clock | None:
    """By the elements of LocalTimeParameters; None if they are invalid."""
    try:
        offset, dst = (int(elements.get(name) or "0") for name in ("tzOffset", "dstOffset"))
    except ValueError:
        return None
    return Clock(offset, dst) if abs(offset) < DAY and abs(dst) < DAY else None


@dataclass(slots=True)
class _Starts:
    """How many times begin at midnight UTC, and how many do not."""

    midnight: int = 0
    other: int = 0

    def add(self, starts: Sequence[int]) -> None:
        """Count times, in epoch seconds."""
        midnight = sum(start % DAY == 0 for start in starts)
        self.midnight += midnight
        self.other += len(starts) - midnight

    @property
    def are_midnight(self) -> bool:
        """Whether nearly all begin at midnight UTC."""
        return self.midnight > 0 and self.other * _NEARLY <= self.midnight


@dataclass(slots=True)
class Days:
    """When days begin, by readings of days and more, else by blocks of readings, else by all there is."""

    _long: _Starts = field(default_factory=_Starts)
    _blocks: _Starts = field(default_factory=_Starts)
    _whole: int = 0
    _first: int | None = None
    _end: int = 0

    def readings(self, columns: RunColumns) -> None:
        """Take note of readings."""
        if not columns.starts:
            return
        if max(columns.seconds) >= LONG:
            self._long.add(list(compress(columns.starts, (each >= LONG for each in columns.seconds))))
        first = min(columns.starts)
        last = max(zip(columns.starts, columns.seconds, strict=True))
        self._first = first if self._first is None else min(self._first, first)
        self._end = max(self._end, sum(last))

    def block(self, first: int, last: int, seconds: int) -> None:
        """An interval block, by the starts of its first and last reading and the length of that."""
        begin = min(first, last)
        self._blocks.add((begin,))
        self._whole += _whole_days(begin, max(first, last) + seconds)

    @property
    def begin_in_utc(self) -> bool:
        """Whether days begin at midnight UTC."""
        if self._long.midnight or self._long.other:
            return self._long.are_midnight
        if self._first is None:
            return False
        blocks = self._blocks.midnight + self._blocks.other
        if not blocks or blocks * DAY > _PER_DAY * max(DAY, self._end - self._first):
            return _whole_days(self._first, self._end)
        return self._blocks.are_midnight and (self._blocks.midnight > 1 or self._whole > 0)


def _whole_days(first: int, end: int) -> bool:
    """Whether it is from midnight UTC to, but for an hour, another."""
    return first % DAY == 0 and end - first > DAY - 2 * _HOUR and -end % DAY <= _HOUR


def doubt(clock: Clock, where: str) -> Issue:
    """Of days that begin at midnight UTC, where local midnight is at another time."""
    midnight = -clock.offset % DAY // 60
    what = (
        f"Days begin at 00:00 UTC, but local midnight is at {midnight // 60:02}:{midnight % 60:02} UTC by "
        f"the file's tzOffset of {_hours(clock.offset)}: if the times are local, pass --zone."
    )
    return Issue(where, what)


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:+g} h"


class LocalShift:
    """Takes instants for what a clock in ``zone`` showed, and makes them instants of UTC."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._local = LocalTime(zone)
        self._passes: dict[tuple[int, str], int] = {}
        self._gaps = 0
        self._year = 0

    def __call__(self, columns: RunColumns) -> RunColumns:
        """The readings with true starts; what lasts a day or more ends at its local end."""
        self._year = self._local.day_of_utc(columns.starts[-1]).year if columns.starts else self._year
        periods = columns.periods or [""] * len(columns.starts)
        starts = [self._start(each, period) for each, period in zip(columns.starts, periods, strict=True)]
        seconds = [
            each if each < LONG else self._instants(shown + each)[0] - start
            for shown, each, start in zip(columns.starts, columns.seconds, starts, strict=True)
        ]
        return columns._replace(starts=starts, seconds=seconds)

    def _start(self, shown: int, period: str) -> int:
        instants = self._instants(shown)
        if len(instants) < 2:
            return instants[0]
        key = shown, period
        passed = self._passes.get(key, 0)
        if len(self._passes) < _MOST_DOUBLED:
            self._passes[key] = passed + 1
        return instants[min(passed, 1)]

    def _instants(self, shown: int) -> Sequence[int]:
        day = self._local.day_of_utc(shown)
        found = self._local.instants(day, shown % DAY)
        if found:
            return found
        self._gaps += 1
        return (self._local.as_if(day, shown % DAY),)

    def issues(self, clock: Clock, where: str) -> Sequence[Issue]:
        """What was shifted, and what of it is uncertain."""
        zone = self._zone.key
        what = (
            f"Times were read as local ones of {zone}: days begin at 00:00 UTC, "
            f"contrary to the file's tzOffset of {_hours(clock.offset)}."
        )
        issues = [Issue(where, what, Severity.NOTE)]
        offset = local_time(self._zone, self._year).tz_offset
        if offset != clock.offset:
            what = f"{zone} is {_hours(offset)} from UTC, the file's tzOffset is {_hours(clock.offset)}."
            issues.append(Issue(where, what))
        once = sum(passed == 1 for passed in self._passes.values())
        if once:
            what = f"Times of a repeated hour that are listed once, read as its first pass: {once}."
            issues.append(Issue(where, what))
        if self._gaps:
            what = (
                f"Times skipped by the daylight saving change in {zone}, read as if clocks had not moved: "
                f"{self._gaps}. A zone without daylight saving time is named as Etc/GMT+5."
            )
            issues.append(Issue(where, what))
        return issues
