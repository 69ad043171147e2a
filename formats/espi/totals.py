"""The totals of billing periods (UsageSummary), held against the readings that cover them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from meterfarm.formats.espi.reading import LENGTH_LIMIT, START_LIMIT
from meterfarm.formats.espi.units import UNITS
from meterfarm.records import Direction, Issue, Unit

_LONGEST_NUMBER = 18
_MULTIPLIERS = range(-12, 13)


@dataclass(frozen=True, slots=True)
class Total:
    """What a file says was used from ``start`` to ``end``, to ``step`` exactly."""

    start: int
    end: int
    amount: Decimal
    step: Decimal
    unit: Unit


def total_of(said: Mapping[str, Mapping[str, str]]) -> Total | None:
    """By a summary's elements; None if it has no period, no total, or one that makes no sense."""
    period, overall = said.get("billingPeriod", {}), said.get("overallConsumptionLastPeriod", {})
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
        f"its readings add up to {used[0]:f} {total.unit}."
    )
    return Issue(where, what)
