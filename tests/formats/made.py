"""Plausible series for the tests of this folder, by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from meterfarm.records import Commodity, Direction, Reading, Series, Unit

ZONES = (
    "America/New_York",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Havana",  # the clock moves at midnight
    "America/St_Johns",
    "Europe/Brussels",
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",
)
_MARCH, _NOVEMBER = (int(datetime(2024, *day, tzinfo=UTC).timestamp()) for day in ((3, 8), (11, 1)))


@st.composite
def readings(draw: st.DrawFn, seconds: int = 900, most: int = 400, lowest: int = 0) -> tuple[Reading, ...]:
    """Consecutive intervals with some left out, from a day near a change of clocks in America or Europe."""
    season = draw(st.sampled_from((_MARCH, _NOVEMBER, _MARCH + 21 * 86_400, _NOVEMBER - 6 * 86_400)))
    first = season + draw(st.integers(0, 5 * 24)) * 3600
    values = draw(st.lists(st.none() | st.integers(lowest, 99_999), min_size=1, max_size=most))
    return tuple(
        Reading(first + place * seconds, seconds, value, value % 7 == 0)
        for place, value in enumerate(values)
        if value is not None
    ) or (Reading(first, seconds, 0, False),)


@st.composite
def electricity(draw: st.DrawFn) -> list[Series]:
    """One electric meter in one to three directions; net values may be negative."""
    flows = st.sampled_from((Direction.DELIVERED, Direction.RECEIVED, Direction.NET))
    directions = draw(st.lists(flows, min_size=1, max_size=3, unique=True))
    return [
        Series(
            "E1234567",
            Commodity.ELECTRIC,
            direction,
            Unit.WH,
            draw(st.integers(-3, 3)),
            draw(readings(most=60, lowest=-99_999 if direction is Direction.NET else 0)),
        )
        for direction in directions
    ]


@st.composite
def gas(draw: st.DrawFn) -> list[Series]:
    unit = draw(st.sampled_from((Unit.THERM, Unit.CCF)))
    hourly = draw(readings(seconds=3600, most=60))
    return [Series("G7654321", Commodity.GAS, Direction.DELIVERED, unit, draw(st.integers(-5, -2)), hourly)]
