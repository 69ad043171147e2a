"""Dates as bills print them, in five languages, and the order of their parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

_MONTHS = {
    1: "january jan enero ene janvier janv januar jan jaenner jaen gennaio gen",
    2: "february feb febrero fevrier fevr fev februar febbraio",
    3: "march mar marzo mars maerz marz mrz",
    4: "april apr abril abr avril avr aprile",
    5: "may mayo mai maggio mag",
    6: "june jun junio juin juni giugno giu",
    7: "july jul julio juillet juil juli luglio lug",
    8: "august aug agosto ago aout aou",
    9: "september sep sept septiembre set septembre settembre",
    10: "october oct octubre octobre oktober okt ottobre ott",
    11: "november nov noviembre novembre",
    12: "december dec diciembre dic decembre dezember dez dicembre",
}
_MONTH_OF = {name: number for number, names in _MONTHS.items() for name in names.split()}
_NAME = "(?P<month>" + "|".join(sorted(_MONTH_OF, key=len, reverse=True)) + r")(?![a-z])\.?"
_NO_YEAR = r"(?![\d:]|[.,]\d|\s?(?:days?|jours?|dias?|tage?|giorni|[km]?wh|kw|therms?|ccf|gj|m3)\b)"
"""What follows two figures that are a count, and no year."""
_ANY_YEAR = r"(?P<year>(?:19|20)\d\d|\d\d(?![\d:]))"
_YEAR = rf"(?P<year>(?:19|20)\d\d|\d\d{_NO_YEAR})"
_FULL = r"(?P<year>(?:19|20)\d\d)(?!\d)"
_PATTERNS = (
    (re.compile(rf"(?<!\d){_FULL}-(?P<mon>\d\d)-(?P<day>\d\d)(?!\d)"), True),
    (
        re.compile(rf"(?<![a-z]){_NAME}\s?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s?[,/]\s?'?|\s?'){_YEAR}"),
        True,
    ),
    (re.compile(rf"(?<![a-z]){_NAME}\s?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s{{1,2}}{_FULL}"), True),
    (
        re.compile(
            rf"(?<![\d/.,])(?P<day>\d{{1,2}})(?:er|\.|º|°|st|nd|rd|th)?[\s-]?(?:de\s|of\s)?{_NAME}"
            rf"[\s,-]{{0,2}}(?:de[l]?\s)?{_YEAR}"
        ),
        True,
    ),
    (re.compile(rf"{_FULL}\s{_NAME}\s(?P<day>\d{{1,2}})(?!\d)"), True),
    (
        re.compile(rf"(?<![\d/.])(?P<a>\d{{1,2}})(?P<sep>[/.-])(?P<b>\d{{1,2}})(?P=sep){_ANY_YEAR}(?![\d/])"),
        True,
    ),
    (
        re.compile(rf"(?<![a-z]){_NAME}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?!\s?[,/]?\s?\d{{4}})"),
        False,
    ),
    (re.compile(r"(?<![\d/.,$-])(?P<a>\d{1,2})(?P<sep>/)(?P<b>\d{1,2})(?![\d/.])"), False),
)


class FoundDate(NamedTuple):
    """A date in a text: ``year`` 0 where it has none; ``first`` and ``second`` in the order as printed.

    ``month`` is 0 of one in figures alone, of which ``DateStyle`` knows the order.
    """

    year: int
    month: int
    day: int
    first: int
    second: int
    start: int
    end: int


def dates_in(text: str) -> list[FoundDate]:
    """The dates of a text without accents and capitals (``labels.plain``), in its order."""
    if not any(map(str.isdigit, text)):
        return []
    found: list[FoundDate] = []
    taken: list[tuple[int, int]] = []
    for pattern, has_year in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if any(start < other_end and end > other for other, other_end in taken):
                continue
            one = _found(match, has_year=has_year)
            if one is not None:
                found.append(one)
                taken.append((start, end))
    return sorted(found, key=lambda each: each.start)


def _found(match: re.Match[str], *, has_year: bool) -> FoundDate | None:
    groups = match.groupdict()
    year = _year(groups["year"]) if has_year else 0
    if groups.get("month"):
        return FoundDate(year, _MONTH_OF[groups["month"]], int(groups["day"]), 0, 0, *match.span())
    if groups.get("mon"):
        return FoundDate(year, int(groups["mon"]), int(groups["day"]), 0, 0, *match.span())
    first, second = int(groups["a"]), int(groups["b"])
    if not (1 <= first <= 31 and 1 <= second <= 31):
        return None
    return FoundDate(year, 0, 0, first, second, *match.span())


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


class DateStyle:
    """The order of a bill's dates in figures. None: it could not be found out, and they are not read."""

    def __init__(self, *, day_first: bool | None) -> None:
        self.day_first = day_first

    def date(self, found: FoundDate, near: date | None = None) -> date | None:
        """The day it is; one without a year is the one nearest to ``near``, if that is given."""
        month, day = found.month, found.day
        if not month:
            first, second = found.first, found.second
            day_first = self.day_first
            if first > 12 or second > 12:
                day_first = first > 12
            if day_first is None and first != second:
                return None
            day, month = (first, second) if day_first else (second, first)
        if found.year:
            return _day(found.year, month, day)
        if near is None:
            return None
        near_by = [_day(year, month, day) for year in (near.year - 1, near.year, near.year + 1)]
        closest = min((each for each in near_by if each), key=lambda each: abs(each - near), default=None)
        return closest if closest is not None and abs(closest - near).days < 150 else None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1990 <= year <= 2099 else None
    except ValueError:
        return None


def day_first_by(dates: Iterable[Sequence[FoundDate]]) -> bool | None:
    """The order that dates of a bill prove, having a day above 12; None if they prove none, or both."""
    votes = {True: 0, False: 0}
    for line in dates:
        for found in line:
            if not found.month and found.year and max(found.first, found.second) > 12:
                votes[found.first > 12] += 1
    if votes[True] and votes[False]:
        return None if min(votes.values()) * 5 > max(votes.values()) else votes[True] > votes[False]
    return votes[True] > 0 if any(votes.values()) else None
