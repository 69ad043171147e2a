"""Cells of NEM12 and NEM13 records. Their times are market time, UTC+10 all year round."""

from __future__ import annotations

from datetime import UTC, date, datetime

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import DAY
from meterfarm.formats.tables.cells import shown
from meterfarm.formats.tables.stamps import FIRST_YEAR, LAST_YEAR

_AHEAD = 10 * 3600


def day_start(line: int, text: str) -> int:
    """Epoch seconds of the begin of a day, ``20240131``. Raises FormatError."""
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        raise refused(line, f"“{shown(text)}” is no date")
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as exc:
        raise refused(line, f"“{shown(text)}” is no date") from exc
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise refused(line, f"“{shown(text)}” is no date")
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - _AHEAD


def instant(line: int, text: str) -> int:
    """Epoch seconds of ``20240131235959``; 240000 is the day's end. Raises FormatError."""
    clock = text[8:]
    if len(clock) != 6 or not clock.isascii() or not clock.isdigit():
        raise refused(line, f"“{shown(text)}” is no date and time")
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if minutes > 59 or seconds > 59 or hours * 3600 + minutes * 60 + seconds > DAY:
        raise refused(line, f"“{shown(text)}” is no date and time")
    return day_start(line, text[:8]) + hours * 3600 + minutes * 60 + seconds


def refused(line: int, why: str) -> FormatError:
    return FormatError(f"Line {line} of the NEM12 file makes no sense: {why}. Ask for it again.")
