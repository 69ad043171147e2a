"""A day counts as stored only if every series of the meter covers all of it, in the utility's own time."""

from __future__ import annotations

import time
from collections.abc import Set
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from meterfarm.records import Direction, Series
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, USERNAME, UTILITY, series
from tests.storage.opening import ON_BOTH

pytestmark = ON_BOTH

NEW_YORK = ZoneInfo("America/New_York")
RECEIVED = Direction.RECEIVED


@pytest.fixture
def account(store: CompanyStore) -> int:
    return store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)


def _save(store: CompanyStore, account: int, *exported: Series) -> None:
    store.readings.save(account, EXPORT, "export", exported)


def _whole(store: CompanyStore, account: int, zone: ZoneInfo = NEW_YORK) -> Set[date]:
    return store.readings.whole_days(account, ELECTRIC.id, zone)


def _midnight(day: date, zone: ZoneInfo = NEW_YORK) -> int:
    return int(datetime.combine(day, datetime.min.time(), zone).timestamp())


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("America/New_York", date(2026, 3, 8), 92),
        ("America/New_York", date(2026, 11, 1), 100),
        ("America/New_York", date(2026, 6, 1), 96),
        ("Europe/London", date(2026, 3, 29), 92),
        ("America/Havana", date(2026, 3, 8), 92),
        ("America/Havana", date(2025, 11, 2), 100),
        ("Asia/Kathmandu", date(2026, 6, 1), 96),
    ],
)
def test_a_day_is_whole_with_its_last_quarter_hour(
    store: CompanyStore, account: int, zone: str, day: date, quarters: int
) -> None:
    """Havana's clocks skip midnight and repeat it; Kathmandu is 5:45 ahead."""
    there = ZoneInfo(zone)
    midnight = _midnight(day, there)
    _save(store, account, series(range(quarters - 1), start=midnight))
    assert _whole(store, account, there) == set()
    _save(store, account, series(range(quarters), start=midnight))
    assert _whole(store, account, there) == {day}
    _save(store, account, series(range(quarters + 1), start=midnight - 900))
    assert _whole(store, account, there) == {day}


def test_the_days_around_a_change_of_clocks_are_told_apart(store: CompanyStore, account: int) -> None:
    days = [date(2026, 3, 6) + timedelta(days=number) for number in range(5)]
    quarters = (_midnight(date(2026, 3, 11)) - _midnight(days[0])) // 900
    assert quarters == 5 * 96 - 4
    _save(store, account, series(range(quarters), start=_midnight(days[0])))
    assert _whole(store, account) == set(days)


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (date(2026, 3, 7), date(2026, 3, 8), {7, 8}),
        (date(2026, 3, 8), date(2026, 3, 8), {8}),
        (None, date(2026, 3, 7), {6, 7}),
        (date(2026, 3, 9), None, {9}),
        (date(2025, 1, 1), date(2027, 1, 1), {6, 7, 8, 9}),
        (date(2026, 3, 11), date(2026, 3, 20), set()),
        (date(2026, 3, 9), date(2026, 3, 8), set()),
    ],
)
def test_some_days_may_be_asked_for(
    store: CompanyStore, account: int, first: date | None, last: date | None, found: set[int]
) -> None:
    """Around a change of clocks, with the last day incomplete."""
    midnight = _midnight(date(2026, 3, 6))
    _save(store, account, series(range(5 * 96 - 4 - 1), start=midnight))
    whole = store.readings.whole_days(account, ELECTRIC.id, NEW_YORK, first, last)
    assert whole == {date(2026, 3, day) for day in found}


def test_a_hole_in_one_direction_is_a_hole_in_the_day(store: CompanyStore, account: int) -> None:
    first = _midnight(date(2026, 6, 1))
    _save(
        store,
        account,
        series(range(3 * 96), start=first),
        series(range(96), start=first, direction=RECEIVED),
        series(range(95), start=first + 86_400 + 900, direction=RECEIVED),
        series(range(96), start=first + 2 * 86_400, direction=RECEIVED),
    )
    assert _whole(store, account) == {date(2026, 6, 1), date(2026, 6, 3)}


def test_a_direction_without_readings_does_not_count(store: CompanyStore, account: int) -> None:
    _save(
        store, account, series(range(96), start=_midnight(date(2026, 6, 1))), series([], direction=RECEIVED)
    )
    assert _whole(store, account) == {date(2026, 6, 1)}


def test_directions_that_share_no_day_have_no_whole_day(store: CompanyStore, account: int) -> None:
    first = _midnight(date(2026, 6, 1))
    _save(
        store,
        account,
        series(range(96), start=first),
        series(range(96), start=first + 9 * 86_400, direction=RECEIVED),
    )
    assert _whole(store, account) == set()


def test_an_unknown_meter_has_no_whole_day(store: CompanyStore, account: int) -> None:
    _save(store, account, series(range(96), start=_midnight(date(2026, 6, 1))))
    assert store.readings.whole_days(account, "unknown", NEW_YORK) == set()


def test_the_days_of_two_years_of_quarter_hours_are_found_quickly(store: CompanyStore, account: int) -> None:
    """A generous bound, for a busy machine."""
    first = date(2024, 6, 1)
    quarters = (_midnight(first + timedelta(days=762)) - _midnight(first)) // 900
    _save(store, account, series(range(quarters), start=_midnight(first)))
    began = time.perf_counter()
    assert len(_whole(store, account)) == 762
    assert time.perf_counter() - began < 0.8
