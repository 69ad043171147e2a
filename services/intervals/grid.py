"""Readings on a clean grid: quarters, halves and whole hours, and local days, from complete data alone.

A cell of the grid has a value where readings fill it without gap or overlap; it is their sum, or of demand
the largest. Nothing is estimated or split. What a channel has no whole cell of is a gap, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache

from meterfarm.storage.data import DatedReading

MINUTES = (15, 30, 60, 1440)
"""The grids that there are; the last one has local days, of 23 to 25 hours."""
_DAY_MINUTES = 1440


class GapReason(StrEnum):
    """Why there is no value. ``not_on_grid``: readings are longer than a cell, or go over its edge."""

    NO_DATA = "no_data"
    INCOMPLETE = "incomplete"
    NOT_ON_GRID = "not_on_grid"


@dataclass(slots=True)
class Gap:
    """A time without values on the grid, in epoch seconds."""

    start: int
    end: int
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the cells of a grid begin, in a time zone."""

    minutes: int
    zone: tzinfo

    def cell(self, instant: int) -> tuple[int, int]:
        """When the cell of an instant begins and ends."""
        midnight, next_midnight = _day(instant, self.zone)
        if self.minutes == _DAY_MINUTES:
            return midnight, next_midnight
        seconds = 60 * self.minutes
        start = instant - (instant - midnight) % seconds
        return start, min(start + seconds, next_midnight)


@lru_cache(4096)
def _midnights(day: int, zone: tzinfo) -> tuple[int, int]:
    """The first instants of a local day and of the next, the day as an ordinal number."""
    first = datetime.combine(datetime.fromordinal(day), time.min, zone)
    return int(first.timestamp()), int((first + timedelta(days=1)).timestamp())


def _day(instant: int, zone: tzinfo) -> tuple[int, int]:
    return _midnights(datetime.fromtimestamp(instant, zone).toordinal(), zone)


@dataclass(slots=True)
class _GridCell:
    """What is in a cell so far: filled up to ``until``, and whole as long as nothing is missing before."""

    start: int
    end: int
    until: int
    value: int | None = None
    is_whole: bool = True
    is_estimated: bool = False
    seen: int = 0
    updated: int = 0


@dataclass(slots=True)
class OnGrid:
    """The readings of a channel on the grid. ``start`` and ``end`` bound the cells, by when they begin.

    ``takes_largest``: of demand the largest counts, of all else the sum.
    """

    lines: Lines
    start: int
    end: int
    takes_largest: bool
    gaps: list[Gap] = field(default_factory=list)
    _cells: dict[int, _GridCell] = field(default_factory=dict)
    _off: list[tuple[int, int]] = field(default_factory=list)
    _reached: int = 0
    gaps_until: int | None = None
    """Up to where gaps are known; None before the first cell of a channel that begins within the bounds."""

    def add(self, readings: Sequence[DatedReading], until: int) -> Sequence[DatedReading]:
        """Take all readings up to those that begin at ``until``; the cells that are whole by now."""
        cell: _GridCell | None = None
        for reading in readings:
            start, end = reading[0], reading[0] + reading[1]
            self._reached = max(self._reached, end)
            if cell is None or not cell.start <= start < cell.end:
                bounds = self.lines.cell(start)
                cell = self._cells.setdefault(bounds[0], _GridCell(*bounds, bounds[0]))
            if end > cell.end:
                cell.is_whole = False
                self._off.append((cell.start, self.lines.cell(end - 1)[1]))
            elif end > start:
                self._fill(cell, reading)
        return list(self._ended(until))

    def finish(self) -> Sequence[DatedReading]:
        """The last whole cells, once all readings were taken."""
        found = list(self._ended(None))
        end = min(self.end, self._reached)
        if self.gaps_until is not None and self.gaps_until < end:
            self._missing(self.gaps_until, self.lines.cell(end - 1)[1])
        return found

    def _fill(self, cell: _GridCell, reading: DatedReading) -> None:
        start, seconds, mantissa, is_estimated, seen, updated = reading
        if cell.until != start:
            cell.is_whole = False
        cell.until = start + seconds
        if cell.value is None:
            cell.value = mantissa
        else:
            cell.value = max(cell.value, mantissa) if self.takes_largest else cell.value + mantissa
        cell.is_estimated |= bool(is_estimated)
        cell.seen, cell.updated = max(cell.seen, seen), max(cell.updated, updated)

    def _ended(self, until: int | None) -> Iterator[DatedReading]:
        for start in sorted(self._cells):
            cell = self._cells[start]
            if until is not None and cell.end > until:
                break
            del self._cells[start]
            if not self.start <= start < self.end:
                continue
            if self.gaps_until is not None and start > self.gaps_until:
                self._missing(self.gaps_until, start)
            if cell.is_whole and cell.until == cell.end and cell.value is not None:
                yield start, cell.end - start, cell.value, cell.is_estimated, cell.seen, cell.updated
            else:
                off = any(first < cell.end and start < last for first, last in self._off)
                self._gap(start, cell.end, GapReason.NOT_ON_GRID if off else GapReason.INCOMPLETE)
            self.gaps_until = cell.end
            self._off = [each for each in self._off if each[1] > cell.end]

    def _missing(self, start: int, end: int) -> None:
        """No reading begins from ``start`` to ``end``: one may go on there that began before."""
        for first, last in sorted(self._off):
            if first < end and last > start:
                if first > start:
                    self._gap(start, first, GapReason.NO_DATA)
                self._gap(max(start, first), min(last, end), GapReason.NOT_ON_GRID)
                start = min(last, end)
        if start < end:
            self._gap(start, end, GapReason.NO_DATA)

    def _gap(self, start: int, end: int, reason: GapReason) -> None:
        if self.gaps and self.gaps[-1].end == start and self.gaps[-1].reason is reason:
            self.gaps[-1].end = end
        else:
            self.gaps.append(Gap(start, end, reason))
