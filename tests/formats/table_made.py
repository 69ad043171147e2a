"""Plausible readings for tables of local times, over the days on which a zone's clock is moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Reading

ZONES = (
    "Australia/Sydney",
    "Australia/Adelaide",
    "Asia/Kathmandu",
    "Europe/Rome",
    "Europe/Dublin",
    "America/St_Johns",
    "America/Havana",  # the clock moves at midnight
    "America/New_York",
    "America/Phoenix",
    "America/Los_Angeles",
)


@cache
def moved(zone: str) -> Sequence[date]:
    """The days of 2024 on which the clock is moved, and one on which it isn't."""
    local = LocalTime(ZoneInfo(zone))
    days = (date(2024, 1, 1) + timedelta(days=number) for number in range(366))
    return [date(2024, 6, 5), *(day for day in days if local.day(day).shift)]


@st.composite
def intervals(draw: st.DrawFn, zone: str, seconds: int, most: int = 99_999) -> tuple[Reading, ...]:
    """Three days, the clock moved on the second, some left out; of a doubled hour both passes."""
    local = LocalTime(ZoneInfo(zone))
    middle = draw(st.sampled_from(moved(zone)))
    days = [local.day(middle + timedelta(days=offset)) for offset in (-1, 0, 1)]
    starts = range(days[0].start, days[-1].start + days[-1].seconds, seconds)
    left_out = draw(st.sets(st.integers(0, len(starts) - 1), max_size=20))
    seed = draw(st.integers(0, 10_000))
    kept = [
        start
        for place, start in enumerate(starts)
        if place not in left_out or len(local.instants(*clock(start, zone))) > 1
    ]
    return tuple(Reading(start, seconds, (start // 60 * 7919 + seed) % most) for start in kept)


def clock(instant: int, zone: str) -> tuple[date, int]:
    """The day, and the second of its clock."""
    shown = datetime.fromtimestamp(instant, ZoneInfo(zone))
    return shown.date(), shown.hour * 3600 + shown.minute * 60 + shown.second


def days(zone: str, first: date, values: Sequence[int]) -> tuple[Reading, ...]:
    """Whole days of their true length."""
    local = LocalTime(ZoneInfo(zone))
    known = [local.day(first + timedelta(days=number)) for number in range(len(values))]
    return tuple(Reading(day.start, day.seconds, value) for day, value in zip(known, values, strict=True))
