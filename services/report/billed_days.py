"""Days of bills: those that are on two, and how many there are in all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from meterfarm.formats.bills.billed_again import meters_of, share_meters
from meterfarm.formats.time_ranges import merged
from meterfarm.records import Bill


def billed_twice(bills: Sequence[Bill]) -> tuple[date, date] | None:
    """The first days that two bills have of the same meters; that of the read may be on both."""
    in_time = sorted(bills, key=lambda bill: (bill.billing_period_from, bill.billing_period_to))
    about = [meters_of(bill) for bill in in_time]
    for place, bill in enumerate(in_time):
        for next_to, other in enumerate(in_time[place + 1 :], start=place + 1):
            last = min(bill.billing_period_to, other.billing_period_to)
            if other.billing_period_from >= bill.billing_period_to:
                break
            if last > other.billing_period_from and share_meters(about[place], about[next_to]):
                return other.billing_period_from, last
    return None


def days_of_bills(bills: Sequence[Bill]) -> int:
    """How many days they are of, each counted once."""
    days = sorted(
        (bill.billing_period_from.toordinal(), bill.billing_period_to.toordinal() + 1)
        for bill in bills
        if bill.billing_period_from <= bill.billing_period_to
    )
    return sum(end - start for start, end in merged(days))
