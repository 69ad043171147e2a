"""A Green Button file's clock and totals are held against its readings; a zone corrects local times."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.records import Severity
from tests.formats.espi_feed import (
    DAY,
    ESPI,
    block,
    entry,
    feed,
    meter_reading,
    reading_type,
    told,
    usage_point,
)

POINT, METER, KIND = "/UsagePoint/1", "/UsagePoint/1/MeterReading/1", "/ReadingType/1"
CHICAGO, NEW_YORK = ZoneInfo("America/Chicago"), ZoneInfo("America/New_York")
BEGIN = (reading_type(KIND), usage_point(POINT), meter_reading(METER, KIND))
WEEK = 7 * 24


def clock(offset: object, dst: int = 3600, own: str = "/LocalTimeParameters/1") -> str:
    rules = (
        f"<dstEndRule>B40E2000</dstEndRule><dstOffset>{dst}</dstOffset><dstStartRule>360E2000</dstStartRule>"
    )
    content = f"<LocalTimeParameters {ESPI}>{rules}<tzOffset>{offset}</tzOffset></LocalTimeParameters>"
    return entry(content, own)


def days(first: int, count: int, step: int = 3600) -> list[str]:
    """A block for each day from ``first``."""
    return [block(METER, [1] * (86_400 // step), first + day * 86_400, step) for day in range(count)]


def backwards(entry: str) -> str:
    """A block's readings, the newest first."""
    head, *readings = entry.split("<IntervalReading>")
    last, found, tail = readings[-1].partition("</IntervalBlock>")
    return "<IntervalReading>".join([head, last, *readings[-2::-1]]) + found + tail


@pytest.mark.parametrize(
    ("blocks", "offset", "doubted"),
    [
        (days(DAY, 1), -21_600, True),
        (days(DAY, 5), -21_600, True),
        (days(DAY, 5, 900), -18_000, True),
        (days(DAY, 5), 3_600, True),
        (days(DAY, 5), 19_800, True),
        (days(DAY, 31, 86_400), -21_600, True),
        ([block(METER, [1] * 31, DAY, 86_400)], -21_600, True),
        ([block(METER, [1] * 3, DAY, 30 * 86_400)], -18_000, True),
        ([block(METER, [1] * WEEK, DAY)], -21_600, True),
        (days(DAY, 5)[::-1], -21_600, True),
        ([backwards(block(METER, [1] * 24, DAY))], -21_600, True),
        ([block(METER, [1] * (WEEK - 1), DAY)], -21_600, True),
        ([block(METER, [1], DAY + hour * 3600) for hour in range(48)], -21_600, True),
        (days(DAY, 5), 0, False),
        (days(DAY, 5), -86_400, False),
        (days(DAY, 5), "x", False),
        (days(DAY + 6 * 3600, 1), -21_600, False),
        (days(DAY + 6 * 3600, 5), -21_600, False),
        (days(DAY + 15 * 3600, 5, 86_400), -21_600, False),
        ([block(METER, [1] * 100, DAY)], -21_600, False),
        ([block(METER, [1], DAY)], -21_600, False),
        ([block(METER, [1] * WEEK, DAY + 6 * 3600)], -21_600, False),
        ([block(METER, [1], DAY + hour * 3600) for hour in range(6, 54)], -21_600, False),
        ([*days(DAY, 1), *days(DAY + 30 * 3600, 5)], -21_600, False),
    ],
)
def test_days_that_begin_in_utc_against_the_files_offset_are_doubted(
    blocks: list[str], offset: object, doubted: bool
) -> None:
    length = "<intervalLength>3600</intervalLength>"
    content = feed(clock(offset), *(each.replace(length, "") for each in BEGIN), *blocks)
    doubts = told(read_green_button(content))
    assert ["00:00 UTC" in each and "--zone" in each for each in doubts] == [True] * doubted
    assert not told(read_green_button(feed(*(each.replace(length, "") for each in BEGIN), *blocks)))


def test_days_over_a_change_of_clocks_are_as_they_should_be() -> None:
    """Local midnights of New York are 05:00 UTC, then 04:00; a block a day is 23 hours long once."""
    midnights = [int(datetime(2024, 3, day, tzinfo=NEW_YORK).timestamp()) for day in range(8, 14)]
    blocks = [block(METER, [1] * ((end - start) // 3600), start) for start, end in pairwise(midnights)]
    assert not read_green_button(feed(clock(-18_000), *BEGIN, *blocks), NEW_YORK).issues


def test_with_a_zone_local_times_are_put_right() -> None:
    """An hour that the clock shows twice has two passes, a day may be 23 hours long, and none overlap."""
    content = feed(clock(-21_600), *BEGIN, *days(DAY, 2))
    read = read_green_button(content, CHICAGO)
    assert read.series[0].readings[0].starts_at == datetime(2024, 1, 1, 6, tzinfo=UTC)
    assert [each.severity for each in read.issues] == [Severity.NOTE]
    autumn = int(datetime(2024, 11, 3, tzinfo=UTC).timestamp())
    hours = [*range(2), 1, *range(2, 24)]
    blocks = [block(METER, [place], autumn + hour * 3600) for place, hour in enumerate(hours)]
    (series,) = read_green_button(feed(clock(-21_600), *BEGIN, *blocks), CHICAGO).series
    assert [each.start for each in series.readings] == [
        int(datetime(2024, 11, 3, tzinfo=CHICAGO).timestamp()) + place * 3600 for place in range(25)
    ]
    assert [each.mantissa for each in series.readings] == list(range(25))
    daily = [block(METER, [1] * 4, int(datetime(2024, 3, 9, tzinfo=UTC).timestamp()), 86_400)]
    readings = read_green_button(feed(clock(-21_600), *BEGIN, *daily), CHICAGO).series[0].readings
    assert [each.seconds for each in readings] == [86_400, 82_800, 86_400, 86_400]


def test_a_zone_changes_nothing_where_the_file_is_right_and_is_compared_where_it_is_not() -> None:
    right = feed(clock(-21_600), *BEGIN, *days(DAY + 6 * 3600, 3))
    assert read_green_button(right, CHICAGO) == read_green_button(right)
    other = read_green_button(feed(clock(-21_600), *BEGIN, *days(DAY, 3)), NEW_YORK)
    assert ["America/New_York is -5 h" in each and "tzOffset is -6 h" in each for each in told(other)] == [
        True
    ]
    once = feed(clock(-21_600), *BEGIN, *days(int(datetime(2024, 11, 2, tzinfo=UTC).timestamp()), 3))
    assert ["listed once" in each for each in told(read_green_button(once, CHICAGO))] == [True]
    gap = feed(clock(-21_600), *BEGIN, *days(int(datetime(2024, 3, 9, tzinfo=UTC).timestamp()), 3))
    assert [
        "skipped by the daylight saving change" in each for each in told(read_green_button(gap, CHICAGO))
    ] == [True]


def test_each_usage_point_has_its_own_clock() -> None:
    """Of two in one file the one whose days begin at the wrong time is doubted."""
    other = "/UsagePoint/2"
    clocks = clock(-21_600, own="/LocalTimeParameters/1"), clock(0, 0, own="/LocalTimeParameters/2")
    points = [
        usage_point(each).replace(
            "<title>", f'<link rel="related" href="/LocalTimeParameters/{each[-1]}"/><title>'
        )
        for each in (POINT, other)
    ]
    meters = METER, f"{other}/MeterReading/1"
    blocks = [block(each, [1] * 24, DAY) for each in meters]
    content = feed(*clocks, BEGIN[0], *points, *(meter_reading(each, KIND) for each in meters), *blocks)
    assert [each.partition(":")[0] for each in told(read_green_button(content))] == ["meter '1'"]


def summary(
    value: int, start: int = DAY + 6 * 3600, seconds: int = 86_400, multiplier: int = 0, uom: int = 72
) -> str:
    content = (
        f"<UsageSummary {ESPI}>"
        f"<billingPeriod><duration>{seconds}</duration><start>{start}</start></billingPeriod>"
        f"<overallConsumptionLastPeriod><powerOfTenMultiplier>{multiplier}</powerOfTenMultiplier><uom>{uom}</uom>"
        f"<value>{value}</value></overallConsumptionLastPeriod></UsageSummary>"
    )
    return entry(content, f"{POINT}/UsageSummary/1", f"{POINT}/UsageSummary")


@pytest.mark.parametrize(
    ("own", "doubted"),
    [
        (summary(240), False),
        (summary(0, multiplier=3), False),
        (summary(24, multiplier=1), False),
        (summary(480), True),
        (summary(48, multiplier=1), True),
        (summary(480, seconds=2 * 86_400), False),
        (summary(480, start=DAY), False),
        (summary(480, uom=169), False),
        (summary(480) + summary(480), True),
    ],
)
def test_a_total_that_readings_contradict_is_doubted_with_both_figures(own: str, doubted: bool) -> None:
    content = feed(*BEGIN, block(METER, [10] * 24, DAY + 6 * 3600), own)
    doubts = told(read_green_button(content))
    assert ["is 480 Wh, but its readings add up to 240 Wh" in each for each in doubts] == [True] * doubted


def test_a_total_may_be_the_net() -> None:
    received = "/UsagePoint/1/MeterReading/2"
    content = feed(
        *BEGIN,
        reading_type("/ReadingType/2", flowDirection=19),
        meter_reading(received, "/ReadingType/2"),
        block(METER, [10] * 24, DAY + 6 * 3600),
        block(received, [4] * 24, DAY + 6 * 3600),
        summary(144),
    )
    assert not told(read_green_button(content))


@pytest.mark.parametrize(
    ("length", "seconds", "noted"),
    [(3600, 3600, 0), (3600, 900, 1), (3600, 86_400, 0), (86_400, 82_800, 0), (2_678_400, 86_400, 0)],
)
def test_a_length_that_no_reading_has_is_told(length: int, seconds: int, noted: int) -> None:
    """No doubt: each reading says itself how long it is, and files of price periods have such types."""
    kind = reading_type(KIND, intervalLength=length)
    read = read_green_button(feed(kind, *BEGIN[1:], block(METER, [1, 2], DAY + 6 * 3600, seconds)))
    assert not told(read)
    notes = told(read, Severity.NOTE)
    assert [f"intervalLength is {length} s" in each and f"({seconds} s" in each for each in notes] == [
        True
    ] * noted
