"""Readings and bills are pure functions of customer and day, and they add up."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.billing import Bill, bills
from meterfarm.fake_utility.kit.calendar import (
    ONE_DAY,
    billed_periods,
    days,
    readings_span,
    statement_date,
)
from meterfarm.fake_utility.kit.money import charge, dollars, quantity
from meterfarm.fake_utility.kit.readings import (
    DayOfReadings,
    day_of_readings,
    day_total,
    register,
    temperature,
)
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS

TODAY = date(2026, 11, 21)
VALID = CUSTOMERS["iamvalid@bayou.energy"].accounts[0]
SOLAR = CUSTOMERS["solar@speculoos.example"].accounts[0]
BILLED = [account for customer in CUSTOMERS.values() for account in customer.accounts if not account.new]


def read(meter: Meter, day: date, direction: Direction = "delivered") -> DayOfReadings:
    return day_of_readings(meter, direction, day)


def test_every_number_belongs_to_one_customer() -> None:
    accounts = [account for customer in CUSTOMERS.values() for account in customer.accounts]
    meters = [meter for account in accounts for meter in account.meters]
    for numbers in (
        [account.number for account in accounts],
        [meter.id for meter in meters],
        [meter.service_number for meter in meters],
        [customer.phone for customer in CUSTOMERS.values()],
    ):
        assert len(set(numbers)) == len(numbers)
    assert {len(account.number) for account in accounts} == {15}
    assert all(meter.id[0] in "EG" and len(meter.id) == 8 for meter in meters)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 8), 23), (date(2025, 11, 2), 25), (date(2026, 11, 1), 25), (date(2026, 6, 1), 24)],
)
def test_a_day_has_as_many_readings_as_it_has_quarter_hours(day: date, hours: int) -> None:
    electric, gas = VALID.meters
    assert len(read(electric, day).values) == 4 * hours
    assert len(read(gas, day).values) == hours
    assert read(electric, day).start + 900 * 4 * hours == read(electric, day + ONE_DAY).start


def test_readings_reach_from_25_months_back_to_yesterday() -> None:
    assert readings_span(TODAY) == (date(2024, 10, 1), date(2026, 11, 20))
    assert readings_span(TODAY + ONE_DAY) == (date(2024, 10, 1), date(2026, 11, 21))


def test_winter_burns_gas_and_summer_cools() -> None:
    electric, gas = VALID.meters

    def month(meter: Meter, number: int) -> int:
        start = date(2026, number, 1)
        return sum(day_total(meter, "delivered", start + n * ONE_DAY) for n in range(28))

    assert month(gas, 1) > 4 * month(gas, 7)
    assert month(electric, 7) > month(electric, 5)
    assert -20 < temperature(date(2026, 1, 20)) < temperature(date(2026, 7, 20)) < 35


def test_a_solar_roof_sends_energy_out_at_noon_and_none_at_night() -> None:
    electric = SOLAR.meters[0]
    out, taken = (
        read(electric, date(2026, 6, 15), direction).values for direction in ("received", "delivered")
    )
    assert sum(out[44:56]) > 0
    assert sum(out[:16]) == 0
    assert sum(taken[:16]) > 0
    assert not any(sent and used for sent, used in zip(out, taken, strict=True))


def test_some_readings_are_estimated_but_few() -> None:
    electric = VALID.meters[0]
    flagged = sum(len(read(electric, day).estimated) for day in days(*readings_span(TODAY)))
    assert 10 < flagged < 500


@pytest.mark.parametrize("account", BILLED, ids=lambda account: account.number)
def test_a_bill_is_the_sum_of_its_readings_and_of_its_lines(account: Account) -> None:
    listed = bills(account, TODAY)
    assert len(listed) == 24
    for bill in listed[:3] + listed[-2:]:
        for row in bill.reads:
            taken = days(bill.period.start, bill.period.to)
            assert row.usage == sum(sum(read(row.meter, day, row.direction).values) for day in taken)
        lines = [line for part in bill.charges for line in (*part.delivery, *part.supply)] + list(
            bill.credits
        )
        assert bill.total_cents == sum(line.cents for line in lines) + bill.previous_balance_cents
        assert bill.total_cents > 0


@pytest.mark.parametrize("account", BILLED, ids=lambda account: account.number)
def test_bills_follow_each_other_without_a_gap(account: Account) -> None:
    listed = bills(account, TODAY)
    assert listed[0].billed_on <= TODAY
    for newer, older in pairwise(listed):
        assert newer.period.start == older.period.to + ONE_DAY
        assert [row.previous for row in newer.reads] == [row.current for row in older.reads]
        assert newer.last_bill_cents == older.total_cents
        assert older.period.to < older.billed_on < newer.period.to + ONE_DAY
    assert len({bill.id for bill in listed}) == 24


def test_now_and_then_a_remainder_was_left_unpaid() -> None:
    left = [bill.previous_balance_cents for account in BILLED for bill in bills(account, TODAY)]
    assert 0 < sum(1 for cents in left if cents) < len(left) / 3
    assert min(left) == 0


@pytest.mark.parametrize("read_day", sorted({account.read_day for account in BILLED}))
def test_on_every_day_all_24_periods_lie_where_readings_are(read_day: int) -> None:
    for offset in range(800):
        today = date(2025, 1, 1) + timedelta(days=offset)
        periods = billed_periods(read_day, today)
        first, last = readings_span(today)
        assert periods[-1].start >= first
        assert periods[0].to < last, "a bill would need a day that is still provisional"
        assert statement_date(periods[0]) <= today


def test_a_day_on_nothing_older_has_changed() -> None:
    before = {bill.id: bill for bill in bills(VALID, date(2026, 12, 2))}
    after: dict[str, Bill] = {bill.id: bill for bill in bills(VALID, date(2026, 12, 3))}
    assert len(set(after) - set(before)) == 1
    assert all(after[key] == before[key] for key in set(after) & set(before))


def test_registers_count_forwards_also_before_they_are_counted_from() -> None:
    meter = VALID.meters[0]
    for day in (date(2022, 12, 31), date(2023, 1, 1), date(2021, 5, 17), date(2016, 1, 31)):
        assert register(meter, "delivered", day + ONE_DAY) - register(meter, "delivered", day) == day_total(
            meter, "delivered", day
        )
        assert register(meter, "delivered", day) > 0


def test_money_and_quantities_are_exact() -> None:
    assert [dollars(cents) for cents in (0, 5, -1234, 123456)] == ["$0.00", "$0.05", "-$12.34", "$1,234.56"]
    assert quantity(641976) == "641.976"
    assert charge(1_000, 50_000) == 50
    assert [charge(1_000, rate) for rate in (499, 500, 1_499)] == [0, 1, 1]
