"""Days of bills: those that are billed again, those on two bills, and how many there are in all. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from meterfarm.formats.time_ranges import merged
from meterfarm.records import Bill, Commodity
from meterfarm.storage.data import StoredBill

_OFF = timedelta(days=3)
"""A bill that is billed again may begin and end so much sooner or later."""
_About = frozenset[tuple[str, Commodity]]


def billed_again(every: Sequence[StoredBill]) -> frozenset[int]:
    """The ids of bills of which a later one bills the same meters for the same days, give or take three.

    Another number may have been mended for one of the meters, not for all.
    """
    alike: dict[tuple[Commodity, ...], list[tuple[Bill, int]]] = {}
    for each in every:
        if each.bill is not None:
            commodities = tuple(sorted(commodity for _, commodity in _about(each.bill)))
            alike.setdefault(commodities, []).append((each.bill, each.id))
    return frozenset(number for bills in alike.values() for number in _again(bills))


def _again(bills: Sequence[tuple[Bill, int]]) -> Iterator[int]:
    in_time = sorted(bills, key=lambda each: (each[0].billing_period_from, each[1]))
    for place, (bill, number) in enumerate(in_time):
        for other, other_number in in_time[place + 1 :]:
            if other.billing_period_from - bill.billing_period_from > _OFF:
                break
            if _are_same_days(bill, other) and _share(_about(bill), _about(other)):
                earlier = (bill.billed_on, number) < (other.billed_on, other_number)
                yield number if earlier else other_number


def _are_same_days(bill: Bill, other: Bill) -> bool:
    """Their begins are near each other; their ends are, too, and both have most of the days in common."""
    shared = min(bill.billing_period_to, other.billing_period_to) - other.billing_period_from
    longer = max(each.billing_period_to - each.billing_period_from for each in (bill, other))
    return abs(bill.billing_period_to - other.billing_period_to) <= _OFF and 2 * shared >= longer


def _about(bill: Bill) -> _About:
    """The meters that a bill is of; without any, the commodities that have an amount."""
    amounts = {Commodity.ELECTRIC: bill.electricity_amount, Commodity.GAS: bill.gas_amount}
    return frozenset((meter.id, meter.commodity) for meter in bill.meters) or frozenset(
        ("", commodity) for commodity, cents in amounts.items() if cents is not None
    )


def billed_twice(bills: Sequence[Bill]) -> tuple[date, date] | None:
    """The first days that two bills have of the same meters; that of the read may be on both."""
    in_time = sorted(bills, key=lambda bill: (bill.billing_period_from, bill.billing_period_to))
    about = [_about(bill) for bill in in_time]
    for place, bill in enumerate(in_time):
        for next_to, other in enumerate(in_time[place + 1 :], start=place + 1):
            last = min(bill.billing_period_to, other.billing_period_to)
            if other.billing_period_from >= bill.billing_period_to:
                break
            if last > other.billing_period_from and _share(about[place], about[next_to]):
                return other.billing_period_from, last
    return None


def _share(one: _About, other: _About) -> bool:
    """Whether they are of the same, or may be: of one that names no meters only commodities are known."""
    if not one or not other:
        return True
    if all(meter for meter, _ in one) and all(meter for meter, _ in other):
        return bool(one & other)
    return not {commodity for _, commodity in one}.isdisjoint({commodity for _, commodity in other})


def days_of_bills(bills: Sequence[Bill]) -> int:
    """How many days they are of, each counted once."""
    days = sorted(
        (bill.billing_period_from.toordinal(), bill.billing_period_to.toordinal() + 1)
        for bill in bills
        if bill.billing_period_from <= bill.billing_period_to
    )
    return sum(end - start for start, end in merged(days))
