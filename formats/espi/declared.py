"""What a file declares of its usage points beside readings: their clock, and totals of billing periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from meterfarm.formats.espi.days import Clock, clock_of
from meterfarm.formats.espi.links import LinkIndex
from meterfarm.formats.espi.reading import LENGTH_LIMIT, START_LIMIT
from meterfarm.formats.espi.resources import Fact, UsagePoint
from meterfarm.formats.espi.units import UNITS, ReadingKind, shown
from meterfarm.records import Direction, Issue, Measure, Unit

_CLOCK = "LocalTimeParameters"
_MOST_TOTALS = 100


class Declarations:
    """The clocks and billing period totals of a file's usage points."""

    def __init__(self, facts: Sequence[Fact], points: LinkIndex[UsagePoint]) -> None:
        self._clocks: list[tuple[Fact, Clock]] = []
        self._totals: dict[int, list[Total]] = {}
        self._sums: dict[tuple[str, Total], list[tuple[Direction, Sum]]] = {}
        alone = next(iter(points), None) if len(list(points)) == 1 else None
        for fact in facts:
            clock = clock_of(fact.elements.get(_CLOCK, {})) if fact.name == _CLOCK else None
            total = total_of(fact.elements) if fact.name != _CLOCK else None
            if clock:
                self._clocks.append((fact, clock))
            if total:
                found = points.find(fact.links).resources
                point = found[0] if len(found) == 1 else alone
                totals = self._totals.setdefault(id(point), []) if point else []
                if total not in totals and len(totals) < _MOST_TOTALS:
                    totals.append(total)

    def clock(self, point: UsagePoint) -> Clock | None:
        """The one it has a link to, or the only one that there is."""
        for fact, clock in self._clocks:
            if any(fact.links.own.may_be(link) for link in point.links.related if link.path):
                return clock
        clocks = {clock for _, clock in self._clocks}
        return clocks.pop() if len(clocks) == 1 else None

    def sums(self, point: UsagePoint, meter_id: str, kind: ReadingKind) -> list[Sum]:
        """What a stream's readings are to be added up to."""
        if kind.measure not in (Measure.ENERGY, Measure.VOLUME):
            return []
        sums = [Sum(total) for total in self._totals.get(id(point), ()) if total.unit is kind.unit]
        for each in sums:
            self._sums.setdefault((meter_id, each.total), []).append((kind.direction, each))
        return sums

    def contradictions(self) -> Iterator[Issue]:
        """Totals that the readings do not add up to."""
        for (meter_id, total), sums in self._sums.items():
            issue = contradiction(total, sums, f"meter {shown(meter_id)}")
            if issue:
                yield issue


_LONGEST_NUMBER = 18
_MULTIPLIERS = range(-12, 13)


@dataclass(frozen=True, slots=True)
class Total:
    """What was used, by the file's own words, from ``start`` to ``end``, to ``step`` exactly."""

    start: int
    end: int
    amount: Decimal
    step: Decimal
    unit: Unit


def total_of(elements: Mapping[str, Mapping[str, str]]) -> Total | None:
    """By a summary's elements; None if it has no period, no total, or one that makes no sense."""
    period, overall = elements.get("billingPeriod", {}), elements.get("overallConsumptionLastPeriod", {})
    texts = [period.get("start", ""), period.get("duration", ""), overall.get("value", "")]
    texts.append(overall.get("powerOfTenMultiplier") or "0")
    try:
        start, seconds, value, multiplier = (int(each[:_LONGEST_NUMBER]) for each in texts)
    except ValueError:
        return None
    unit = UNITS.get(overall.get("uom", ""))
    sound = 0 <= start < START_LIMIT and 0 < seconds <= LENGTH_LIMIT and multiplier in _MULTIPLIERS
    if unit is None or not sound:
        return None
    return Total(
        start, start + seconds, Decimal(value).scaleb(multiplier), Decimal(1).scaleb(multiplier), unit
    )


@dataclass(slots=True)
class Sum:
    """The readings of one stream within a total's time."""

    total: Total
    amount: Decimal = field(default_factory=Decimal)
    covered: int = 0
    rounding: Decimal = field(default_factory=Decimal)

    def add(
        self, starts: Sequence[int], seconds: Sequence[int], mantissas: Sequence[int], exponent: int
    ) -> None:
        """Add the readings of a batch that lie within the total's time."""
        total = self.total
        if max(starts) < total.start or min(starts) >= total.end:
            return
        inside = [
            (length, mantissa)
            for start, length, mantissa in zip(starts, seconds, mantissas, strict=True)
            if start >= total.start and start + length <= total.end
        ]
        self.covered += sum(length for length, _ in inside)
        self.amount += Decimal(sum(mantissa for _, mantissa in inside)).scaleb(exponent)
        self.rounding += Decimal(len(inside)).scaleb(exponent) / 2

    @property
    def is_whole(self) -> bool:
        """Whether readings cover all of the total's time."""
        return self.covered == self.total.end - self.total.start


def contradiction(total: Total, sums: Sequence[tuple[Direction, Sum]], where: str) -> Issue | None:
    """Where no way to add up one meter's readings, of which some cover all of its time, makes the total."""
    whole = [(direction, each) for direction, each in sums if each.is_whole]
    delivered = [each for direction, each in whole if direction is not Direction.RECEIVED]
    if not delivered:
        return None
    received = sum((each.amount for direction, each in whole if direction is Direction.RECEIVED), Decimal())
    used = [each.amount for each in delivered]
    candidates = {*used, sum(used, Decimal())}
    candidates |= {each - received for each in candidates} | {each + received for each in candidates}
    slack = total.step + sum((each.rounding for _, each in whole), Decimal())
    if any(abs(each - total.amount) <= slack for each in candidates):
        return None
    first, last = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%MZ}" for at in (total.start, total.end))
    what = (
        f"The file's own total from {first} to {last} is {total.amount:f} {total.unit}, "
        f"but its readings add up to {used[0]:f} {total.unit}."
    )
    return Issue(where, what)
