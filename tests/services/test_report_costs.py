"""What last winter cost is stated, compared and explained only as far as the bills allow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from meterfarm.records import Bill, BillMeter, Commodity, Quantity, Unit
from meterfarm.services.report.cost_story import CostStory, cost_story
from meterfarm.services.report.winter import headline, last_year

NEW_YORK = ZoneInfo("America/New_York")
TODAY = date(2026, 11, 30)
LAST, BEFORE = date(2025, 12, 1), date(2024, 12, 1)


def bill(first: date, days: int, cents: int, used: int = 100_000, **changes: object) -> Bill:
    last = first + timedelta(days=days - 1)
    row = BillMeter("E1", Commodity.ELECTRIC, first, last, Quantity(used, 0, Unit.WH))
    made = Bill("1", last, None, first, last, cents, 0, cents, meters=[row])
    return replace(made, **changes)  # type: ignore[arg-type]  # as they are named


def months(first: date, *days: int, cents: int = 10_000, **changes: object) -> list[Bill]:
    """Bills one after the other, of so many days each."""
    starts = [first + timedelta(days=sum(days[:number])) for number in range(len(days))]
    return [bill(start, each, cents, **changes) for start, each in zip(starts, days, strict=True)]  # type: ignore[arg-type]


def story(*bills: Sequence[Bill], zone: ZoneInfo = NEW_YORK, today: date = TODAY) -> CostStory:
    found = headline([each for some in bills for each in some], zone, today)
    assert found is not None
    return cost_story(found, "$")


def test_a_bill_of_a_year_is_no_winter() -> None:
    assert story([bill(date(2025, 9, 1), 365, 90_000)]).title == "The last twelve months cost $900.00"
    assert story([bill(date(2024, 7, 1), 600, 90_000)]).title == "The bills so far cost $900.00"


def test_times_of_other_lengths_are_compared_by_the_day() -> None:
    """Four bills of 29 and 30 days have their middle in a winter; three of them are one."""
    four = months(date(2025, 11, 17), 30, 29, 30, 29)
    assert story(four, months(BEFORE, 31, 31, 28)).compared.startswith("As much as the winter before")
    longer = story(months(LAST, 33, 33, 33), months(BEFORE, 28, 28, 28))
    assert longer.compared == (
        "99 days against 84 of the winter before, so the sums are not compared: a day cost $3.03, "
        "and $3.57 then."
    )
    assert (longer.mostly, longer.reasons) == ("", [])
    assert story(months(LAST, 31, 31, 28), months(BEFORE, 31, 31)).compared == (
        "The bills of the winter before are of 62 days, which is no whole winter, so there is no comparison."
    )


def test_a_time_of_years_ago_is_named_by_its_years() -> None:
    winter = months(date(2021, 12, 1), 31, 31, 28)
    assert story(winter).title == "The winter of 2021/22 cost $300.00"
    assert story(winter, today=date(2022, 2, 28)).title == "This winter cost $300.00"
    year = last_year(months(date(2021, 1, 1), *[30] * 12), TODAY)
    assert year is not None
    assert year.name == "the twelve months to December 2021"


def test_winter_is_in_june_south_of_the_equator_and_nowhere_in_utc() -> None:
    bills = months(date(2025, 6, 1), 30, 31, 31)
    for zone in ("America/Sao_Paulo", "America/Argentina/Cordoba", "America/Santiago", "Australia/Perth"):
        assert story(bills, zone=ZoneInfo(zone)).title == "The winter of 2025 cost $300.00"
    assert story(months(LAST, 31, 31, 28), zone=ZoneInfo("UTC")).title == "The bills so far cost $300.00"


def test_days_on_two_bills_are_named_instead_of_compared() -> None:
    again = bill(date(2026, 1, 15), 20, 5_000)
    found = story([*months(LAST, 31, 31, 28), again], months(BEFORE, 31, 31, 28))
    assert found.title == "The bills of last winter ask for $350.00 in all"
    days = "15 Jan – 31 Jan 2026"  # noqa: RUF001 - a range
    assert found.compared == f"It is not compared with the winter before: {days} is on two bills."


def test_a_balance_that_is_not_known_is_not_taken_for_none() -> None:
    unknown = months(LAST, 31, 31, 28, outstanding_balance=None, electricity_amount=8_000)
    found = story(unknown, months(BEFORE, 31, 31, 28))
    assert found.title == "The bills of last winter ask for $300.00 in all"
    why = "what was still owed of earlier bills is not known of 3 bills"
    assert found.compared == f"It is not compared with the winter before: {why}."
    assert found.about.endswith(f"90 days; {why}.")
    before = story(
        months(LAST, 31, 31, 28), months(BEFORE, 31, 31, 28, outstanding_balance=None, electricity_amount=1)
    )
    assert before.title == "Last winter cost $300.00"
    assert before.compared == f"It is not compared with the winter before: {why} of the winter before."
    whole = story(months(LAST, 31, 31, 28, outstanding_balance=None))
    assert whole.title == "Last winter cost $300.00", "its parts are all of it"


def test_a_winter_that_was_a_credit_is_compared_too() -> None:
    now, credit = months(LAST, 31, 31, 28), months(BEFORE, 31, 31, 28, cents=-1_000)
    assert story(now, credit).compared == "$330.00 more than the winter before, which was a credit of $30.00."
    turned = story(months(LAST, 31, 31, 28, cents=-1_000), months(BEFORE, 31, 31, 28))
    assert turned.title == "Last winter was a credit of $30.00"
    assert turned.compared == "$330.00 less than the winter before, which cost $300.00."
    nothing = months(BEFORE, 31, 31, 28, cents=0)
    assert story(now, nothing).compared == "$300.00 more than the winter before, which cost $0.00."


def test_reasons_are_only_of_what_bills_have() -> None:
    """No commodity has an amount; use is of two units; other items are charges, or credits."""
    less = months(BEFORE, 31, 31, 28, cents=5_000)
    unsplit = story(months(LAST, 31, 31, 28, electricity_amount=None), less)
    assert unsplit.mostly == "Why is not known: not every bill has an amount for each commodity."
    assert not unsplit.reasons
    mixed = months(LAST, 31, 31, 28)
    (row,) = mixed[1].meters
    mixed[1] = replace(mixed[1], meters=[replace(row, consumption=Quantity(100, 0, Unit.THERM))])
    assert [each.words for each in story(mixed, less).reasons] == ["Electricity cost more"]
    charged = story(months(LAST, 31, 31, 28, electricity_amount=5_000), less)
    assert charged.mostly == "Mostly because other charges were higher."
    credited = months(BEFORE, 31, 31, 28, electricity_amount=12_000)
    assert [
        each.words
        for each in story(months(LAST, 31, 31, 28, electricity_amount=12_000, cents=5_000), credited).reasons
    ] == ["Credits took off more"]
