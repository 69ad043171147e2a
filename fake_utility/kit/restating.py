"""Restatements: of the newest available day some readings are provisional, and final from the next day on.

A provisional reading is marked as estimated and is a little off. Bills and registers know final ones only.
"""

from array import array
from dataclasses import replace
from datetime import date
from hashlib import shake_128

from meterfarm.fake_utility.kit.accounts import Direction, Meter
from meterfarm.fake_utility.kit.calendar import ONE_DAY, days
from meterfarm.fake_utility.kit.readings import DayOfReadings, day_of_readings

ONE_IN = 8


def published(
    meter: Meter, direction: Direction, start: date, to: date, *, to_newest: bool
) -> list[DayOfReadings]:
    """The readings published for `start` to `to`. `to_newest`: the last one is the newest available."""
    if not to_newest:
        return [day_of_readings(meter, direction, day) for day in days(start, to)]
    earlier = [day_of_readings(meter, direction, day) for day in days(start, to - ONE_DAY)]
    return [*earlier, provisional_day(meter, direction, to)]


def provisional_day(meter: Meter, direction: Direction, day: date) -> DayOfReadings:
    """The day as first published: one reading of each eight is provisional, but for those that are zero."""
    final = day_of_readings(meter, direction, day)
    values, estimated = array("H", final.values), set(final.estimated)
    noise = shake_128(f"{meter.id}/{direction}/{day.isoformat()}/provisional".encode()).digest(
        2 * len(values)
    )
    for first in range(0, len(values), ONE_IN):
        place = first + noise[first] % ONE_IN
        if place < len(values) and values[place]:
            values[place] = _a_little_off(values[place], noise[first + 1])
            estimated.add(place)
    return replace(final, values=values, estimated=frozenset(estimated))


def _a_little_off(value: int, chance: int) -> int:
    """Up to an eighth more or less, and never the same."""
    by = max(1, value * (1 + chance // 2 % 8) // 64)
    return value - by if chance % 2 else value + by
