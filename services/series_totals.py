"""What a file says, added up while it is read: every reading counts, also one that stands there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from meterfarm.formats.batches import period_of
from meterfarm.formats.readings_csv import plain
from meterfarm.formats.time_ranges import TimeRangesByPeriod
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit

_DAY = 86_400
_DAYLIKE = range(_DAY - 7_200, _DAY + 7_201)
"""Local days, also those on which a clock moves."""
_LONGER = -1
_KINDS_OF_LENGTH = 200
_USUAL = 0.9

_Key = tuple[str, Commodity, Measure, Direction, Unit]


@dataclass(slots=True)
class SeriesTally:
    """One series of a file: its readings counted and added up, exactly, and the time they span."""

    meter: str
    commodity: Commodity
    measure: Measure
    direction: Direction
    unit: Unit
    resolution: int
    count: int = 0
    first_start: int = 0
    last_end: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    sums: dict[int, int] = field(default_factory=dict)
    """By decimal exponent."""
    covered: TimeRangesByPeriod = field(default_factory=TimeRangesByPeriod)

    @property
    def total(self) -> str:
        """In plain notation, without zeros at the end of a fraction."""
        finest = min(self.sums, default=0)
        mantissa = sum(part * 10 ** (exponent - finest) for exponent, part in self.sums.items())
        text = plain(mantissa, finest)
        return text.rstrip("0").rstrip(".") if "." in text else text

    @property
    def interval_seconds(self) -> int | None:
        """The usual length of a reading; None if there is none. Local days are as long as most of them."""
        if len(self.lengths) >= _KINDS_OF_LENGTH:
            return None
        length, times = self.lengths.most_common(1)[0]
        if length in _DAYLIKE and all(each in _DAYLIKE for each in self.lengths):
            return _DAY if _DAY in self.lengths else length
        return length if times >= _USUAL * self.count else None

    def overlaps(self, start: int, end: int) -> bool:
        """Whether any of a time, in epoch seconds, lies between the first start and the last end."""
        return start < self.last_end and end > self.first_start

    def add(self, count: int, start: int, end: int, lengths: Counter[int], sums: dict[int, int]) -> None:
        """Count readings and their lengths, with sums of mantissas by exponent."""
        self.first_start = min(self.first_start, start) if self.count else start
        self.last_end = max(self.last_end, end) if self.count else end
        self.count += count
        for exponent, part in sums.items():
            self.sums[exponent] = self.sums.get(exponent, 0) + part
        for length, times in lengths.items():
            if length in self.lengths or len(self.lengths) < _KINDS_OF_LENGTH:
                self.lengths[length] += times

    def cover(self, readings: Sequence[Reading], period: str) -> int | None:
        """Note the time that readings cover; where the first begins that was covered already.

        Instants cover none. Price periods of one interval are parts of it, so those of others do not count.
        """
        twice = None
        begin = end = readings[0][0]
        for start, seconds, *_ in readings:
            if not seconds:
                continue
            if start != end:
                twice = self._covers(period, begin, end) if twice is None else twice
                begin = start
            end = start + seconds
        return self._covers(period, begin, end) if twice is None else twice

    def _covers(self, period: str, begin: int, end: int) -> int | None:
        return begin if end > begin and self.covered.add(period, begin, end) else None

    def take(self, other: SeriesTally) -> None:
        """Go on with what ``other`` has."""
        self.add(other.count, other.first_start, other.last_end, other.lengths, other.sums)


class Tally:
    """The series of a file, in its order.

    Stretches of one meter, measure, direction and unit are one series, but for those of another length that
    span the same time: the same energy at two granularities is two series.
    """

    def __init__(self) -> None:
        self._series: dict[_Key, list[SeriesTally]] = {}
        self.twice: int | None = None
        """Where the first reading begins that an earlier one of its series covers."""

    def add(self, stretch: Series) -> None:
        """Count a stretch."""
        readings = stretch.readings
        if not readings:
            return
        start = min(map(itemgetter(0), readings))
        end = max(reading[0] + reading[1] for reading in readings)
        lengths = Counter(map(itemgetter(1), readings))
        target = self._find(stretch, _resolution(lengths), start, end)
        target.add(len(readings), start, end, lengths, {stretch.exponent: sum(map(itemgetter(2), readings))})
        if end > start and self.twice is None:
            self.twice = target.cover(readings, period_of(stretch))

    def join(self, other: Tally) -> bool:
        """Add the series of another document of the same file.

        What continues a series that is there already is added to it. Readings of the same time stay a series
        of their own, and the result is True.
        """
        twice = False
        for key, found in other._series.items():
            alike = self._series.setdefault(key, [])
            known = list(alike)
            for tally in found:
                over = [each for each in known if each.overlaps(tally.first_start, tally.last_end)]
                continued = [
                    each for each in known if each.resolution == tally.resolution and each not in over
                ]
                twice |= bool(over)
                if continued:
                    continued[0].take(tally)
                else:
                    alike.append(tally)
        return twice

    @property
    def series(self) -> Sequence[SeriesTally]:
        """All series, in the order of the file."""
        return [tally for alike in self._series.values() for tally in alike]

    def _find(self, stretch: Series, resolution: int, start: int, end: int) -> SeriesTally:
        key = (stretch.meter_id, stretch.commodity, stretch.measure, stretch.direction, stretch.unit)
        alike = self._series.setdefault(key, [])
        for tally in alike:
            if tally.resolution == resolution:
                return tally
        for tally in alike:
            if not tally.overlaps(start, end):
                return tally
        alike.append(SeriesTally(*key, resolution))
        return alike[-1]


def _resolution(lengths: Counter[int]) -> int:
    """The commonest length of a stretch; days are alike however long, and so is all that is longer."""
    length = lengths.most_common(1)[0][0]
    if length in _DAYLIKE:
        return _DAY
    return length if length < _DAY else _LONGER
