"""Which time readings cover, kept in bounded memory."""

from __future__ import annotations

from bisect import bisect_right

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
