"""Which time readings cover, kept in bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from copy import deepcopy

_MOST_RANGES = 20_000


class Covered:
    """Which time is covered, as ranges that grow together: so many only where there are as many gaps."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> bool:
        """Whether some of it was covered already."""
        starts, ends = self._starts, self._ends
        if ends and ends[-1] == start:
            ends[-1] = end
            return False
        place = bisect_right(starts, start)
        before = place > 0 and ends[place - 1] >= start
        after = place < len(starts) and starts[place] <= end
        overlaps = (before and ends[place - 1] > start) or (after and starts[place] < end)
        if before and after:
            ends[place - 1] = max(ends[place], end)
            del starts[place], ends[place]
        elif before:
            ends[place - 1] = max(ends[place - 1], end)
        elif after:
            starts[place], ends[place] = start, max(ends[place], end)
        elif len(starts) < _MOST_RANGES:
            starts.insert(place, start)
            ends.insert(place, end)
        return overlaps


class CoveredByPeriod:
    """Which time is covered, where what is of different price periods does not overlap."""

    def __init__(self) -> None:
        self._whole = Covered()
        self._periods: dict[str, Covered] = {}

    def add(self, period: str, start: int, end: int) -> bool:
        """Whether some of it was covered already: of that period, or by what is of none."""
        if not period:
            covered = [each.add(start, end) for each in (self._whole, *self._periods.values())]
            return any(covered)
        if period not in self._periods:
            self._periods[period] = deepcopy(self._whole)
        return self._periods[period].add(start, end)
