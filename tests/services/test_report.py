"""A report says what last winter cost and why, of whatever is stored, and runs and loads nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from lxml import html

from meterfarm.records import Bill, CheckVerdict, Commodity, Document, HistoryCheck, ListedBill, Meter
from meterfarm.services.bill_history import (
    URGENT_FIRST,
    account_checks,
    bill_checks,
    days_of,
    history_checks,
    series_of,
)
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.report import customer_report
from meterfarm.services.report.report_facts import report_facts
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import ReadBill
from meterfarm.storage.store import CompanyStore, Store
from tests.services.reported import CLOCK, EXPORT, Made, keep
from tests.storage.made import USERNAME, UTILITY

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ELECTRIC, GAS = Meter("E<1>", Commodity.ELECTRIC), Meter("G1", Commodity.GAS)
DOCUMENT = Document(b"%PDF more", "application/pdf", "bill.pdf")
TWO_YEARS = Made("77", (ELECTRIC, GAS), date(2024, 11, 5), 17)


def customer(store: CompanyStore) -> Customer:
    return store.customers.ensure(UTILITY, USERNAME)


def page(store: CompanyStore, whose: Customer) -> tuple[str, str]:
    """The page, which is whole and harmless, and its text."""
    text = customer_report(store, whose, NOW)
    document = html.fromstring(text)
    assert not document.xpath("//script | //iframe | //object | //link | //img | //image | //form")
    assert not document.xpath("//@*[starts-with(name(), 'on')] | //@style")
    links = {str(link) for link in document.xpath("//@href | //@src")}
    assert all(link.startswith("#") for link in links)
    ids = [str(each) for each in document.xpath("//@id")]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links} <= set(ids)
    assert not re.search(r"url\(|@import|\bnan\b|\binf\b|None", text)
    assert "<script" not in text
    return text, " ".join(document.text_content().split())


def headline(text: str) -> str:
    found = html.fromstring(text).xpath("//*[@class='headline'] | //*[@class='compared']")
    return " ".join(each.text_content() for each in found)


def test_last_winter_and_why_are_in_plain_words(store: CompanyStore) -> None:
    whose = customer(store)
    keep(store, whose, TWO_YEARS)
    text, shown = page(store, whose)
    costs = {bill.billing_period_from: bill.total_amount for bill in TWO_YEARS.bills()}
    last = sum(costs[day] for day in (date(2025, 12, 5), date(2026, 1, 5), date(2026, 2, 5)))
    before = sum(costs[day] for day in (date(2024, 12, 5), date(2025, 1, 5), date(2025, 2, 5)))
    assert (last, before) == (29_034, 28_388)
    assert headline(text) == (
        "Last winter cost $290.34 $6.46 (2 %) more than the winter before, which cost $283.88. "
        "Mostly because more electricity was used."
    )
    assert "Ada <b>Bold</b>" in shown
    assert "1 <Waffle> & Way, Ghent, NY 12075" in shown
    assert "tariff “Night <script>alert(1)</script>”; before “Home”." in shown
    assert "✓ 17 agree exactly" in shown
    assert "No fault found" in shown


def test_a_meter_of_only_a_bill_that_was_billed_again_is_not_shown(store: CompanyStore) -> None:
    whose = customer(store)
    *others, last = TWO_YEARS.bills()
    mistaken = replace(last, meters=(replace(last.meters[0], id="E9"), *last.meters[1:]))
    again = replace(last, billed_on=last.billed_on + timedelta(days=5))
    keep(store, whose, TWO_YEARS, bills=[*others, mistaken, again], intervals=False)
    page(store, whose)
    (account,) = report_facts(store, whose, "").accounts
    assert [meter.id for meter in account.meters] == [ELECTRIC.id, GAS.id]


def test_what_is_wrong_comes_first_and_names_the_line(store: CompanyStore) -> None:
    whose = customer(store)
    bills: list[Bill | None] = list(TWO_YEARS.bills())
    altered = bills[-3]
    assert altered is not None
    first, gas = altered.meters
    more = replace(first.consumption, mantissa=first.consumption.mantissa + 1)
    bills[-3] = replace(altered, meters=(replace(first, consumption=more), gas))
    bills[10] = None
    keep(store, whose, TWO_YEARS, bills=bills)
    text, shown = page(store, whose)
    assert "2 to look at" in shown
    assert "Meter E<1>: the bill has " in shown
    assert "0.001 kWh less." in shown
    assert "2025-09-05 to 2025-10-04 are on no bill that is read, 30 days." in shown
    assert "The bill shows no <total>." in shown
    assert "◆ 1 differ" in shown
    assert text.index("to look at</h4>") < text.index("passed</h4>")


def test_accounts_with_little_are_right_too(store: CompanyStore) -> None:
    """Gas alone without intervals, intervals without a bill, nothing at all: each says what is not there."""
    whose = customer(store)
    assert "Nothing is stored of this customer yet." in page(store, whose)[1]
    keep(store, whose, Made("1", (GAS,), date(2025, 12, 1), 3), intervals=False)
    keep(store, whose, Made("2", (ELECTRIC,), date(2025, 12, 1), 2), bills=[])
    keep(store, whose, Made("3", (), date(2025, 12, 1), 0), bills=[])
    _, shown = page(store, whose)
    assert "Last winter cost $" in shown
    assert "There are no bills of the winter before to compare it with." in shown
    assert "No intervals of an hour or less are stored of this account" in shown
    assert "No bill of this account is stored that could be read." in shown
    assert "3 not compared" in shown
    assert "Electricity used meter E<1>, 1 Dec 2025 – 31 Jan 2026" in shown  # noqa: RUF001 - a range


def test_a_locked_bills_figures_are_withheld(farm: Store, store: CompanyStore) -> None:
    change_company(farm, farm.companies.only(), ChangeCompany(history="none", continuous=False))
    whose = customer(store)
    keep(store, whose, Made("1", (ELECTRIC,), date(2025, 10, 1), 3))
    newest, middle, oldest = store.bills.list(whose)
    store.bills.unlock(newest.id, "us")
    checks = history_checks(store, whose)
    assert [each.name for each in checks[oldest.id]] == []
    assert [each.name for each in checks[middle.id]] == ["periods"]
    assert [each.name for each in checks[newest.id]] == ["periods", "intervals"]
    text, shown = page(store, whose)
    assert shown.count("Locked: what it says is withheld.") == 2
    assert "Home" not in text
    assert "No fault found" in shown


def test_a_bill_that_bills_a_locked_ones_days_again_has_neither_total(
    farm: Store, store: CompanyStore
) -> None:
    change_company(farm, farm.companies.only(), ChangeCompany(history="none", continuous=False))
    whose = customer(store)
    made = Made("1", (ELECTRIC,), date(2025, 10, 1), 1)
    (first,) = made.bills()
    more = replace(first, billed_on=first.billed_on + timedelta(days=5), total_amount=first.total_amount + 7)
    keep(store, whose, made, bills=[first, more], intervals=False)
    again, before = store.bills.list(whose)
    for unlocked in (again, before):
        what = history_checks(store, whose)[again.id][0].what
        assert what == f"It bills the same days again as the bill of {first.billed_on}."
        store.bills.unlock(unlocked.id, "us")
    assert " in all instead of " in history_checks(store, whose)[again.id][0].what


def test_locked_bills_of_gas_and_electricity_follow_their_own_kind(farm: Store, store: CompanyStore) -> None:
    change_company(farm, farm.companies.only(), ChangeCompany(history="none", continuous=False))
    whose = customer(store)
    made = [Made("1", (meter,), date(2025, 10, 1), 2) for meter in (ELECTRIC, GAS)]
    keep(store, whose, made[0], bills=[bill for each in made for bill in each.bills()], intervals=False)
    every = [check for checks in history_checks(store, whose).values() for check in checks]
    before = "It begins on 2025-11-01; the bill before is of 2025-10-01 to 2025-10-31."
    assert [(each.name, each.verdict, each.what) for each in every] == [
        ("periods", CheckVerdict.PASSED, before)
    ] * 2


def test_bills_are_held_against_the_intervals_of_their_own_days_alone(store: CompanyStore) -> None:
    """With the verdicts and the sentences that all of them would give, also where there are none."""
    whose = customer(store)
    every = list(TWO_YEARS.bills())
    rows = [replace(row, billing_period_from=date(2020, 1, 1)) for row in every[6].meters]
    old = replace(
        every[6],
        billed_on=date(2020, 2, 2),
        billing_period_from=date(2020, 1, 1),
        billing_period_to=date(2020, 1, 31),
        meters=[replace(row, billing_period_to=date(2020, 1, 31)) for row in rows],
    )
    account_id = keep(store, whose, TWO_YEARS, bills=[old])
    zone, lag = days_of(whose)
    for more in ([], [(7, every[7])], [(16, every[16])]):
        listed = [
            ReadBill(ListedBill(f"m{n}", "", bill.billed_on), DOCUMENT, bill, "made", 1) for n, bill in more
        ]
        store.bills.save(account_id, listed)
        (account,) = store.accounts.list(whose)
        bills = list(store.bills.of_account(account_id).values())
        whole = account_checks(bills, frozenset(), series_of(store, account), zone, lag)
        assert history_checks(store, whose) == whole
        assert_each_alone(store, whose, whole)


def assert_each_alone(
    store: CompanyStore, whose: Customer, every: Mapping[int, Sequence[HistoryCheck]]
) -> None:
    """What is found of one bill is what is found of it among all."""
    for found in store.bills.list(whose):
        expected = sorted(every.get(found.id, ()), key=lambda check: URGENT_FIRST.index(check.verdict))
        assert bill_checks(store, found) == expected


def test_a_bill_in_a_long_gap_is_not_taken_for_one_without_intervals(store: CompanyStore) -> None:
    whose = customer(store)
    made = Made("1", (ELECTRIC, GAS), date(2025, 1, 1), 12)
    account_id = keep(store, whose, made, intervals=False)
    for meter, months in ((ELECTRIC, (0, 1, 2, 8, 9)), (GAS, (5,))):
        series = made.series(meter)
        readings = [each for each in series.readings if CLOCK.day_of(each[0]).date.month - 1 in months]
        store.readings.save(account_id, EXPORT, meter.id, [replace(series, readings=readings)])
    every = history_checks(store, whose)
    (june,) = (bill for bill in store.bills.list(whose) if bill.billed_on == date(2025, 7, 3))
    assert "of its intervals are missing, the first on 2025-06-01" in " ".join(
        check.what for check in every[june.id]
    )
    assert_each_alone(store, whose, every)


def test_five_years_of_quarter_hours_are_quick_and_bounded(store: CompanyStore) -> None:
    whose = customer(store)
    keep(store, whose, Made("1", (ELECTRIC,), date(2021, 1, 1), 60, step=900))
    began = time.process_time()
    text, shown = page(store, whose)
    assert time.process_time() - began < 15, "one or two seconds on a machine that does nothing else"
    assert "✓ 60 agree exactly" in shown
    assert len(text) < 700_000
