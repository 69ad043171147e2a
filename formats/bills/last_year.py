"""A bill against that of the same month of last year: use and cost a day, where they are far apart. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

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


def compared_with_last_year(bill: Bill, bills: Sequence[Bill]) -> Iterator[str]:
    """A sentence for each commodity with far more or less use, or cost, a day than in the same days then."""
    before = _a_year_before(bill, bills)
    if before is None:
        return
    now, then = daily_use(bill), daily_use(before)
    for commodity, use in now.items():
        other = then.get(commodity)
        if other is None or other.unit is not use.unit:
            continue
        uses = [each for one in bills if (each := daily_use(one).get(commodity)) is not None]
        if _is_far(use.a_day, other.a_day, _usual(uses, [each.used for each in uses])):
            yield _of_use(commodity, use, other, before)
        elif _is_far(_cost(use), _cost(other), _usual(uses, [Fraction(each.cents or 0) for each in uses])):
            yield _of_cost(commodity, use, other, before)


def _is_far(now: Fraction, then: Fraction, usual: Fraction) -> bool:
    if now <= 0 or then <= 0 or abs(now - then) < _OF_USUAL * usual:
        return False
    return not 1 / _FAR < now / then < _FAR


def _a_year_before(bill: Bill, bills: Sequence[Bill]) -> Bill | None:
    """The bill that has most of the same days of the year before, if it has most of them."""
    first, last = bill.billing_period_from - _YEAR, bill.billing_period_to - _YEAR
    best = max(bills, key=lambda other: (_shared(other, first, last), other.billed_on), default=None)
    days = (last - first).days + 1
    return best if best is not None and 2 * _shared(best, first, last) > days > 0 else None


def _shared(bill: Bill, first: date, last: date) -> int:
    return (min(bill.billing_period_to, last) - max(bill.billing_period_from, first)).days + 1


def _usual(uses: Sequence[DailyUse], amounts: Sequence[Fraction]) -> Fraction:
    """The mean of a day over all bills."""
    days = sum(use.days for use in uses)
    return sum(amounts, Fraction()) / days if days else Fraction()


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
