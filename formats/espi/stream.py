"""One meter reading of a Green Button file: what it is of, and its readings turned into what records hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import compress
from operator import gt

from meterfarm.formats.batches import ReadingBatch
from meterfarm.formats.espi.days import LONG, Clock, Days, LocalShift
from meterfarm.formats.espi.days import doubt as days_doubt
from meterfarm.formats.espi.declared import Sum
from meterfarm.formats.espi.reading import Oddities
from meterfarm.formats.espi.resources import Edge
from meterfarm.formats.espi.run_columns import RunColumns
from meterfarm.formats.espi.units import COST_EXPONENT, ReadingKind, shown
from meterfarm.records import Direction, Issue, Measure, Severity, Unit

_FLOWS = (Direction.DELIVERED, Direction.RECEIVED)
_ONE_WAY = (Measure.ENERGY, Measure.VOLUME, Measure.DEMAND)
_ADDING_UP = (Measure.ENERGY, Measure.VOLUME, Measure.COST)
_MOST_DOUBTS = 5
_Amounts = Sequence[int | Decimal]


@dataclass(slots=True)
class Stream:
    """The readings that share a usage point, a meter reading and a reading type.

    ``length``, ``estimated`` and ``period`` are the type's, for readings that do not say. ``exponent`` is the
    one that the series had by the words of our own writer.
    """

    meter_id: str
    kind: ReadingKind
    length: int = 0
    estimated: bool = False
    period: str = ""
    exponent: int | None = None
    oddities: Oddities = field(default_factory=Oddities)
    by_order: bool = False
    clock: Clock | None = None
    days: Days = field(default_factory=Days)
    shift: LocalShift | None = None
    sums: list[Sum] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """Sentences about how its readings were tied to it."""
    _unpriced: bool = False
    _fractional_costs: bool = False
    _as_long: bool = False
    _another_length: int = 0
    _momentary: int = 0
    _below_zero: int = 0
    _fell: tuple[int, int] | None = None
    _last: int | None = None

    def batches(self, columns: RunColumns) -> Iterator[ReadingBatch]:
        """The readings' amounts; and what they cost, if they say so."""
        if min(columns.seconds, default=1) <= 0:
            columns = self._with_lengths(columns)
        if self.length and not self._as_long:
            self._compare_lengths(set(columns.seconds))
        self.days.readings(columns)
        if self.shift:
            columns = self.shift(columns)
        kind = self.kind
        for of_period in self._periods(columns):
            yield from self._batch(of_period, of_period.values, kind.measure, kind.unit, kind.exponent)
            if of_period.costs is None:
                continue
            for costs in self._batch(of_period, of_period.costs, Measure.COST, kind.currency, COST_EXPONENT):
                self._unpriced |= kind.currency is Unit.UNKNOWN
                self._fractional_costs |= costs.exponent != COST_EXPONENT
                yield costs

    def _compare_lengths(self, seconds: set[int]) -> None:
        """What is of days differs, by price periods too; only what is shorter is held against the type."""
        shorter = {each for each in seconds if 0 < each < LONG and self.length < LONG}
        self._as_long = self.length in seconds
        self._another_length = self._another_length or min(shorter, default=0)

    def _is_one_way(self, measure: Measure) -> bool:
        """Whether values below zero contradict it. What our own writer wrote was doubted when it was read."""
        return measure in _ONE_WAY and self.kind.direction in _FLOWS and self.exponent is None

    @property
    def is_local(self) -> bool:
        """Whether its times look like those of a local clock written as UTC; our own writer's are not."""
        told_apart = self.clock is not None and not self.clock.midnight_is_utc and self.exponent is None
        return told_apart and self.days.begin_in_utc

    def seen(self, edges: Sequence[Edge]) -> None:
        """Take note of interval blocks."""
        for first, last, seconds in edges:
            self.days.block(first, last, seconds if seconds >= 0 else self.length)

    def _periods(self, columns: RunColumns) -> Iterator[RunColumns]:
        """The readings of each price period apart: of one interval they are parts, where amounts add up."""
        if columns.periods is None or self.kind.measure not in _ADDING_UP:
            yield columns._replace(periods=None)
            return
        for period in dict.fromkeys(columns.periods):
            yield _picked(columns, [each == period for each in columns.periods])

    def _with_lengths(self, columns: RunColumns) -> RunColumns:
        """Readings that state no length have the type's; registers are instants then, and others may be.

        Amounts of 0 s have the type's length too, and amounts without either are left out.
        """
        length = 0 if self.kind.measure is Measure.REGISTER else self.length
        if self.kind.measure not in _ADDING_UP:
            return columns._replace(seconds=[length if each < 0 else each for each in columns.seconds])
        if length:
            self._momentary += columns.seconds.count(0)
            return columns._replace(seconds=[each if each > 0 else length for each in columns.seconds])
        long_enough = [each > 0 for each in columns.seconds]
        self.oddities.unreadable += long_enough.count(False)
        return _picked(columns, long_enough)

    def _batch(
        self,
        columns: RunColumns,
        column: Sequence[int | Decimal | None],
        measure: Measure,
        unit: Unit,
        exponent: int,
    ) -> Iterator[ReadingBatch]:
        """Of one column of amounts, where it has any."""
        if None in column:
            columns = _picked(columns, [each is not None for each in column])
        amounts = [each for each in column if each is not None] if None in column else column
        if not amounts:
            return
        mantissas, exponent = _whole(amounts, exponent)  # type: ignore[arg-type]  # there is no None in it
        if self.exponent is not None and measure is self.kind.measure:
            mantissas, exponent = _with_exponent(mantissas, exponent, self.exponent)
        if self.sums and measure is self.kind.measure and measure in (Measure.ENERGY, Measure.VOLUME):
            for each in self.sums:
                each.add(columns.starts, columns.seconds, mantissas, exponent)
        if measure is Measure.REGISTER:
            self._watch(mantissas)
        elif self._is_one_way(measure) and min(mantissas) < 0:
            self._below_zero += sum(each < 0 for each in mantissas)
        estimated = (
            [self.estimated if each is None else each for each in columns.estimated]
            if columns.estimated
            else [self.estimated] * len(mantissas)
        )
        kind, times = self.kind, (columns.starts, columns.seconds)
        yield ReadingBatch(
            self.meter_id,
            kind.commodity,
            kind.direction,
            unit,
            exponent,
            measure,
            *times,
            mantissas,
            estimated,
            self._period(columns),
        )

    def _period(self, columns: RunColumns) -> str:
        own = columns.periods[0] if columns.periods else ""
        return own or (self.period if self.kind.measure in _ADDING_UP else "")

    def _watch(self, mantissas: Sequence[int]) -> None:
        """A register does not go down."""
        before = (mantissas[0] if self._last is None else self._last, *mantissas)
        if self.kind.direction is Direction.NET:
            return
        if self._fell is None and any(map(gt, before, mantissas)):
            self._fell = next(both for both in zip(before, mantissas, strict=False) if gt(*both))
        self._last = mantissas[-1]

    def issues(self) -> Iterator[Issue]:
        """Issues with its readings, once all were read."""
        where = f"meter {shown(self.meter_id)}"
        odd = self.oddities
        yield from (Issue(where, f"The readings are doubtful: {each}.") for each in self.kind.doubts)
        if self.clock and self.shift:
            yield from self.shift.issues(self.clock, where)
        elif self.clock and self.is_local:
            yield days_doubt(self.clock, where)
        yield from (Issue(where, each) for each in self.doubts[:_MOST_DOUBTS])
        if self.by_order:
            yield Issue(where, "Links lead nowhere: the reading type was chosen by order in the file.")
        if odd.unreadable:
            lost = "Readings without a usable start, length or value were left out"
            yield Issue(where, f"{lost}: {odd.unreadable}.")
        if odd.blank:
            yield Issue(where, f"Readings without a value: {odd.blank}.", Severity.NOTE)
        if odd.fractional:
            cut = f"Start times with fractions of a second, cut to whole seconds: {odd.fractional}."
            yield Issue(where, cut, Severity.NOTE)
        if odd.qualities:
            codes = ", ".join(map(shown, sorted(odd.qualities)[:5]))
            yield Issue(where, f"Unknown quality codes, which were ignored: {codes}.", Severity.NOTE)
        if self._unpriced:
            yield Issue(where, "The file does not state the currency of the costs.")
        if self._fractional_costs:
            yield Issue(
                where,
                "Costs have decimals: read as hundred-thousandths of the currency, as ESPI defines them.",
            )
        if self._another_length and not self._as_long and self.kind.measure in _ADDING_UP:
            what = f"The reading type's intervalLength is {self.length} s, but no reading is that long ("
            own = f"{self._another_length} s or others): each reading's own duration was used."
            yield Issue(where, what + own, Severity.NOTE)
        if self._momentary:
            what = f"Amounts of 0 s, read with the intervalLength of the reading type ({self.length} s)"
            yield Issue(where, f"{what}: {self._momentary}.")
        if self._below_zero:
            what = f"Values below zero, although their flow direction is {self.kind.direction}"
            yield Issue(where, f"{what}: {self._below_zero}.")
        if self._fell:
            high, low = self._fell
            yield Issue(where, f"Register readings go down, from {high} to {low}.")


def _picked(columns: RunColumns, chosen: Sequence[bool]) -> RunColumns:
    return RunColumns(
        list(compress(columns.starts, chosen)),
        list(compress(columns.seconds, chosen)),
        list(compress(columns.values, chosen)),
        list(compress(columns.costs, chosen)) if columns.costs else None,
        list(compress(columns.estimated, chosen)) if columns.estimated else None,
        list(compress(columns.periods, chosen)) if columns.periods else None,
    )


def _whole(amounts: _Amounts, exponent: int) -> tuple[Sequence[int], int]:
    """All as whole multiples of the smallest power of ten that one of them needs."""
    if set(map(type, amounts)) == {int}:
        return amounts, exponent  # type: ignore[return-value]  # all are int
    exponents = (each.as_tuple().exponent for each in amounts if isinstance(each, Decimal))
    decimals = -min(map(int, exponents))
    scale = 10**decimals
    return [int(each * scale) for each in amounts], exponent - decimals


def _with_exponent(mantissas: Sequence[int], exponent: int, wanted: int) -> tuple[Sequence[int], int]:
    """The same amounts with another exponent, if it can express them."""
    if not -30 <= wanted <= 30:
        return mantissas, exponent
    if wanted <= exponent:
        scale = 10 ** (exponent - wanted)
        return [each * scale for each in mantissas] if scale > 1 else mantissas, wanted
    scale = 10 ** (wanted - exponent)
    if any(each % scale for each in mantissas):
        return mantissas, exponent
    return [each // scale for each in mantissas], wanted
