"""A meter's row on a bill against the meter's intervals, exactly. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from meterfarm.formats.bills.bill_figures import amount, same_amount
from meterfarm.formats.bills.metered import MeteredSeries, MeteredUse
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import BillMeter, CheckVerdict, Direction, HistoryCheck, Measure, Quantity, Series
from meterfarm.support.instants import lasted

_DAY = timedelta(days=1)
_AMOUNTS = (Measure.ENERGY, Measure.VOLUME)


class IntervalChecks:
    """The intervals of an account's meters, against which bills are held."""

    def __init__(
        self,
        series: Iterable[Series],
        clock: LocalTime,
        lag: timedelta,
        *,
        shares_days: bool,
        newest: int | None = None,
    ) -> None:
        """``newest``: when the last reading ends, if ``series`` are not all there are."""
        self._clock, self._lag, self.shares_days = clock, lag, shares_days
        self._by_meter: dict[str, list[MeteredSeries]] = {}
        for meter_id, metered in map(_metered, series):
            if metered is not None:
                self._by_meter.setdefault(meter_id, []).append(metered)
        ends = [one.ends for alike in self._by_meter.values() for one in alike]
        self._settled = (max(ends, default=0) if newest is None else newest) - int(lag.total_seconds())
        """Until when readings are final, as far as it is known."""

    def check(self, meter: BillMeter) -> Iterator[HistoryCheck]:
        """A meter's row on a bill against its intervals."""
        alike = self._by_meter.get(meter.id, [])
        fitting = {one.direction: one for one in alike if one.unit is meter.consumption.unit}
        taken = next((fitting[each] for each in _TAKEN if each in fitting), None)
        if taken is None:
            units = " and ".join(sorted({one.unit for one in alike}))
            why = (
                f"its intervals are in {units}, the bill is in {meter.consumption.unit}"
                if alike
                else "no intervals of it are stored"
            )
            yield _undecided(meter, why)
            return
        start = self._clock.day(meter.billing_period_from).start
        until = meter.billing_period_to + (not self.shares_days) * _DAY
        yield self._held_against(
            meter, taken, fitting.get(Direction.RECEIVED), (start, self._clock.day(until).start)
        )

    def _held_against(
        self, meter: BillMeter, taken: MeteredSeries, given: MeteredSeries | None, time: tuple[int, int]
    ) -> HistoryCheck:
        use = taken.over(*time)
        why = self._why_not(use, taken, *time)
        if why:
            return _undecided(meter, why)
        billed, of = meter.consumption, f"{use.count:,} intervals of {_span(meter)}"
        counted = Quantity(use.mantissa, use.exponent, billed.unit)
        if same_amount(billed, counted):
            what = f"Meter {meter.id}: {amount(billed)}, and its {of} add up to "
            same = (
                "the same"
                if billed.value == counted.value
                else f"{amount(counted)}, the same to its last digit"
            )
            return HistoryCheck("intervals", CheckVerdict.PASSED, f"{what}{same}.", counted)
        net = counted if given is None else _net(use, given.over(*time), billed)
        if given is not None and same_amount(billed, net):
            what = (
                f"Meter {meter.id}: {amount(billed)}, and its {of} add up to the same, less what it fed in."
            )
            return HistoryCheck("intervals", CheckVerdict.PASSED, what, net)
        if time[1] > self._settled:
            return _undecided(meter, f"the newest of its intervals may still change (within {self._lags})")
        if self.shares_days:
            return _undecided(meter, "bills share the day of the read, and at which hour it was is not known")
        return HistoryCheck("intervals", CheckVerdict.FAILED, _differing(meter, counted, of), counted)

    def _why_not(self, use: MeteredUse, taken: MeteredSeries, start: int, end: int) -> str:
        """Why the readings do not allow a verdict; "" if they do."""
        if end <= taken.begins:
            return f"its intervals begin on {self._day(taken.begins)}"
        if taken.begins > start:
            return f"its intervals begin on {self._day(taken.begins)}, within the bill's days"
        if taken.ends < end:
            why = f"its intervals end on {self._day(taken.ends - 1)}"
            return f"{why}; the utility shows them about {self._lags} later" if end > self._settled else why
        if use.gaps:
            lacking = lasted(sum(last - first for first, last in use.gaps))
            where = f"the first on {self._day(use.gaps[0][0])}"
            return f"{lacking} of its intervals are missing, {where}"
        return "an interval lies over midnight, where the bill begins or ends" if use.crosses else ""

    @property
    def _lags(self) -> str:
        return lasted(self._lag.total_seconds())

    def _day(self, instant: int) -> date:
        return self._clock.day_of(instant).date


def _metered(series: Series) -> tuple[str, MeteredSeries | None]:
    """None of one that is no amounts, or empty."""
    is_there = series.measure in _AMOUNTS and series.readings
    return series.meter_id, MeteredSeries(series) if is_there else None


_TAKEN = (Direction.DELIVERED, Direction.UNKNOWN, Direction.NET)


def _net(use: MeteredUse, given: MeteredUse, billed: Quantity) -> Quantity:
    finest = min(use.exponent, given.exponent)
    net = use.mantissa * 10 ** (use.exponent - finest) - given.mantissa * 10 ** (given.exponent - finest)
    return Quantity(net, finest, billed.unit)


def _undecided(meter: BillMeter, why: str) -> HistoryCheck:
    what = f"Meter {meter.id}, {_span(meter)}, is not held against intervals: {why}."
    return HistoryCheck("intervals", CheckVerdict.NO_VERDICT, what)


def _differing(meter: BillMeter, counted: Quantity, of: str) -> str:
    more = counted.value - meter.consumption.value
    decimals = min(counted.exponent, meter.consumption.exponent)
    by = Quantity(int(abs(more).scaleb(-decimals)), decimals, counted.unit)
    return (
        f"Meter {meter.id}: the bill has {amount(meter.consumption)}, and its {of} add up to "
        f"{amount(counted)}, {amount(by)} {'more' if more > 0 else 'less'}."
    )


def _span(meter: BillMeter) -> str:
    return f"{meter.billing_period_from} to {meter.billing_period_to}"
