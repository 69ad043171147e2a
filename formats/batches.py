"""A part of a series as columns, which is how readers get readings and how most of them are used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit

_MAKE: Callable[[tuple[int, int, int, bool]], Reading] = partial(tuple.__new__, Reading)


@dataclass(frozen=True, slots=True)
class PeriodSeries(Series):
    """Readings of one price period, from a file that tells an interval's periods apart: they add up."""

    period: str = ""


def of_period(series: Series, period: str) -> PeriodSeries:
    return PeriodSeries(
        series.meter_id,
        series.commodity,
        series.direction,
        series.unit,
        series.exponent,
        series.readings,
        series.measure,
        period,
    )


def period_of(series: Series) -> str:
    """Empty if it is of none, or of all."""
    return series.period if isinstance(series, PeriodSeries) else ""


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings of one series in the file's order; the columns are as long as each other."""

    meter_id: str
    commodity: Commodity
    direction: Direction
    unit: Unit
    exponent: int
    measure: Measure
    starts: Sequence[int]
    seconds: Sequence[int]
    mantissas: Sequence[int]
    estimated: Sequence[bool]
    period: str = ""

    def series(self) -> Series:
        rows = zip(self.starts, self.seconds, self.mantissas, self.estimated, strict=True)
        readings = tuple(map(_MAKE, rows))
        series = Series(
            self.meter_id, self.commodity, self.direction, self.unit, self.exponent, readings, self.measure
        )
        return of_period(series, self.period) if self.period else series
