"""Days and months of interval data: which are missing, and in which exports to ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter

_DAY = timedelta(days=1)


def days(first: date, last: date) -> Iterator[date]:
    """Every day from ``first`` to ``last``, both included."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(ordinal)


def spans(missing: Iterable[date], longest: int) -> Iterator[tuple[date, date]]:
    """Runs of consecutive days, both ends included, none longer than ``longest`` days."""
    first: date | None = None
    last: date | None = None
    for day in sorted(missing):
        if first is None or last is None:
            first = last = day
        elif day - last == _DAY and (day - first).days < longest:
            last = day
        else:
            yield first, last
            first = last = day
    if first is not None and last is not None:
        yield first, last


def by_month(wanted: Iterable[date]) -> Iterator[tuple[str, Set[date]]]:
    """Days grouped by month, ``2026-10`` first to last."""
    for (year, month), group in groupby(sorted(wanted), key=attrgetter("year", "month")):
        yield f"{year}-{month:02}", frozenset(group)
