"""A report adds up and compares bills that belong together, and says of the others why it does not."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from meterfarm.records import (
    Bill,
    BillMeter,
    CheckVerdict,
    Commodity,
    Direction,
    Meter,
    Quantity,
    Reading,
    Series,
    Unit,
)
from meterfarm.services.report import customer_report
from meterfarm.services.report.page import render
from meterfarm.services.report.report_facts import ReportedAccount, report_facts
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from tests.services.reported import CLOCK, EXPORT, Made, keep
from tests.storage.made import USERNAME, UTILITY

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ELECTRIC, GAS = Meter("E1", Commodity.ELECTRIC), Meter("G1", Commodity.GAS)
WINTER = Made("1", (ELECTRIC,), date(2025, 12, 1), 3)


def customer(store: CompanyStore) -> Customer:
    return store.customers.ensure(UTILITY, USERNAME)


def shown(store: CompanyStore, whose: Customer) -> str:
    return " ".join(customer_report(store, whose, NOW).split())


def kept(store: CompanyStore, made: Made, bills: Sequence[Bill]) -> str:
    """The page of an account with these bills, without intervals."""
    whose = customer(store)
    keep(store, whose, made, bills=bills, intervals=False)
    return shown(store, whose)


def test_a_ring_is_the_sum_that_the_bill_was_held_against(store: CompanyStore) -> None:
    """A net meter's bill is of what it took less what it gave; so is the ring."""
    whose = customer(store)
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    row = BillMeter("E1", Commodity.ELECTRIC, first, last, Quantity(743_000, 0, Unit.WH))
    march = Bill("1", date(2026, 4, 3), None, first, last, 5_000, 0, 5_000, meters=(row,))
    account = keep(store, whose, Made("1", (ELECTRIC,), first, 1), bills=[march], intervals=False)
    start, end = CLOCK.day(first).start, CLOCK.day(last + timedelta(days=1)).start
    for direction, each in ((Direction.DELIVERED, 1_500), (Direction.RECEIVED, 500)):
        readings = [Reading(at, 3_600, each) for at in range(start, end, 3_600)]
        series = Series("E1", Commodity.ELECTRIC, direction, Unit.WH, 0, readings)
        store.readings.save(account, EXPORT, "E1", [series])
    page = shown(store, whose)
    assert "1 agrees exactly" in page
    assert "743.000 kWh on the bill, 743.000 kWh in intervals" in page


def test_bills_of_other_meters_for_the_same_days_all_count(store: CompanyStore) -> None:
    gas = Made("1", (GAS,), date(2025, 12, 1), 3)
    both = [*WINTER.bills(), *gas.bills()]
    page = kept(store, replace(WINTER, meters=(ELECTRIC, GAS)), both)
    cents = sum(bill.total_amount for bill in both)
    assert "billed again later" not in page.lower()
    assert f"Last winter cost ${cents / 100:,.2f}" in page
    assert "6 bills, 1 Dec 2025 – 28 Feb 2026, 90 days" in page  # noqa: RUF001 - a range


def test_a_bill_that_is_billed_again_a_day_off_counts_once(store: CompanyStore) -> None:
    bills = list(WINTER.bills())
    day = timedelta(days=1)
    again = replace(
        bills[1],
        billed_on=bills[2].billed_on + day,
        billing_period_from=bills[1].billing_period_from + day,
        total_amount=bills[1].total_amount + 100,
    )
    page = kept(store, WINTER, [*bills, again])
    cents = sum(bill.total_amount for bill in (bills[0], again, bills[2]))
    assert f"Last winter cost ${cents / 100:,.2f}" in page
    assert page.count("Billed again later.") == 1


def test_a_bill_that_was_taken_back_and_what_took_it_back_add_nothing(store: CompanyStore) -> None:
    bills = list(WINTER.bills())
    owed = bills[1].total_amount
    back = replace(bills[1], billed_on=bills[2].billed_on, total_amount=-owed, electricity_amount=-owed)
    page = kept(store, WINTER, [*bills, back])
    cents = bills[0].total_amount + bills[2].total_amount
    assert f"The bills so far cost ${cents / 100:,.2f}" in page
    assert (page.count("Taken back later."), page.count("Takes a bill back.")) == (1, 1)


def test_a_correction_with_another_number_for_the_only_meter_counts_once(store: CompanyStore) -> None:
    bills = list(WINTER.bills())
    meter = replace(bills[1].meters[0], id="E9")
    wrong = replace(bills[1], meters=(meter,), total_amount=bills[1].total_amount + 5_000)
    again = replace(bills[1], billed_on=bills[2].billed_on, total_amount=bills[1].total_amount + 100)
    page = kept(store, WINTER, [bills[0], wrong, bills[2], again])
    cents = sum(bill.total_amount for bill in (bills[0], again, bills[2]))
    assert f"Last winter cost ${cents / 100:,.2f}" in page
    assert page.count("Billed again later.") == 1
    assert "meter E1</h4>" in page
    assert "meter E9</h4>" not in page
    (account,) = report_facts(store, customer(store), "").accounts
    (replaced,) = (each for each in account.bills if each.superseded)
    assert {check.verdict for check in replaced.checks if "the total is" in check.what} == {CheckVerdict.NOTE}


def test_the_readings_of_one_account_are_in_memory_at_a_time(store: CompanyStore) -> None:
    whose = customer(store)
    for number in range(4):
        keep(store, whose, Made(f"{number}", (ELECTRIC,), date(2026, 1, 1), 1))
    facts, counts = report_facts(store, whose, ""), []

    def counted() -> Iterator[ReportedAccount]:
        before = living()
        for account in facts.accounts:
            counts.append(living() - before)
            yield account

    def living() -> int:
        return sum(isinstance(each, Series) for each in gc.get_objects())

    render(replace(facts, accounts=counted()), NOW)
    assert counts == [1, 1, 1, 1]


def test_of_many_meters_those_that_differ_are_drawn(store: CompanyStore) -> None:
    meters = [Meter(f"E{number}", Commodity.ELECTRIC) for number in range(14)]
    whose = customer(store)
    made = Made("1", meters, date(2026, 1, 1), 2)
    bill, _ = made.bills()
    *rows, last = bill.meters
    wrong = replace(last, consumption=Quantity(1, 0, Unit.WH))
    keep(store, whose, made, bills=[replace(bill, meters=[*rows, wrong])])
    page = shown(store, whose)
    assert page.count("1 agrees exactly") == 11
    assert page.count("1 differs</span>") == 1
    assert "2 more are left out here" in page
