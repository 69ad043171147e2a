"""Which bills of an account are billed again or taken back, and which go on side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import timedelta

from meterfarm.records import Bill, BillMeter, Commodity

BilledMeters = frozenset[tuple[str, Commodity]]
_OFF = timedelta(days=3)
"""A bill that is billed again may begin and end so much sooner or later."""


def billed_again(bills: Sequence[Bill]) -> Mapping[int, int]:
    """The places of bills that a later one replaces, each with the place of the last that does.

    It bills the same meters for the same days, give or take three. One of several meters may have another
    number by then; so may the only one, unless the account's bills show that there are two. What is taken
    back, and by what, is not among them (``taken_back``).
    """
    back = taken_back(bills)
    settled = {*back, *back.values()}
    alike: dict[tuple[Commodity, ...], list[int]] = {}
    for place, bill in enumerate(bills):
        if place in settled:
            continue
        commodities = tuple(sorted(commodity for _, commodity in meters_of(bill)))
        alike.setdefault(commodities, []).append(place)
    found: dict[int, int] = {}
    for places in alike.values():
        in_time = sorted(places, key=lambda place: (bills[place].billing_period_from, place))
        for number, place in enumerate(in_time, start=1):
            for other in in_time[number:]:
                if bills[other].billing_period_from - bills[place].billing_period_from > _OFF:
                    break
                if _are_same_days(bills[place], bills[other]) and _is_again(bills, place, other):
                    earlier, later = sorted((place, other), key=lambda each: (bills[each].billed_on, each))
                    known = found.get(earlier, later)
                    found[earlier] = max(known, later, key=lambda each: (bills[each].billed_on, each))
    return found


def taken_back(bills: Sequence[Bill]) -> Mapping[int, int]:
    """The places of bills that another takes back as a whole, each with the place of that: neither counts.

    It has their charges with the other sign, for the same days, give or take three, and no other meters.
    """
    charged: dict[int, list[int]] = {}
    for place, bill in enumerate(bills):
        charged.setdefault(_charges(bill), []).append(place)
    found: dict[int, int] = {}
    for cents in (each for each in charged if each < 0):
        for taking in sorted(charged[cents], key=lambda place: (bills[place].billed_on, place)):
            own = [
                place
                for place in charged.get(-cents, ())
                if place not in found and _takes_back(bills[place], bills[taking])
            ]
            if own:
                found[min(own, key=lambda place: (bills[place].billed_on, place))] = taking
    return found


def _charges(bill: Bill) -> int:
    """What a bill asks for beside what was owed before, in cents."""
    own = [cents for cents in (bill.electricity_amount, bill.gas_amount) if cents is not None]
    return sum(own) if own else bill.total_amount - (bill.outstanding_balance or 0)


def _takes_back(bill: Bill, taking: Bill) -> bool:
    is_later = taking.billed_on >= bill.billed_on
    return is_later and _are_same_days(bill, taking) and share_meters(meters_of(bill), meters_of(taking))


def billed_apart(bills: Sequence[Bill], replaced: Set[int] = frozenset()) -> Sequence[Sequence[int]]:
    """The places of bills, those that follow each other in one row: rows run side by side.

    Gas and electricity that are never on one bill are in rows of their own, and so are meters that have
    separate bills for the same days; those at the places ``replaced`` do not count for that. All are one row
    if it is not known of some bill what it is of.
    """
    about = [meters_of(bill) for bill in bills]
    if not all(about):
        return [range(len(bills))]
    rows: list[list[int]] = []
    for kind in _sharing(
        [(place, {commodity for _, commodity in about[place]}) for place in range(len(bills))]
    ):
        of_kind: list[list[int]] = []
        for alike in _sharing([(place, {number for number, _ in about[place]}) for place in kind]):
            standing = [bills[place] for place in alike if place not in replaced]
            for row in of_kind:
                if not _run_together([bills[place] for place in row if place not in replaced], standing):
                    row += alike
                    break
            else:
                of_kind.append(alike)
        rows += of_kind
    return rows


def meters_of(bill: Bill) -> BilledMeters:
    """The meters that a bill is of; without any, the commodities that have an amount."""
    amounts = {Commodity.ELECTRIC: bill.electricity_amount, Commodity.GAS: bill.gas_amount}
    return frozenset((meter.id, meter.commodity) for meter in bill.meters) or frozenset(
        ("", commodity) for commodity, cents in amounts.items() if cents is not None
    )


def share_meters(one: BilledMeters, other: BilledMeters) -> bool:
    """Whether they are of the same, or may be: of one that names no meters only commodities are known."""
    if not one or not other:
        return True
    if all(meter for meter, _ in one) and all(meter for meter, _ in other):
        return bool(one & other)
    return not {commodity for _, commodity in one}.isdisjoint({commodity for _, commodity in other})


def _are_same_days(bill: Bill, other: Bill) -> bool:
    """Both begins and both ends are near each other, and both have most of the days in common."""
    begins, ends = (
        abs(bill.billing_period_from - other.billing_period_from),
        abs(bill.billing_period_to - other.billing_period_to),
    )
    return begins <= _OFF and ends <= _OFF and _have_most_in_common(bill, other)


def _have_most_in_common(bill: Bill, other: Bill) -> bool:
    shared = min(bill.billing_period_to, other.billing_period_to) - max(
        bill.billing_period_from, other.billing_period_from
    )
    longer = max(each.billing_period_to - each.billing_period_from for each in (bill, other))
    return shared >= timedelta() and 2 * shared >= longer


def _is_again(bills: Sequence[Bill], place: int, other: int) -> bool:
    """Whether two bills for the same days, of the same commodities, are of the same meters."""
    one, two = bills[place], bills[other]
    if {meter.id for meter in one.meters} & {meter.id for meter in two.meters}:
        return True
    if one.billed_on == two.billed_on:
        return False
    if share_meters(meters_of(one), meters_of(two)):
        return True
    if max(map(len, (one.meters, two.meters))) > 1:
        return False
    (before,), (after,) = one.meters, two.meters
    rest = [bill for each, bill in enumerate(bills) if each not in (place, other)]
    return _may_be_one(before, after, rest) and not _are_two(rest, before.id, after.id)


def _may_be_one(before: BillMeter, after: BillMeter, rest: Sequence[Bill]) -> bool:
    """Whether rows with other numbers agree on a read or on the use.

    Without reads they may be of one if other bills are of either: its usual number, and a wrong one.
    """
    reads = (before.previous_read, before.current_read), (after.previous_read, after.current_read)
    if None in (*reads[0], *reads[1]) and any(
        row.id in (before.id, after.id) for bill in rest for row in bill.meters
    ):
        return True
    same_read = any(first is not None and first == second for first, second in zip(*reads, strict=True))
    return same_read or before.consumption == after.consumption


def _are_two(bills: Sequence[Bill], one: str, two: str) -> bool:
    """Whether other bills are of both meters, or some of each for the same days."""
    of_each = [
        [bill for bill in bills if any(row.id == number for row in bill.meters)] for number in (one, two)
    ]
    return _run_together(*of_each)


def _run_together(some: Sequence[Bill], others: Sequence[Bill]) -> bool:
    return any(_have_most_in_common(bill, other) for bill in some for other in others)


def _sharing(things: Sequence[tuple[int, Set[str]]]) -> Sequence[list[int]]:
    """Places that have a thing in common, directly or through others, together; in their order."""
    groups: list[tuple[set[str], list[int]]] = []
    for place, having in things:
        met = [group for group in groups if not group[0].isdisjoint(having)]
        groups = [group for group in groups if group[0].isdisjoint(having)]
        every, places = set(having), [place]
        for others, of_others in met:
            every |= others
            places += of_others
        groups.append((every, places))
    return sorted((sorted(places) for _, places in groups), key=lambda places: places[0])
