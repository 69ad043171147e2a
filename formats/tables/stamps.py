"""Dates and clocks as tables write them, without regard to any zone."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from meterfarm.formats.tables.layout import DateOrder

_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{4})(\d{2})(\d{2})", re.ASCII)
_PARTS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[- ]([a-z]{3})[a-z]*\.?,?[- ](\d{4})", re.ASCII | re.IGNORECASE)
_NAMED_FIRST = re.compile(r"([a-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})", re.ASCII | re.IGNORECASE)
_CLOCK = re.compile(
    r"(\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?|(?=\s*[ap]\.?m))\s*(?::?([ap])\.?m\.?)?\s*(z|[a-z]{3,4}|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_SPLIT = re.compile(
    r"(\d[\d/.-]*\d|\d{1,2}[- ][a-z]{3,9}\.?,?[- ]\d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})(?:(?:t|,? +)(\S.*))?",
    re.ASCII | re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HOUR = 3600
_OFFSETS = {
    "Z": 0, "UTC": 0, "GMT": 0, "BST": 1, "CET": 1, "CEST": 2, "AEST": 10, "AEDT": 11,
    "AST": -4, "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7,
}  # fmt: skip
FIRST_YEAR, LAST_YEAR = 1990, 2100


class NotAStamp(ValueError):
    """A cell that should hold a date or a time holds something else."""


class TableClock(NamedTuple):
    """Seconds after midnight, up to 86,400; and those the clock is ahead of UTC, where it says so."""

    second: int
    offset: int | None


def split(text: str) -> tuple[str, str]:
    """Date and clock of a text that has both, or a date alone.

    Raises:
        NotAStamp: It has neither.
    """
    match = _SPLIT.fullmatch(text)
    if match is None:
        raise NotAStamp(text)
    return match[1], match[2] or ""


def read_date(text: str, order: DateOrder) -> date:
    """A date in the declared order or year first, never in another. Raises NotAStamp."""
    match = _ISO.fullmatch(text)
    if match:
        parts = (match[1], match[3], match[4]) if match[1] else (match[5], match[6], match[7])
        return _date(text, *map(int, parts))
    match = _PARTS.fullmatch(text)
    if match and order is not DateOrder.YEAR_FIRST:
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        month, day = (first, second) if order is DateOrder.MONTH_FIRST else (second, first)
        return _date(text, year if year > 99 else 2000 + year, month, day)
    match = _NAMED.fullmatch(text)
    if match and match[2].lower() in _MONTHS:
        return _date(text, int(match[3]), _MONTHS.index(match[2].lower()) + 1, int(match[1]))
    match = _NAMED_FIRST.fullmatch(text)
    if match and match[1].lower() in _MONTHS:
        return _date(text, int(match[3]), _MONTHS.index(match[1].lower()) + 1, int(match[2]))
    raise NotAStamp(text)


def _date(text: str, year: int, month: int, day: int) -> date:
    if not FIRST_YEAR <= year < LAST_YEAR:
        raise NotAStamp(text)
    try:
        return date(year, month, day)
    except ValueError as exc:
        raise NotAStamp(text) from exc


def read_clock(text: str) -> TableClock:
    """A time of day; midnight of an empty text. Raises NotAStamp."""
    if not text:
        return TableClock(0, None)
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise NotAStamp(text)
    hour, minute, second, half = (
        int(match[1]),
        int(match[2] or 0),
        int(match[3] or 0),
        (match[4] or "").lower(),
    )
    if half:
        if not 1 <= hour <= 12:
            raise NotAStamp(text)
        hour = hour % 12 + (12 if half == "p" else 0)
    seconds = hour * _HOUR + minute * 60 + second
    if minute > 59 or second > 59 or seconds > 24 * _HOUR:
        raise NotAStamp(text)
    return TableClock(seconds, _offset(match[5], text))


def _offset(zone: str | None, text: str) -> int | None:
    if zone is None:
        return None
    if zone[0] in "+-":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 14 or minutes > 59:
            raise NotAStamp(text)
        return (hours * _HOUR + minutes * 60) * (-1 if zone[0] == "-" else 1)
    if zone.upper() not in _OFFSETS:
        raise NotAStamp(text)
    return _OFFSETS[zone.upper()] * _HOUR
