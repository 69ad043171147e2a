"""A bill against that of the same month of last year: use and cost a day, where they are far apart. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate

from meterfarm.formats.bills.bill_figures import in_known_unit, money, unit_name
from meterfarm.records import Bill, Commodity, Unit

_YEAR = timedelta(days=365)
_FAR = Fraction(3, 2)
"""So many times as much, or as little, is worth a note."""
_OF_USUAL = Fraction(1, 4)
"""And only a difference of so much of what is usual over the year: little use doubles easily."""


@dataclass(frozen=True, slots=True)
class DailyUse:
    """What a commodity took and cost on a bill; ``cents`` None is not on it.

    ``used`` is of ``unit`` as people know it: kWh for electricity.
    """

    days: int
    used: Fraction
    unit: Unit
    cents: int | None

    @property
    def a_day(self) -> Fraction:
        """Use a day."""
        return self.used / self.days


def daily_use(bill: Bill) -> Mapping[Commodity, DailyUse]:
    """By commodity, of those whose meters on the bill share a unit."""
    days = (bill.billing_period_to - bill.billing_period_from).days + 1
    charged = {Commodity.ELECTRIC: bill.electricity_amount, Commodity.GAS: bill.gas_amount}
    found = {}
    for commodity in dict.fromkeys(meter.commodity for meter in bill.meters):
        amounts = [meter.consumption for meter in bill.meters if meter.commodity is commodity]
        if days > 0 and len({each.unit for each in amounts}) == 1:
            used = sum((Fraction(in_known_unit(each)) for each in amounts), Fraction())
            found[commodity] = DailyUse(days, used, amounts[0].unit, charged.get(commodity))
    return found


class LastYear:
    """The bills of an account, to find in them that of the same days of the year before."""

    def __init__(self, bills: Sequence[Bill]) -> None:
        self._bills = sorted(bills, key=lambda bill: bill.billing_period_from)
        self._until = list(accumulate((bill.billing_period_to for bill in self._bills), max))
        """Until when the bills up to each one are."""
        uses: dict[tuple[Commodity, Unit], list[DailyUse]] = {}
        for bill in bills:
            for commodity, use in daily_use(bill).items():
                uses.setdefault((commodity, use.unit), []).append(use)
        self._usual = {kind: _usual(alike) for kind, alike in uses.items()}

    def compared(self, bill: Bill) -> Iterator[str]:
        """A sentence for each commodity with far more or less use, or cost, a day than in those days then."""
        before = self._a_year_before(bill)
        if before is None:
            return
        then = daily_use(before)
        for commodity, use in daily_use(bill).items():
            other = then.get(commodity)
            if other is None or other.unit is not use.unit:
                continue
            used, cost = self._usual[commodity, use.unit]
            if _is_far(use.a_day, other.a_day, used):
                yield _of_use(commodity, use, other, before)
            elif _is_far(_cost(use), _cost(other), cost):
                yield _of_cost(commodity, use, other, before)

    def _a_year_before(self, bill: Bill) -> Bill | None:
        """The bill that has most of the same days of the year before, if it has most of them."""
        first, last = bill.billing_period_from - _YEAR, bill.billing_period_to - _YEAR
        days = (last - first).days + 1
        found = [
            other for other in self._on(first + (last - first) // 2) if 2 * _shared(other, first, last) > days
        ]
        return max(found, key=lambda other: (_shared(other, first, last), other.billed_on), default=None)

    def _on(self, day: date) -> Iterator[Bill]:
        """The bills with a day; whoever has most of a time has its middle."""
        place = bisect_right(self._bills, day, key=lambda bill: bill.billing_period_from)
        while place and self._until[place - 1] >= day:
            place -= 1
            if self._bills[place].billing_period_to >= day:
                yield self._bills[place]


def _is_far(now: Fraction, then: Fraction, usual: Fraction) -> bool:
    if now <= 0 or then <= 0 or abs(now - then) < _OF_USUAL * usual:
        return False
    return not 1 / _FAR < now / then < _FAR


def _shared(bill: Bill, first: date, last: date) -> int:
    return (min(bill.billing_period_to, last) - max(bill.billing_period_from, first)).days + 1


def _usual(uses: Sequence[DailyUse]) -> tuple[Fraction, Fraction]:
    """Use, and cents, of a day: the means over all bills."""
    days = sum(use.days for use in uses)
    used = sum((use.used for use in uses), Fraction())
    return used / days, Fraction(sum(use.cents or 0 for use in uses), days)


def _cost(use: DailyUse) -> Fraction:
    """Cents a day."""
    return Fraction(use.cents or 0, use.days)


def _of_use(commodity: Commodity, use: DailyUse, other: DailyUse, before: Bill) -> str:
    what = f"{_name(commodity)}: {_short(use)} a day, {_far(use.a_day, other.a_day)} the {_short(other)} of"
    costs = "" if use.cents is None or other.cents is None else _costs(use, other)
    return f"{what} {_days(before)}{costs}."


def _of_cost(commodity: Commodity, use: DailyUse, other: DailyUse, before: Bill) -> str:
    now, then = (money(round(_cost(each))) for each in (use, other))
    what = f"{_name(commodity)}: {now} a day, {_far(_cost(use), _cost(other))} the {then} of {_days(before)}"
    return f"{what}; {_short(use)} a day were used, {_short(other)} then."


def _costs(use: DailyUse, other: DailyUse) -> str:
    return f"; it cost {money(round(_cost(use)))} a day, {money(round(_cost(other)))} then"


def _far(now: Fraction, then: Fraction) -> str:
    percent = round(100 * (now / then - 1))
    return f"{abs(percent)} % {'more' if percent > 0 else 'less'} than"


def _name(commodity: Commodity) -> str:
    return commodity.value.capitalize()


def _days(bill: Bill) -> str:
    return f"{bill.billing_period_from} to {bill.billing_period_to}"


def _short(use: DailyUse) -> str:
    return f"{float(use.a_day):,.1f} {unit_name(use.unit)}"
