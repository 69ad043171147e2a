"""Bills against each other, against intervals and against last year: what is found, and what is left open."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from meterfarm.formats.bills.billed_again import billed_again, taken_back
from meterfarm.formats.bills.history import history_checks
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import (
    Bill,
    BillMeter,
    CheckVerdict,
    Commodity,
    Direction,
    Quantity,
    Reading,
    Series,
    Unit,
)

CLOCK = LocalTime(ZoneInfo("America/New_York"))
LAG = timedelta(days=2)
PASSED, FAILED, NOTE, OPEN = (
    CheckVerdict.PASSED,
    CheckVerdict.FAILED,
    CheckVerdict.NOTE,
    CheckVerdict.NO_VERDICT,
)


def meter(first: date, last: date, used: int = 31_000, **changes: object) -> BillMeter:
    row = BillMeter("E1", Commodity.ELECTRIC, first, last, Quantity(used, 0, Unit.WH), "Home")
    return replace(row, **changes)  # type: ignore[arg-type]  # as they are named


def bill(first: date, last: date, *meters: BillMeter, total: int = 5_000) -> Bill:
    rows = meters or (meter(first, last),)
    return Bill("1", last + timedelta(days=3), None, first, last, total, 0, total, meters=rows)


def hours(first: date, last: date, each: int = 1_000, **changes: object) -> Series:
    """A kilowatt-hour each hour of these local days."""
    start, end = CLOCK.day(first).start, CLOCK.day(last + timedelta(days=1)).start
    readings = [Reading(at, 3_600, each) for at in range(start, end, 3_600)]
    series = Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, readings)
    return replace(series, **changes)  # type: ignore[arg-type]  # as they are named


def found(
    bills: Sequence[Bill], series: Sequence[Series] = (), lag: timedelta = LAG
) -> list[list[tuple[str, CheckVerdict, str]]]:
    """Without those that say that there are no intervals."""
    return [
        [
            (each.name, each.verdict, each.what)
            for each in checks
            if series or (each.name, each.verdict) != ("intervals", OPEN)
        ]
        for checks in history_checks(bills, series, CLOCK, lag)
    ]


def only(bill: Bill, *series: Series) -> tuple[CheckVerdict, str]:
    ((_, verdict, what),) = found([bill], series)[0]
    return verdict, what


def compared_sums(bills: Sequence[Bill], series: Sequence[Series]) -> list[Quantity | None]:
    """What each row was held against."""
    checks = history_checks(bills, series, CLOCK, LAG)
    return [check.counted for each in checks for check in each if check.name == "intervals"]


MARCH = bill(date(2025, 3, 1), date(2025, 3, 31), meter(date(2025, 3, 1), date(2025, 3, 31), 743_000))
"""743 hours: a clock is put forward."""


def test_periods_abut_or_the_days_between_are_named() -> None:
    january = bill(date(2025, 1, 1), date(2025, 1, 31))
    february = bill(date(2025, 2, 1), date(2025, 2, 28))
    april = bill(date(2025, 4, 1), date(2025, 4, 30))
    twice = bill(date(2025, 4, 29), date(2025, 5, 28))
    checks = found([twice, april, february, january])
    assert checks == [
        [
            (
                "periods",
                FAILED,
                "2025-04-29 to 2025-04-30 are billed twice, here and on the bill of 2025-05-03.",
            )
        ],
        [("periods", FAILED, "2025-03-01 to 2025-03-31 are on no bill that is read, 31 days.")],
        [
            (
                "periods",
                PASSED,
                "It begins on 2025-02-01; the bill before is of 2025-01-01 to 2025-01-31.",
            )
        ],
        [],
    ]


def test_a_period_that_is_billed_again_is_no_fault() -> None:
    january, february = (
        bill(date(2025, 1, 1), date(2025, 1, 31)),
        bill(date(2025, 2, 1), date(2025, 2, 28)),
    )
    corrected = replace(january, billed_on=date(2025, 2, 8), total_amount=4_875)
    checks = found([january, corrected, february])
    assert checks == [
        [("periods", NOTE, "Its days are billed again on the bill of 2025-02-08, which counts.")],
        [
            (
                "periods",
                NOTE,
                "It bills the same days again as the bill of 2025-02-03: 48.75 in all instead of 50.00.",
            )
        ],
        [
            (
                "periods",
                PASSED,
                "It begins on 2025-02-01; the bill before is of 2025-01-01 to 2025-01-31.",
            )
        ],
    ]


def test_a_bill_that_takes_another_back_counts_as_little_as_that_one() -> None:
    """The same day may bring the bill that counts; an amount that differs takes nothing back."""
    january, february = (
        bill(date(2025, 1, 1), date(2025, 1, 31)),
        bill(date(2025, 2, 1), date(2025, 2, 28)),
    )
    day = date(2025, 2, 8)
    back = replace(january, billed_on=day, total_amount=-5_000, electricity_amount=-5_000)
    right = replace(january, billed_on=day, total_amount=4_100, electricity_amount=4_100)
    assert found([january, right, back, february]) == [
        [("periods", NOTE, "The bill of 2025-02-08 takes it back; neither counts.")],
        [],
        [
            (
                *("periods", NOTE),
                "It takes back the bill of 2025-02-03; neither counts: -50.00 in all, and 50.00 then.",
            )
        ],
        [("periods", PASSED, "It begins on 2025-02-01; the bill before is of 2025-01-01 to 2025-01-31.")],
    ]
    alone = [("periods", NOTE), ("periods", FAILED)]
    checks = found([bill(date(2024, 12, 1), date(2024, 12, 31)), january, back, february])
    assert [(name, verdict) for each in checks for name, verdict, _ in each] == [("periods", NOTE), *alone]
    assert not taken_back([january, replace(back, electricity_amount=-4_900)])
    assert not taken_back([january, replace(back, billed_on=date(2025, 2, 1))])
    assert not taken_back([february, back])


def test_a_correction_may_have_another_number_for_the_only_meter_and_begin_a_day_off() -> None:
    """It is held against intervals and the bills about it; what it replaces is no fault."""
    days = [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)]
    months = [
        bill(
            first,
            after - timedelta(days=1),
            meter(first, after - timedelta(days=1), 24_000 * (after - first).days),
        )
        for first, after in pairwise(days)
    ]
    wrong = replace(
        months[1],
        billing_period_from=date(2025, 2, 2),
        meters=(replace(months[1].meters[0], id="E9"),),
        total_amount=9_000,
    )
    right = replace(months[1], billed_on=date(2025, 3, 20))
    checks = found([months[0], wrong, months[2], right], [hours(days[0], date(2025, 5, 1))])
    assert [[(name, verdict) for name, verdict, _ in each] for each in checks] == [
        [("intervals", PASSED)],
        [("periods", NOTE), ("intervals", OPEN)],
        [("periods", PASSED), ("intervals", FAILED)],
        [("periods", NOTE), ("periods", PASSED), ("intervals", PASSED)],
    ], "March has an hour less"
    assert checks[3][0][2] == (
        "It bills 2025-02-02 to 2025-02-28 again, the days of the bill of 2025-03-03: "
        "50.00 in all instead of 90.00."
    )
    misread = replace(months[1], meters=(replace(months[1].meters[0], consumption=Quantity(1, 0, Unit.WH)),))
    replaced, _ = found([misread, right], [hours(days[0], date(2025, 5, 1))])
    assert [(name, verdict) for name, verdict, _ in replaced] == [("periods", NOTE), ("intervals", NOTE)]


def test_two_meters_with_bills_of_their_own_are_no_corrections() -> None:
    """Each follows its own; in their first month they are told apart by their reads, or the day of issue."""
    days = [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)]
    months = [bill(first, after - timedelta(days=1)) for first, after in pairwise(days)]
    others = [
        replace(
            each, billed_on=each.billed_on + timedelta(days=2), meters=(replace(each.meters[0], id="E2"),)
        )
        for each in months
    ]
    before = "It begins on 2025-02-01; the bill before is of 2025-01-01 to 2025-01-31."
    follows = [("periods", PASSED, before)]
    assert found([*months, *others]) == [[], follows, [], follows]
    same_day = replace(others[0], billed_on=months[0].billed_on)
    assert found([months[0], same_day]) == [[], []]
    other_use = replace(others[0].meters[0], consumption=Quantity(15_000, 0, Unit.WH))
    assert found([months[0], replace(others[0], meters=(other_use,))]) == [[], []]
    read = replace(months[0].meters[0], previous_read=Decimal(10), current_read=Decimal(20))
    elsewhere = replace(read, id="E2", previous_read=Decimal(70), current_read=Decimal(85))
    later = replace(others[0], meters=(replace(elsewhere, consumption=Quantity(15_000, 0, Unit.WH)),))
    assert found([replace(months[0], meters=(read,)), later]) == [[], []]


def test_bills_without_meters_of_one_day_are_no_corrections() -> None:
    """Of two meters, or of gas and electricity: a correction is issued later."""
    one = replace(bill(date(2025, 1, 1), date(2025, 1, 31)), meters=())
    assert not billed_again([one, replace(one, total_amount=7_000)])
    assert billed_again([one, replace(one, billed_on=one.billed_on + timedelta(days=9))]) == {0: 1}


def test_separate_bills_of_gas_and_electricity_follow_their_own_kind() -> None:
    days = [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)]
    rows = [meter(first, after - timedelta(days=1)) for first, after in pairwise(days)]
    both = [each for row in rows for each in (row, replace(row, id="G1", commodity=Commodity.GAS))]
    bills = [bill(row.billing_period_from, row.billing_period_to, row) for row in both]
    before = "It begins on 2025-02-01; the bill before is of 2025-01-01 to 2025-01-31."
    assert found(bills) == [[], [], [("periods", PASSED, before)], [("periods", PASSED, before)]]


def test_bills_that_share_the_day_of_the_read_abut() -> None:
    """Such a bill's last day is the next one's first; which hour was read is not known."""
    days = [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)]
    bills = [
        bill(first, last, meter(first, last, 24_000 * (last - first).days)) for first, last in pairwise(days)
    ]
    checks = found(bills, [hours(days[0], date(2025, 5, 1))])
    assert [[verdict for _, verdict, _ in each] for each in checks] == [
        [PASSED],
        [PASSED, PASSED],
        [PASSED, OPEN],
    ], "in March an hour is missing"
    sums = [each.meters[0].consumption for each in bills[:2]]
    assert compared_sums(bills, [hours(days[0], date(2025, 5, 1))]) == [*sums, None]


def test_use_equals_the_intervals_of_local_days_exactly() -> None:
    all_of_it = hours(date(2025, 2, 20), date(2025, 4, 10))
    assert only(MARCH, all_of_it) == (
        PASSED,
        "Meter E1: 743.000 kWh, and its 743 intervals of 2025-03-01 to 2025-03-31 add up to the same.",
    )
    (row,) = MARCH.meters
    wrong = replace(MARCH, meters=(replace(row, consumption=Quantity(743_001, 0, Unit.WH)),))
    assert only(wrong, all_of_it) == (
        FAILED,
        "Meter E1: the bill has 743.001 kWh, and its 743 intervals of 2025-03-01 to 2025-03-31 add up to "
        "743.000 kWh, 0.001 kWh less.",
    )
    coarse = replace(MARCH, meters=(replace(row, consumption=Quantity(744, 3, Unit.WH)),))
    finer = hours(date(2025, 2, 20), date(2025, 4, 10), 1_001)
    assert only(coarse, finer)[0] is PASSED, "743.743 kWh, on a bill in whole ones"
    assert only(coarse, all_of_it)[0] is FAILED


def test_what_is_not_there_gives_no_verdict_and_says_why() -> None:
    lacking = hours(date(2025, 2, 20), date(2025, 4, 10))
    holed = replace(lacking, readings=[each for place, each in enumerate(lacking.readings) if place != 400])
    other = replace(lacking, unit=Unit.M3)
    early = hours(date(2025, 2, 20), date(2025, 3, 30))
    fresh = hours(date(2025, 2, 20), date(2025, 4, 1), 999)
    late = hours(date(2025, 3, 5), date(2025, 4, 10))
    before = "Meter E1, 2025-03-01 to 2025-03-31, is not held against intervals: "
    for series, why in (
        ([], "no intervals of it are stored."),
        ([holed], "1 h of its intervals are missing, the first on 2025-03-08."),
        ([other], "its intervals are in m3, the bill is in Wh."),
        ([early], "its intervals end on 2025-03-30; the utility shows them about 2 d later."),
        ([fresh], "the newest of its intervals may still change (within 2 d)."),
        ([late], "its intervals begin on 2025-03-05, within the bill's days."),
    ):
        ((_, verdict, what),) = [
            (each.name, each.verdict, each.what) for each in history_checks([MARCH], series, CLOCK, LAG)[0]
        ]
        assert (verdict, what) == (OPEN, before + why)


def test_a_net_meter_is_held_against_both_directions() -> None:
    taken = hours(date(2025, 2, 20), date(2025, 4, 10), 1_500)
    given = hours(date(2025, 2, 20), date(2025, 4, 10), 500, direction=Direction.RECEIVED)
    verdict, what = only(MARCH, taken, given)
    assert verdict is PASSED
    assert what.endswith("add up to the same, less what it fed in.")
    assert compared_sums([MARCH], [taken, given]) == [MARCH.meters[0].consumption]


def test_tariffs_reads_and_meters_that_change_are_noted() -> None:
    first = date(2025, 1, 1), date(2025, 1, 31)
    second = date(2025, 2, 1), date(2025, 2, 28)
    third = date(2025, 3, 1), date(2025, 3, 31)
    bills = [
        bill(*first, meter(*first, previous_read=Decimal(100), current_read=Decimal(131))),
        bill(
            *second,
            meter(*second, tariff="Night", previous_read=Decimal(131), current_read=Decimal("162.5")),
        ),
        bill(*third, meter(*third, id="E2", previous_read=Decimal(0), current_read=Decimal(31))),
        bill(
            date(2025, 4, 1),
            date(2025, 4, 30),
            meter(date(2025, 4, 1), date(2025, 4, 30), id="E2", previous_read=Decimal(32)),
        ),
    ]
    noted = [[each for each in checks if each[0] != "periods"] for checks in found(bills)]
    assert noted == [
        [],
        [
            ("reads", PASSED, "Meter E1 begins at 131, its last read before."),
            ("tariff", NOTE, "From 2025-02-01 meter E1 has the tariff “Night”; before “Home”."),
        ],
        [
            (
                "meters",
                NOTE,
                "Meter E2 counts electricity from 2025-03-01 on, its first read is 0. It replaces meter E1; "
                "the last read of that is 162.5, on 2025-02-28.",
            )
        ],
        [("reads", FAILED, "Meter E2 begins at 32; its last read before, on 2025-03-31, is 31.")],
    ]


def test_far_more_than_last_year_is_noted_with_both_figures() -> None:
    first = date(2024, 1, 5), date(2024, 2, 4)
    again = date(2025, 1, 5), date(2025, 2, 4)
    usual = bill(*first, meter(*first, 310_000), total=6_200)
    more = bill(*again, meter(*again, 620_000), total=15_500)
    checks = found([usual, more])[1]
    assert [each for each in checks if each[0] == "last_year"] == [
        (
            "last_year",
            NOTE,
            "Electricity: 20.0 kWh a day, 100 % more than the 10.0 kWh of 2024-01-05 to 2024-02-04; "
            "it cost 5.00 a day, 2.00 then.",
        )
    ]
    dear = bill(*again, meter(*again, 310_000), total=12_400)
    assert found([usual, dear])[1][-1][2] == (
        "Electricity: 4.00 a day, 100 % more than the 2.00 of 2024-01-05 to 2024-02-04; 10.0 kWh a day were "
        "used, 10.0 kWh then."
    )
    little = bill(*again, meter(*again, 372_000), total=7_000)
    assert not [each for each in found([usual, little])[1] if each[0] == "last_year"]


def test_checks_of_many_bills_take_no_longer_for_each() -> None:
    """Sixty-six years of months: each bill is held against those that it needs, not against all."""
    days = [date(1960 + number // 12, number % 12 + 1, 1) for number in range(801)]
    bills = [bill(first, after - timedelta(days=1)) for first, after in pairwise(days)]
    began = time.process_time()
    checks = found(bills)
    assert time.process_time() - began < 2, "a tenth of a second; six seconds with each against all"
    assert len(checks) == 800
