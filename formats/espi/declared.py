"""What a file says of its usage points beside their readings: their clock, and totals of billing periods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meterfarm.formats.espi.days import Clock, clock_of
from meterfarm.formats.espi.links import LinkIndex
from meterfarm.formats.espi.resources import Fact, UsagePoint
from meterfarm.formats.espi.totals import Sum, Total, contradiction, total_of
from meterfarm.formats.espi.units import Kind, shown
from meterfarm.records import Direction, Issue, Measure

_CLOCK = "LocalTimeParameters"
_MOST_TOTALS = 100


class Said:
    def __init__(self, facts: Sequence[Fact], points: LinkIndex[UsagePoint]) -> None:
        self._clocks: list[tuple[Fact, Clock]] = []
        self._totals: dict[int, list[Total]] = {}
        self._sums: dict[tuple[str, Total], list[tuple[Direction, Sum]]] = {}
        alone = next(iter(points), None) if len(list(points)) == 1 else None
        for fact in facts:
            clock = clock_of(fact.said.get(_CLOCK, {})) if fact.name == _CLOCK else None
            total = total_of(fact.said) if fact.name != _CLOCK else None
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

    def sums(self, point: UsagePoint, meter_id: str, kind: Kind) -> list[Sum]:
        """What a stream's readings are to be added up to."""
        if kind.measure not in (Measure.ENERGY, Measure.VOLUME):
            return []
        sums = [Sum(total) for total in self._totals.get(id(point), ()) if total.unit is kind.unit]
        for each in sums:
            self._sums.setdefault((meter_id, each.total), []).append((kind.direction, each))
        return sums

    def contradictions(self) -> Iterator[Issue]:
        for (meter_id, total), sums in self._sums.items():
            issue = contradiction(total, sums, f"meter {shown(meter_id)}")
            if issue:
                yield issue
