"""One channel of a table: its values gathered into batches, the passes of repeated hours separated."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import DAY, LocalTime
from meterfarm.formats.tables.cells import Number
from meterfarm.formats.tables.layout import What
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.formats.tables.times import When
from meterfarm.formats.time_ranges import TimeRanges
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit

SHORTEST_DAY = DAY - 3600
_FLOWS = (Direction.DELIVERED, Direction.RECEIVED)
_MOST_HELD = 1_000
_NEAR = 3 * 3600
_NEAR_ROWS = 60
_SHORTEST_MONTH = 28 * DAY - 3600
_UNUSUAL_STEPS = (7200, 10_800, 14_400, 21_600, 28_800, 43_200)
_STEPS = (60, 300, 360, 600, 900, 1200, 1800, 3600, *_UNUSUAL_STEPS)


_START = attrgetter("start")


class _Row(NamedTuple):
    at: int
    seconds: int
    number: Number
    estimated: bool


class _Held(NamedTuple):
    line: int
    when: When
    number: Number
    estimated: bool


class Channel:
    """Values of one series: ``add`` them in the file's order, ``take`` a batch of them now and then."""

    def __init__(
        self, meter_id: str, what: What, remarks: Remarks, covered: TimeRanges, *, is_end: bool
    ) -> None:
        """``covered`` is of the series, which other channels may be of too."""
        self.meter_id = f"{meter_id}/{what.register}" if what.register else meter_id
        self.what = what
        self._remarks = remarks
        self._is_end = is_end
        self._instant = bool(what.instant)
        self._held: list[_Held] = []
        self._step = 0
        self._covered = covered
        self._last = 0
        self.rows: list[_Row] = []
        self.length = 0
        self.count = self.decimals = 0
        self._taken = Decimal()
        self.first = self.last = 0
        self._zeros: dict[int, int] = {}
        """Places in ``rows`` of zeros at times that the clock never showed, by the moment they stand for."""

    def add(self, line: int, when: When, number: Number, estimated: bool) -> None:
        """Add a value. Raises FormatError where a repeated hour has too many."""
        if number.mantissa < 0 and self.what.direction in _FLOWS and self.what.measure is Measure.ENERGY:
            self._remarks.negative(line, number)
        if number.doubtful:
            self._remarks.thousands(line)
        if self._held and (not when.second or abs(when.at - self._held[-1].when.at) > _NEAR):
            self._release(when.at)
        if when.second:
            self._hold(_Held(line, when, number, estimated))
            return
        if when.gap:
            if not number.mantissa and any(row.at == when.at for row in self.rows[-_NEAR_ROWS:]):
                self._remarks.phantom(line)
                return
            self._remarks.gap(line)
            if not number.mantissa:
                self._zeros = {at: place for at, place in self._zeros.items() if abs(at - when.at) <= _NEAR}
                self._zeros[when.at] = len(self.rows)
        elif self._zeros and when.at in self._zeros:
            self._remarks.phantom(line)
            place = self._zeros.pop(when.at)
            del self.rows[place]
            self._zeros = {at: other - (other > place) for at, other in self._zeros.items()}
        self.rows.append(_Row(when.at, when.seconds, number, estimated))
        self._last = when.at

    @property
    def total(self) -> Decimal:
        """The sum of all that was added, in the unit of the table."""
        waiting = [row.number for row in self.rows] + [row.number for row in self._held]
        return sum((Decimal(each.mantissa).scaleb(-each.decimals) for each in waiting), self._taken)

    def _hold(self, held: _Held) -> None:
        if len(self._held) >= _MOST_HELD:
            raise FormatError(
                f"Line {held.line} of the file is invalid: "
                f"a repeated hour has more than {_MOST_HELD} values; download it again."
            )
        self._held.append(held)

    def _release(self, following: int) -> None:
        """Separate the passes of a repeated hour, by the order of their rows."""
        held, self._held = self._held, []
        first = held[0].when.at
        backwards = self._last > first if self._last else 0 < following < first
        ordered = held[::-1] if backwards else held
        instants = self._passes(ordered)
        rows = [
            _Row(at, each.when.seconds, each.number, each.estimated)
            for each, at in zip(ordered, instants, strict=True)
        ]
        self.rows += rows[::-1] if backwards else rows
        self._last = self.rows[-1].at

    def _passes(self, held: Sequence[_Held]) -> Sequence[int]:
        clocks = [each.when.at for each in held]
        if len(set(clocks)) == len(clocks) and clocks == sorted(clocks):
            self._remarks.once(held[0].line)
            return clocks
        if any(one == other for one, other in pairwise(clocks)):
            return self._side_by_side(held)
        instants = []
        second = False
        for place, each in enumerate(held):
            if place and clocks[place] <= clocks[place - 1]:
                if second:
                    self._remarks.passes(each.line)
                second = True
            instants.append(each.when.second if second else each.when.at)
        return instants

    def _side_by_side(self, held: Sequence[_Held]) -> Sequence[int]:
        """Rows of the same clock follow each other: first pass, then second."""
        instants: list[int] = []
        seen: set[int] = set()
        for each in held:
            instants.append(each.when.second if each.when.at in seen else each.when.at)
            seen.add(each.when.at)
        if len(held) != 2 * len(seen):
            self._remarks.passes(held[0].line)
        return instants

    def take(self, local: LocalTime | None, *, final: bool = False) -> Series | None:
        """What was added since, as a batch."""
        if final and self._held:
            self._release(0)
        if not self.rows:
            return None
        rows, self.rows = self.rows, self._kept_back(final=final)
        del rows[len(rows) - len(self.rows) :]
        if not rows:
            return None
        decimals = max(row.number.decimals for row in rows)
        scale = [10 ** (decimals - each) for each in range(decimals + 1)]
        readings = []
        added = 0
        exponent = (self.what.power or 0) - decimals
        if self._instant:
            rows = [row._replace(at=row.at + row.seconds * self._is_end, seconds=0) for row in rows]
        elif any(not row.seconds for row in rows):
            rows = self._measured(rows, local)
        mean = self.what.mean
        if mean:
            exponent -= 3
        self._look_apart(rows)
        add = self._covered.add
        for at, seconds, (mantissa, places, _), estimated in rows:
            value = mantissa * scale[places]
            added += value
            if mean:
                value = value * seconds * 5 // 18  # a kW over so many seconds, in Wh; see mean_divides
            if not self._instant and add(at, at + seconds):
                self._remarks.twice(at)
            readings.append(Reading(at, seconds, value, estimated))
        self._count(readings, Decimal(added).scaleb(-decimals), decimals)
        what = self.what
        return Series(
            self.meter_id,
            what.commodity or Commodity.OTHER,
            what.direction or Direction.UNKNOWN,
            what.unit or Unit.UNKNOWN,
            exponent,
            tuple(readings),
            what.measure or Measure.OTHER,
        )

    def _count(self, readings: Sequence[Reading], added: Decimal, decimals: int) -> None:
        """Take note of a batch; instants are seconds since 1970."""
        self._taken += added
        self.decimals = max(self.decimals, decimals)
        first, last = min(map(_START, readings)), max(each.start + each.seconds for each in readings)
        self.first = min(self.first, first) if self.count else first
        self.last = max(self.last, last)
        self.count += len(readings)

    def _kept_back(self, *, final: bool) -> list[_Row]:
        """The last rows, from a zero on that the next ones may have the value of."""
        first = min(self._zeros.values(), default=len(self.rows))
        if final or len(self.rows) - first > _NEAR_ROWS:
            first = len(self.rows)
        self._zeros = {at: place - first for at, place in self._zeros.items() if place >= first}
        return self.rows[first:]

    def _measured(self, rows: Sequence[_Row], local: LocalTime | None) -> list[_Row]:
        """Rows that don't say how long they last, with the length of the steps between them."""
        starts = sorted({row.at for row in rows})
        step = min((other - one for one, other in pairwise(starts)), default=self._step)
        if self._step and step < self._step:
            raise FormatError(
                "The file states no interval length, and the steps between its rows get shorter: "
                "export a form that has start and end."
            )
        self._step = self._step or step
        if self._step in _UNUSUAL_STEPS:
            self._remarks.steps()
        if self._step in _STEPS:
            return [self._from(row, self._step) for row in rows]
        if local and SHORTEST_DAY <= self._step <= DAY + 3600:
            return [self._from(row, local.day_of(row.at - self._is_end).seconds) for row in rows]
        if local and not self._is_end and self._step >= _SHORTEST_MONTH and _begin_months(starts, local):
            return [self._from(row, local.month_seconds(row.at)) for row in rows]
        raise FormatError(
            "The file states no interval length, and the steps between its rows do not show it: "
            "export more rows, or a form that has start and end."
        )

    def _look_apart(self, rows: Sequence[_Row]) -> None:
        """Days that stand a month apart are perhaps months, or dates read in the wrong order."""
        starts = sorted({row.at for row in rows})
        if len(starts) < 2 or not rows[0].seconds or rows[0].seconds > 2 * DAY:
            return
        breaks = [other - one for one, other in pairwise(starts) if other - one > DAY // 2]
        daily = rows[0].seconds >= SHORTEST_DAY
        whole = daily or len(starts) * rows[0].seconds <= (len(breaks) + 1) * (DAY + 3600)
        if breaks and whole and min(breaks) >= _SHORTEST_MONTH - DAY:
            self._remarks.apart()

    def _from(self, row: _Row, seconds: int) -> _Row:
        return row._replace(at=row.at - seconds if self._is_end else row.at, seconds=seconds)


def _begin_months(starts: Sequence[int], local: LocalTime) -> bool:
    days = [local.day_of(start) for start in starts]
    return all(
        day.date.day == 1 and day.start == start for day, start in zip(days, starts, strict=True)
    ) and any(one.date.month % 12 + 1 == other.date.month for one, other in pairwise(days))


def mean_divides(seconds: int) -> bool:
    """Whether a mean power over so many seconds is a decimal number of Wh whatever it is."""
    return seconds % 18 == 0
