"""A heat map has each hour where it belongs, and says what is used and what is fed in."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Commodity, Direction, Reading, Series, Unit
from meterfarm.services.report.heat_map import HeatMap, heat_map

NEW_YORK = ZoneInfo("America/New_York")


def test_of_a_net_meter_no_share_of_the_day_is_stated() -> None:
    """It feeds in by day as much as it takes in the evening: a share would be of next to nothing."""
    clock = LocalTime(NEW_YORK)
    begin = clock.day(date(2026, 6, 1)).start
    hours = [Reading(begin + 3_600 * hour, 3_600, 1_000 if 18 <= hour < 22 else -199) for hour in range(24)]
    net = Series("E1", Commodity.ELECTRIC, Direction.NET, Unit.WH, 0, hours)
    found = heat_map(net, clock)
    assert found is not None
    assert found.words[0] == "Most between 18:00 and 22:00; at some hours more was fed in than used."
    even = heat_map(replace(net, readings=[each._replace(mantissa=5) for each in hours]), clock)
    assert even is not None
    assert even.words[0] == "About as much at all hours."
    given = heat_map(replace(net, readings=[each._replace(mantissa=-5) for each in hours]), clock)
    assert given is not None
    assert not [words for words in given.words if "%" in words or "0001" in words]


def test_a_heat_map_has_each_hour_in_its_place() -> None:
    """A day of 23 hours has none from 2:00 on, of one of 25 hours both count as one; a gap stays one."""
    clock = LocalTime(NEW_YORK)
    days = [date(2026, 3, 7), date(2026, 3, 8), date(2026, 10, 31), date(2026, 11, 1)]
    starts = [at for day in map(clock.day, days) for at in range(day.start, day.start + day.seconds, 3_600)]
    hours = [Reading(at, 3_600, 800) for at in starts if at != starts[5]]
    used = Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, hours)
    found = heat_map(used, clock)
    assert found is not None
    assert len(hours) == 4 * 24 - 1
    assert set(drawn(found)) == {"level-7"}
    (places,) = drawn(found).values()
    width = (days[-1] - days[0]).days + 1
    every = {(day, hour) for day in (0, 1, width - 2, width - 1) for hour in range(24)}
    assert places == every - {(0, 5), (1, 2)}


def test_hours_below_zero_are_levels_of_their_own() -> None:
    clock = LocalTime(NEW_YORK)
    begin = clock.day(date(2026, 6, 1)).start
    amounts = [-4_000, -2_500, -1_500, -10, 0, 100, 2_000, 8_000]
    hours = [Reading(begin + 3_600 * hour, 3_600, amount) for hour, amount in enumerate(amounts)]
    net = Series("E1", Commodity.ELECTRIC, Direction.NET, Unit.WH, 0, hours)
    found = heat_map(net, clock)
    assert found is not None
    order = [level for hour in range(8) for level, places in drawn(found).items() if (0, hour) in places]
    assert order == [*(f"given-{n}" for n in (4, 3, 2, 1)), "level-0", "level-0", "level-2", "level-7"]
    assert found.steps[:5] == [
        *(("given-4", "-3.00 and less"), ("given-3", "-2.00"), ("given-2", "-1.00"), ("given-1", "below 0")),
        ("level-0", "0.00"),
    ]
    assert found.words[-1] == "Most was fed in on 1 Jun 2026 from 0:00: 4.00 kWh."
    given = heat_map(replace(net, readings=hours[:5]), clock)
    assert given is not None
    assert given.steps[-1] == ("level-0", "0")


def drawn(found: HeatMap) -> dict[str, set[tuple[int, int]]]:
    """By level the days and hours that its path goes over."""
    places: dict[str, set[tuple[int, int]]] = {}
    for level, path in re.findall(r'<path class="(.*?)" d="(.*?)"/>', found.svg):
        for day, hour, lasts in re.findall(r"M(\d+) (\d+)\.5h(\d+)", path):
            cells = {(int(day) + place, int(hour)) for place in range(int(lasts))}
            places[level] = places.get(level, set()) | cells
    return places
