"""What a meter's intervals add up to over any time, exactly, and where they have gaps. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter

from meterfarm.formats.time_ranges import TimeRange, merged
from meterfarm.records import Direction, Series, Unit


@dataclass(frozen=True, slots=True)
class MeteredUse:
    """The sum of the readings in a time: ``mantissa * 10**exponent``, of ``count`` readings.

    ``gaps`` are the times in it that no reading covers. ``crosses``: a reading lies over its begin or end.
    """

    mantissa: int
    exponent: int
    count: int
    gaps: Sequence[TimeRange]
    crosses: bool


class MeteredSeries:
    """A series of amounts, energy or volume, ready to be added up; times are epoch seconds, ends excluded.

    It takes 24 bytes a reading.
    """

    def __init__(self, series: Series) -> None:
        readings = series.readings
        self.direction: Direction = series.direction
        self.unit: Unit = series.unit
        self.exponent: int = series.exponent
        self._starts = array("q", map(itemgetter(0), readings))
        self._ends = array("q", (reading[0] + reading[1] for reading in readings))
        self._sums = _packed(accumulate(map(itemgetter(2), readings), initial=0))
        self._covered = merged(zip(self._starts, self._ends, strict=True))

    @property
    def begins(self) -> int:
        """When the first reading begins."""
        return self._covered[0][0]

    @property
    def ends(self) -> int:
        """When the last reading ends."""
        return self._covered[-1][1]

    def over(self, start: int, end: int) -> MeteredUse:
        """What the readings that begin from ``start`` on and before ``end`` add up to."""
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        crosses = (first > 0 and self._ends[first - 1] > start) or (
            last > first and self._ends[last - 1] > end
        )
        mantissa = self._sums[last] - self._sums[first]
        return MeteredUse(mantissa, self.exponent, last - first, self._gaps(start, end), crosses)

    def _gaps(self, start: int, end: int) -> Sequence[TimeRange]:
        place = bisect_left(self._covered, start, key=itemgetter(1))
        gaps, at = [], start
        for begin, finish in self._covered[place:]:
            if begin >= end:
                break
            if begin > at:
                gaps.append((at, begin))
            at = max(at, finish)
        return [*gaps, (at, end)] if at < end else gaps


def _packed(sums: Iterable[int]) -> Sequence[int]:
    """As an array, unless figures are larger than any meter's."""
    every = list(sums)
    try:
        return array("q", every)
    except OverflowError:
        return every
