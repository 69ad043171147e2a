"""A time zone as ESPI's LocalTimeParameters: offset, and the rules by which clocks are moved in a year.

Source: NAESB REQ.21, espi.xsd, DstRuleType (the bit map) and LocalTimeParameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

_NEVER = "00000000"
_ON_A_DATE, _LAST = 0, 7
_DAYS = 366


class EspiLocalTime(NamedTuple):
    """Seconds ahead of UTC without daylight saving time, those it adds, and its rules as ESPI's bit maps."""

    dst_end_rule: str
    dst_offset: int
    dst_start_rule: str
    tz_offset: int


class _Move(NamedTuple):
    """When clocks are moved, by the clock that is left; by how much, and to what offset."""

    at: datetime
    by: int
    to: int


@lru_cache(maxsize=64)
def local_time(zone: ZoneInfo, year: int) -> EspiLocalTime:
    """As of a year; a zone that does not move its clocks twice in it has the offset of its end, no rules."""
    moves = list(_moves(zone, year))
    offset = _offset(datetime(year, 12, 31, 12, tzinfo=UTC), zone)
    if len(moves) != 2 or moves[0].by + moves[1].by:
        return EspiLocalTime(_NEVER, 0, _NEVER, offset)
    start, end = sorted(moves, key=lambda move: -move.by)
    return EspiLocalTime(_rule(zone, end), start.by, _rule(zone, start), end.to)


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _moves(zone: ZoneInfo, year: int) -> Iterator[_Move]:
    """The moves of a UTC year, of which no day has two; each is on a full or half hour."""
    for day in range(_DAYS):
        begins = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)
        before, after = _offset(begins, zone), _offset(begins + timedelta(days=1), zone)
        if before != after and begins.year == year:
            halves = (begins + timedelta(minutes=30 * half) for half in range(1, 49))
            instant = next(each for each in halves if _offset(each, zone) != before)
            left = (instant + timedelta(seconds=before)).replace(tzinfo=None)
            yield _Move(left, after - before, after)


def _rule(zone: ZoneInfo, move: _Move) -> str:
    """The bit map: seconds (12), hour (5), weekday (3), day of the month (5), operator (3), month (4)."""
    at = move.at
    following = [each.at for each in _moves(zone, at.year + 1) if each.by == move.by]
    operator = next(
        (each for each in _operators(at) if following and each in _operators(following[0])), _ON_A_DATE
    )
    weekday, day = (0, at.day) if operator == _ON_A_DATE else (at.isoweekday(), 0)
    seconds = at.minute * 60 + at.second
    bits = seconds | at.hour << 12 | weekday << 17 | day << 20 | operator << 25 | at.month << 28
    return f"{bits:08X}"


def _operators(at: datetime) -> list[int]:
    """The ways to name a day by its weekday: the last of its month, the first (2), second (3)..."""
    last = [_LAST] if (at + timedelta(days=7)).month != at.month else []
    return [*last, (at.day - 1) // 7 + 2]
