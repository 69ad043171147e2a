"""Sets of time ranges: what readings cover. A range is half open; an instant starts where it ends."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from copy import deepcopy

TimeRange = tuple[int, int]
"""Epoch seconds: the first that is covered, and the first after it that is not."""
_MOST_RANGES = 20_000


def merged(ranges: Iterable[TimeRange]) -> list[TimeRange]:
    """Ranges that come in order of their start, those that touch or overlap made one."""
    found: list[TimeRange] = []
    first = last = None
    for start, end in ranges:
        if first is None or last is None:
            first, last = start, end
        elif start <= last:
            last = max(last, end)
        else:
            found.append((first, last))
            first, last = start, end
    if first is not None and last is not None:
        found.append((first, last))
    return found


class TimeRanges:
    """The time that ``ranges``, in any order, and those added later cover.

    Ranges that touch become one, so memory grows with the gaps alone. ``add`` keeps 20,000 ranges at most and
    leaves out further ones.
    """

    def __init__(self, ranges: Iterable[TimeRange] = ()) -> None:
        whole = merged(sorted(ranges))
        self._starts = [start for start, _ in whole]
        self._ends = [end for _, end in whole]

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

    def touches(self, start: int, end: int) -> bool:
        """Whether any of the time is covered; of an instant, whether it is."""
        place = bisect_left(self._starts, end) if end > start else bisect_right(self._starts, start)
        if not place:
            return False
        first, last = self._starts[place - 1], self._ends[place - 1]
        return last > start or first == last == start


class TimeRangesByPeriod:
    """The time that is covered, where what is of different price periods does not overlap."""

    def __init__(self) -> None:
        self._whole = TimeRanges()
        self._periods: dict[str, TimeRanges] = {}

    def add(self, period: str, start: int, end: int) -> bool:
        """Whether some of it was covered already: of that period, or by what is of none (an empty one)."""
        if not period:
            covered = [each.add(start, end) for each in (self._whole, *self._periods.values())]
            return any(covered)
        if period not in self._periods:
            self._periods[period] = deepcopy(self._whole)
        return self._periods[period].add(start, end)
