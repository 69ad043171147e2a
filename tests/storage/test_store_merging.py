"""What exports say of one time is merged: restated values replace, zeros do not, nothing counts twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meterfarm.formats.errors import FormatError
from meterfarm.formats.resolution import resolution
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from meterfarm.storage.data import ReadingCounts, SeriesCoverage
from meterfarm.storage.data.intervals import highest_resolution
from meterfarm.storage.data.readings import by_resolution
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, START, USERNAME, UTILITY, series
from tests.storage.opening import ON_BOTH, Rows

HOUR, DAY = 3_600, 86_400
Save = Callable[..., ReadingCounts]


@pytest.fixture
def account(store: CompanyStore) -> int:
    return store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)


@pytest.fixture
def save(store: CompanyStore, account: int) -> Save:
    return lambda *exported: store.readings.save(account, EXPORT, "export", exported)


def _of(
    *readings: Reading, exponent: int = 0, measure: Measure = Measure.ENERGY, unit: Unit = Unit.WH
) -> Series:
    commodity, direction = Commodity.ELECTRIC, Direction.DELIVERED
    return Series(ELECTRIC.id, commodity, direction, unit, exponent, list(readings), measure)


def _hours(*mantissas: int, start: int = START, seconds: int = HOUR) -> list[Reading]:
    return [Reading(start + seconds * number, seconds, value) for number, value in enumerate(mantissas)]


def _values(store: CompanyStore, account: int) -> list[int]:
    (one,) = store.readings.series(account, ELECTRIC.id)
    return [reading.mantissa for reading in one.readings]


def test_the_same_again_writes_nothing_at_all(store: CompanyStore, home: Path, save: Save) -> None:
    save(series([5, 0, 7]))
    with closing(sqlite3.connect(home / "meterfarm.db")) as other:
        before = other.execute("PRAGMA data_version").fetchone()
        assert save(series([5, 0, 7])) == ReadingCounts(0, 0, 3)
        assert other.execute("PRAGMA data_version").fetchone() == before
        save(series([5, 0, 8]))
        assert other.execute("PRAGMA data_version").fetchone() != before


@ON_BOTH
def test_a_zero_replaces_no_value_and_is_told(
    store: CompanyStore, account: int, save: Save, rows: Rows
) -> None:
    save(series([5, 0, -7, 9]))
    assert save(series([0, 0, 0, 8])) == ReadingCounts(inserted=0, changed=1, unchanged=1, held=2)
    assert _values(store, account) == [5, 0, -7, 8]
    assert rows("SELECT count(*) FROM reading_revision") == [(1,)]


@ON_BOTH
def test_a_value_replaces_a_zero_that_came_before_it_was_ready(
    store: CompanyStore, account: int, save: Save, rows: Rows
) -> None:
    save(series([0, 0]))
    assert save(series([5, 0])) == ReadingCounts(0, 1, 1)
    assert _values(store, account) == [5, 0]
    assert rows("SELECT mantissa FROM reading_revision") == [(0,)]


@ON_BOTH
def test_a_measured_zero_replaces_an_estimate(store: CompanyStore, account: int, save: Save) -> None:
    save(_of(Reading(START, 900, 5, estimated=True)))
    assert save(_of(Reading(START, 900, 0, estimated=True))).held == 1
    assert save(_of(Reading(START, 900, 0))).changed == 1
    assert _values(store, account) == [0]


@ON_BOTH
def test_a_temperature_may_fall_to_zero(store: CompanyStore, account: int, save: Save) -> None:
    temperature = replace(series([5]), measure=Measure.TEMPERATURE, unit=Unit.CELSIUS)
    save(temperature)
    assert save(replace(temperature, readings=[Reading(START, 900, 0)])).changed == 1


@ON_BOTH
def test_the_same_energy_at_two_lengths_counts_once(store: CompanyStore, account: int, save: Save) -> None:
    hours = _hours(*range(1, 25))
    days = _hours(300, 77, seconds=DAY)
    for exported in ([_of(*days), _of(*hours)], [_of(*hours), _of(*days)], [_of(*hours, *days)]):
        save(*exported)
        (one,) = store.readings.series(account, ELECTRIC.id)
        assert one.readings == [*hours, days[1]]
    assert store.readings.coverage(account)[ELECTRIC.id].readings == 26, "all are kept"


@ON_BOTH
def test_lengths_may_differ_in_exponent(store: CompanyStore, account: int, save: Save) -> None:
    save(_of(*_hours(1500, 25)), _of(Reading(START + 2 * HOUR, DAY, 3), exponent=3))
    save(_of(Reading(START, HOUR, 1500_5), exponent=-1))
    (one,) = store.readings.series(account, ELECTRIC.id)
    assert one.exponent == -1
    assert [reading.mantissa for reading in one.readings] == [15005, 250, 30000]


@ON_BOTH
def test_zeros_at_a_finer_length_hide_no_value(store: CompanyStore, account: int, save: Save) -> None:
    save(_of(*_hours(480, 240, seconds=DAY)))
    save(_of(*_hours(*[0] * 24), *_hours(*[10] * 24, start=START + DAY)))
    assert _values(store, account) == [480, *[10] * 24]
    save(_of(*_hours(*[20] * 24)))
    assert _values(store, account) == [*[20] * 24, *[10] * 24]


@ON_BOTH
def test_measures_and_units_are_series_of_their_own(store: CompanyStore, account: int, save: Save) -> None:
    energy = series([5])
    gas = replace(energy, commodity=Commodity.GAS, unit=Unit.M3, measure=Measure.VOLUME)
    others = [
        replace(energy, measure=Measure.OTHER, unit=Unit.VARH),
        replace(energy, measure=Measure.OTHER, unit=Unit.V),
        replace(energy, measure=Measure.REGISTER),
        replace(energy, measure=Measure.COST, unit=Unit.USD, exponent=-5),
        gas,
    ]
    every = [energy, *others]
    assert save(*every) == ReadingCounts(6, 0, 0)
    assert save(*every) == ReadingCounts(0, 0, 6)
    stored = store.readings.series(account, ELECTRIC.id)
    assert len(stored) == 6
    assert all(replace(one, readings=list(one.readings)) in stored for one in every)
    with pytest.raises(FormatError, match="sent ft3 where m3 is stored"):
        save(replace(gas, unit=Unit.FT3))


@ON_BOTH
def test_coverage_says_what_times_there_are_and_what_gaps(
    store: CompanyStore, account: int, save: Save
) -> None:
    assert store.readings.coverage_by_series(account) == []
    quarters = [Reading(START + 900 * number, 900, number) for number in (0, 1, 2, 5, 6, 9)]
    save(_of(*quarters), replace(series([5]), measure=Measure.COST, unit=Unit.USD))
    save(_of(*_hours(7, start=START + 6 * 900), *_hours(8, 9, start=START + DAY)))
    energy, cost = sorted(
        store.readings.coverage_by_series(account), key=lambda one: one.measure, reverse=True
    )
    assert energy == SeriesCoverage(
        ELECTRIC.id,
        Commodity.ELECTRIC,
        Measure.ENERGY,
        Direction.DELIVERED,
        Unit.WH,
        (900, HOUR),
        9,
        (
            (START, START + 2700),
            (START + 4500, START + 6300),
            (START + 8100, START + 9000),
            (START + DAY, START + DAY + 2 * HOUR),
        ),
    ), "the hour that quarters cover a part of does not count"
    assert energy.gaps == [
        (START + 2700, START + 4500),
        (START + 6300, START + 8100),
        (START + 9000, START + DAY),
    ]
    assert (cost.ranges, cost.gaps) == (((START, START + 900),), [])


@ON_BOTH
def test_a_day_may_be_whole_at_several_lengths_and_costs_do_not_matter(
    store: CompanyStore, account: int, save: Save
) -> None:
    zone = ZoneInfo("America/New_York")
    midnight = int(datetime(2026, 11, 1, tzinfo=zone).timestamp())
    half = [Reading(midnight + 900 * number, 900, 1) for number in range(50)]
    rest = _hours(*range(1, 14), start=midnight + 50 * 900)
    save(_of(*half), replace(series([5]), measure=Measure.COST, unit=Unit.USD))
    assert store.readings.whole_days(account, ELECTRIC.id, zone) == set()
    save(_of(*rest))
    assert store.readings.whole_days(account, ELECTRIC.id, zone) == {date(2026, 11, 1)}


@ON_BOTH
def test_the_newest_days_of_zeros_alone_are_known(store: CompanyStore, account: int, save: Save) -> None:
    zone = ZoneInfo("America/New_York")
    midnight = int(datetime(2026, 11, 1, tzinfo=zone).timestamp())

    def known() -> list[int]:
        return sorted(day.day for day in store.readings.zero_days(account, ELECTRIC.id, zone))

    assert known() == []
    save(_of(*_hours(*[1] * 26, *[0] * 47, start=midnight)))
    assert known() == [3], "the second has a value; the first has 25 hours"
    received = _of(Reading(midnight + 49 * HOUR, HOUR, 5))
    save(replace(received, direction=Direction.RECEIVED))
    assert known() == []
    save(_of(*_hours(*[0] * 24 * 20, start=midnight + 73 * HOUR)))
    assert known() == list(range(10, 24)), "two weeks at most"


@pytest.mark.parametrize(
    ("lengths", "usual"),
    [
        ([82_800, 86_400, 90_000], DAY),
        ([28 * DAY, 30 * DAY, 31 * DAY, 31 * DAY + HOUR], 30 * DAY),
        ([899, 900, 901], 900),
        ([1800], 1800),
        ([3600], HOUR),
        ([300], 300),
        ([0], 0),
    ],
)
def test_lengths_that_are_alike_are_one(lengths: list[int], usual: int) -> None:
    assert {resolution(length) for length in lengths} == {usual}
    readings = [Reading(START, length, 1) for length in lengths]
    assert by_resolution(readings) == {usual: readings}
    assert by_resolution(readings)[usual] is readings, "nothing is copied"


def _finest(*parts: Sequence[Reading]) -> list[Reading]:
    return list(highest_resolution(parts))


def test_where_lengths_meet_the_finest_counts() -> None:
    quarters, hours = _hours(1, 2, 3, seconds=900), _hours(10, 20, 30)
    month = [Reading(START - DAY, 30 * DAY, 5)]
    assert _finest(quarters) == quarters
    assert _finest(quarters, hours) == [*quarters, *hours[1:]]
    assert _finest(quarters, hours, month) == [*quarters, *hours[1:]]
    assert _finest([], hours, month) == hours
    assert _finest(quarters, [Reading(START - 900, 900, 4)]) == [Reading(START - 900, 900, 4), *quarters]


def test_instants_are_in_the_time_that_they_are_in() -> None:
    """A meter's standing has no length."""
    standings = [Reading(START, 0, 5), Reading(START + DAY, 0, 6)]
    days = _hours(7, 8, 9, seconds=DAY)
    assert _finest(standings, days) == [*standings, days[2]]
