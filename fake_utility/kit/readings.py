"""Meter readings as a pure function of meter and day: nothing is stored, nothing here ever changes.

Electricity comes in quarter-hours and whole watt-hours, gas in hours and thousandths of a therm.
"""

import math
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b, shake_128

from meterfarm.fake_utility.kit.accounts import Direction, Meter
from meterfarm.fake_utility.kit.calendar import ONE_DAY, local_hours, midnight

EPOCH = date(2023, 1, 1)
"""Where registers are counted from, forwards and backwards."""

# A household's use by the hour: watt-hours a quarter-hour at mild weather, and what each degree adds.
_WEEKDAY = (
    55,
    50,
    48,
    47,
    48,
    60,
    110,
    150,
    125,
    95,
    85,
    85,
    95,
    90,
    85,
    95,
    130,
    190,
    235,
    225,
    200,
    170,
    120,
    80,
)
_WEEKEND = (
    65,
    58,
    52,
    50,
    50,
    54,
    70,
    105,
    140,
    160,
    160,
    155,
    165,
    155,
    145,
    150,
    165,
    205,
    235,
    220,
    200,
    175,
    135,
    95,
)
_COOLING = (4, 3, 3, 2, 2, 2, 2, 3, 4, 6, 8, 11, 13, 15, 17, 18, 19, 19, 18, 15, 12, 9, 7, 5)
# Gas, in thousandths of a therm an hour: hot water and cooking, and what each degree of heating adds.
_HOT_WATER = (3, 2, 2, 2, 3, 9, 28, 36, 24, 14, 11, 11, 14, 11, 10, 11, 16, 30, 34, 26, 20, 16, 10, 6)
_HEATING = (34, 33, 33, 33, 36, 46, 62, 62, 52, 46, 42, 40, 38, 37, 37, 39, 44, 52, 56, 56, 54, 48, 42, 36)


@dataclass(frozen=True, slots=True)
class DayOfReadings:
    """The readings of one local day. `start`: its midnight, in seconds since 1970. `step`: seconds a reading.

    `estimated`: the places of the readings that the utility had to estimate.
    """

    day: date
    start: int
    step: int
    values: "array[int]"
    estimated: Collection[int]


@lru_cache(maxsize=30_000)
def day_of_readings(meter: Meter, direction: Direction, day: date) -> DayOfReadings:
    """A meter's readings of a day, always the same."""
    noise = shake_128(f"{meter.id}/{day.isoformat()}".encode()).digest(104)
    if meter.commodity == "gas":
        step, values = 3600, _gas(meter, day, noise)
    else:
        step, values = 900, _electricity(meter, direction, day, noise)
    return DayOfReadings(day, midnight(day), step, array("H", values), _estimated(noise, len(values)))


@lru_cache(maxsize=200_000)
def day_total(meter: Meter, direction: Direction, day: date) -> int:
    """Their sum."""
    return sum(day_of_readings(meter, direction, day).values)


@lru_cache(maxsize=20_000)
def register(meter: Meter, direction: Direction, day: date) -> int:
    """What the meter's dial shows at a day's first midnight (watt-hours, or thousandths of a therm)."""
    if day == EPOCH:
        scale = 1_000 if meter.commodity == "gas" else 10_000
        return 20_000_000 + scale * int.from_bytes(blake2b(meter.id.encode(), digest_size=2).digest())
    month = day.replace(day=1)
    if day != month:
        return register(meter, direction, month) + _between(meter, direction, month, day)
    if day > EPOCH:
        before = (month - ONE_DAY).replace(day=1)
        return register(meter, direction, before) + _between(meter, direction, before, day)
    after = (month.replace(day=28) + 4 * ONE_DAY).replace(day=1)
    return register(meter, direction, after) - _between(meter, direction, day, after)


def _between(meter: Meter, direction: Direction, start: date, end: date) -> int:
    return sum(day_total(meter, direction, start + n * ONE_DAY) for n in range((end - start).days))


@lru_cache(maxsize=10_000)
def temperature(day: date) -> float:
    """The day's mean outdoor temperature in New York State, in degrees Celsius, to a tenth."""
    year = math.cos(2 * math.pi * (day.timetuple().tm_yday - 22) / 365.25)
    chance = shake_128(f"weather/{day.isoformat()}".encode()).digest(3)
    return round(9.0 - 12.5 * year + (sum(chance) - 383) / 45, 1)


def _household(meter: Meter) -> float:
    """How much a household uses compared with the average one."""
    return 0.75 + int.from_bytes(blake2b(meter.id.encode(), digest_size=1).digest()) / 512


def _electricity(meter: Meter, direction: Direction, day: date, noise: bytes) -> list[int]:
    used = _used(meter, day, noise)
    if len(meter.directions) == 1:
        return used
    made = _sunshine(day, noise)
    if direction == "received":
        return [max(0, sun - use) for sun, use in zip(made, used, strict=True)]
    return [max(0, use - sun) for sun, use in zip(made, used, strict=True)]


def _used(meter: Meter, day: date, noise: bytes) -> list[int]:
    degrees = temperature(day)
    cooling, heating = max(0.0, degrees - 18.5), max(0.0, 15.0 - degrees)
    shape = _WEEKEND if day.weekday() >= 5 else _WEEKDAY
    household = _household(meter) / 256
    hourly = [
        household * (shape[hour] + _COOLING[hour] * cooling + 1.3 * heating) for hour in local_hours(day)
    ]
    return [
        int(hourly[place // 4] * (176 + noise[place] * 5 // 8))
        + (350 * (noise[place] - 249) if noise[place] > 249 else 0)
        for place in range(4 * len(hourly))
    ]


def _sunshine(day: date, noise: bytes) -> list[int]:
    """What a 6 kW roof makes, by the quarter-hour."""
    summer = -math.cos(2 * math.pi * (day.timetuple().tm_yday + 10) / 365.25)
    half_day, noon = 6.0 + 1.5 * summer, 12.5 + 0.5 * summer
    clear = 0.25 + 0.75 * (noise[100] / 255) ** 0.6
    peak = (1050 + 300 * summer) * clear
    hours = [hour + quarter / 4 for hour in local_hours(day) for quarter in range(4)]
    return [
        int(
            peak
            * math.cos(math.pi / 2 * (hour - noon) / half_day)
            * (200 + noise[-place % 96] * 56 // 255)
            / 256
        )
        if abs(hour - noon) < half_day
        else 0
        for place, hour in enumerate(hours)
    ]


def _gas(meter: Meter, day: date, noise: bytes) -> list[int]:
    heating = max(0.0, 16.0 - temperature(day)) / 10
    household = _household(meter) / 256
    return [
        int(household * (_HOT_WATER[hour] + _HEATING[hour] * heating) * (176 + noise[place] * 5 // 8))
        for place, hour in enumerate(local_hours(day))
    ]


def _estimated(noise: bytes, count: int) -> range:
    """About one day in forty has a few readings that never arrived and were estimated."""
    if noise[101] > 5:
        return range(0)
    first = noise[102] % (count - 8)
    return range(first, first + 3 + noise[103] % 5)
