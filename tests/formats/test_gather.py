"""Batches make whole series: ordered, each interval once, granularities apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from meterfarm.formats.batches import gather
from meterfarm.records import Commodity, Direction, Issue, Reading, Series, Severity, Unit

START = 1_730_606_400
DAY = 86_400


def series(readings: Sequence[Reading], exponent: int = 0, meter: str = "E1") -> Series:
    return Series(meter, Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, exponent, tuple(readings))


def quarters(count: int, start: int = START) -> list[Reading]:
    return [Reading(start + place * 900, 900, place) for place in range(count)]


@given(
    st.lists(st.integers(0, 30), max_size=6),
    st.lists(st.integers(-3, 3), min_size=7, max_size=7),
    st.randoms(),
)
def test_however_a_series_is_cut_it_is_whole_again(
    cuts: list[int], exponents: list[int], chance: object
) -> None:
    readings = [reading._replace(mantissa=reading.mantissa * 1000) for reading in quarters(30)]
    edges = [0, *sorted(cuts), 30]
    parts = [
        series(
            [each._replace(mantissa=each.mantissa // 10 ** max(0, exponent)) for each in readings[one:other]],
            max(0, exponent),
        )
        for (one, other), exponent in zip(pairwise(edges), exponents, strict=False)
    ]
    getattr(chance, "shuffle")(parts)  # noqa: B009 - typeshed does not know hypothesis' Random
    data = gather(parts)
    (whole,) = data.series
    assert [each.start for each in whole.readings] == [each.start for each in readings]
    assert [Decimal(each.mantissa).scaleb(whole.exponent) for each in whole.readings] == [
        each.mantissa for each in readings
    ]
    assert not data.issues


def test_series_keep_their_order_and_problems_theirs() -> None:
    issue = Issue("here", "Odd.")
    data = gather([series(quarters(2), meter="B"), issue, series(quarters(2), meter="A")])
    assert [each.meter_id for each in data.series] == ["B", "A"]
    assert data.issues == (issue,)


def test_the_same_twice_counts_once_and_of_two_values_the_last() -> None:
    data = gather([series(quarters(4)), series(quarters(2)), series([Reading(START, 900, 77)])])
    assert data.series[0].readings == (Reading(START, 900, 77), *quarters(4)[1:])
    assert {(each.severity, each.what[-2:]) for each in data.issues} == {
        (Severity.WARNING, "2."),
        (Severity.NOTE, "1."),
    }


def test_days_beside_quarters_are_two_series() -> None:
    days = [Reading(START, DAY, 5), Reading(START + DAY, DAY + 3600, 6)]
    data = gather([series([*quarters(100), *days])])
    assert [each.readings for each in data.series] == [tuple(quarters(100)), tuple(days)]
    assert [each.severity for each in data.issues] == [Severity.NOTE]


def test_lengths_that_do_not_overlap_are_one_series() -> None:
    readings = [*quarters(4), Reading(START + 3600, 3600, 9), *quarters(4, START + 7200)]
    data = gather([series(readings)])
    assert data.series == (series(readings),)
    assert not data.issues


def test_billing_periods_vary_in_length() -> None:
    months = [Reading(START, 31 * DAY, 5), Reading(START + 30 * DAY, 29 * DAY, 6)]  # they overlap by a day
    assert gather([series(months)]).series == (series(months),)


def test_of_two_lengths_of_one_period_the_longer_stands() -> None:
    periods = [Reading(START, 30 * DAY, 5), Reading(START, 31 * DAY, 6)]
    data = gather([series(periods)])
    assert data.series == (series(periods[1:]),)
    assert [each.severity for each in data.issues] == [Severity.WARNING]


def test_a_series_without_readings_is_none() -> None:
    assert gather([replace(series([]), meter_id="X")]).series == ()
