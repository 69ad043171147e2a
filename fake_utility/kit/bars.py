"""Small bar charts of what a meter measured lately."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from meterfarm.fake_utility.kit.accounts import Meter
from meterfarm.fake_utility.kit.calendar import ONE_DAY
from meterfarm.fake_utility.kit.charges import UNITS
from meterfarm.fake_utility.kit.readings import day_total
from meterfarm.fake_utility.kit.restating import provisional_day

DAYS = 30
HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """`height` of 100; `total` in thousandths of the chart's unit."""

    day: date
    total: int
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a meter's months."""

    meter: Meter
    unit: str
    bars: tuple[Bar, ...]
    average: int


@lru_cache(maxsize=4_000)
def daily_bars(meter: Meter, today: date) -> Chart:
    """The last 30 days before today."""
    days = [today - n * ONE_DAY for n in range(DAYS, 0, -1)]
    totals = [day_total(meter, "delivered", day) for day in days[:-1]]
    totals.append(sum(provisional_day(meter, "delivered", days[-1]).values))
    highest = max(totals)
    bars = tuple(Bar(day, total, HEIGHT * total / highest) for day, total in zip(days, totals, strict=True))
    return Chart(meter, UNITS[meter.commodity], bars, sum(totals) // DAYS)
