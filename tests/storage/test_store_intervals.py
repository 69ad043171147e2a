"""Intervals are read page by page: of the pages together nothing is missing, and nothing comes twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import IntervalFacts, ReadingChannel, ReadingSum
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, GAS, START, USERNAME, UTILITY, series
from tests.storage.opening import ON_BOTH

pytestmark = ON_BOTH
QUARTER, DAY = 900, 86_400
MIDNIGHT = 1_700_006_400


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    return store.customers.ensure(UTILITY, USERNAME)


@pytest.fixture
def account(store: CompanyStore, customer: Customer) -> int:
    return store.accounts.save(customer, ACCOUNT)


def _read(store: CompanyStore, channels: list[ReadingChannel], since: int, count: int) -> list[list[Reading]]:
    found: list[list[Reading]] = [[] for _ in channels]
    end = max(channel.last for channel in channels) + 1
    while since < end:
        page = store.intervals.page(channels, since, count)
        assert page.until > since
        for kept, rows in zip(found, page.readings, strict=True):
            kept.extend(Reading(*row[:3], bool(row[3])) for row in rows)
        since = page.until
    return found


def test_pages_are_what_counts_where_lengths_meet(
    store: CompanyStore, customer: Customer, account: int
) -> None:
    """Quarters with a hole of days, zeros that are no values yet, days beside them and a month over all."""
    quarters = [Reading(MIDNIGHT + QUARTER * i, QUARTER, 5 + i % 7) for i in range(300) if not 96 <= i < 192]
    zeros = [Reading(MIDNIGHT + 4 * DAY + QUARTER * i, QUARTER, 0) for i in range(96)]
    days = [Reading(MIDNIGHT + DAY * i, DAY, 900 + i) for i in range(-2, 8)]
    month = [Reading(MIDNIGHT + 20 * DAY, 30 * DAY, 7), Reading(MIDNIGHT + 50 * DAY, 31 * DAY, 8)]
    one = replace(series([]), readings=[*quarters, *zeros, *days, *month])
    store.readings.save(account, EXPORT, "jan", [replace(one, exponent=-1)])
    store.readings.save(account, EXPORT, "feb", [replace(series([3], start=MIDNIGHT - 9 * DAY), exponent=0)])
    (meter,) = store.intervals.meters(customer)
    assert (meter.account_number, meter.meter_id, meter.commodity) == (
        ACCOUNT.number,
        ELECTRIC.id,
        ELECTRIC.commodity,
    )
    (channel,) = meter.channels
    assert [part.seconds for part in channel.series] == [QUARTER, DAY, 30 * DAY]
    assert (channel.first, channel.last) == (MIDNIGHT - 9 * DAY, MIDNIGHT + 50 * DAY)
    (whole,) = store.readings.series(account, ELECTRIC.id)
    for count in (1, 7, 100, 10_000):
        assert _read(store, [channel], channel.first, count) == [whole.readings]
    inside = store.intervals.uncrossed([channel], MIDNIGHT + 60 * DAY)
    assert inside == MIDNIGHT + 50 * DAY
    assert _read(store, [channel], inside, 9) == [list(whole.readings[-1:])]


def test_sums_are_of_what_begins_between_two_edges(
    store: CompanyStore, customer: Customer, account: int
) -> None:
    """Of figures below zero and above 32 bits, with a gap; edges outside of all readings have none."""
    readings = [Reading(MIDNIGHT + QUARTER * i, QUARTER, (-1) ** i * 3 * 10**9, i == 5) for i in range(9)]
    store.readings.save(account, EXPORT, "jan", [replace(series([]), readings=readings)])
    later = replace(series([]), readings=[Reading(MIDNIGHT + DAY, QUARTER, -7)])
    store.readings.save(account, EXPORT, "feb", [later])
    (meter,) = store.intervals.meters(customer)
    (one,) = meter.channels[0].series
    places = (-4, 0, 4, 9, 96, 97, 2000)
    sums = store.intervals.sums(one, [MIDNIGHT + QUARTER * place for place in places])
    four = ReadingSum(4, 0, 3 * 10**9, 4 * QUARTER, False)
    five = ReadingSum(5, 3 * 10**9, 3 * 10**9, 5 * QUARTER, True)
    assert sums == [None, four, five, None, ReadingSum(1, -7, -7, QUARTER, False), None]
    assert store.intervals.sums(one, [MIDNIGHT]) == store.intervals.sums(one, []) == []
    hours = range(MIDNIGHT - 500 * 3_600, MIDNIGHT + 500 * 3_600, 3_600)
    assert [each[0] if each else 0 for each in store.intervals.sums(one, hours)][499:504] == [0, 4, 4, 1, 0]


def test_facts_are_those_of_what_intervals_tell(
    store: CompanyStore, customer: Customer, account: int
) -> None:
    """Costs and temperatures are no intervals; other customers have their own, or none."""
    assert (store.intervals.facts(), store.intervals.meters(customer)) == ({}, [])
    cost = replace(series([1], start=START - DAY, unit=Unit.USD), measure=Measure.COST)
    gas = Series(GAS.id, Commodity.GAS, Direction.DELIVERED, Unit.CCF, 0, [Reading(START, DAY, 2)])
    store.readings.save(account, EXPORT, "jan", [cost, series([1, 2]), gas])
    facts = IntervalFacts(START, START + QUARTER)
    nobody = store.customers.ensure(UTILITY, "nobody@bayou.energy")
    assert store.intervals.facts() == store.intervals.facts([nobody.id, customer.id]) == {customer.id: facts}
    assert store.intervals.facts([nobody.id]) == store.intervals.facts([]) == {}
    assert [meter.meter_id for meter in store.intervals.meters(customer)] == [ELECTRIC.id, GAS.id]
