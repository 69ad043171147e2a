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
    """A sentence for each commodity with far more or less use a day than in the same days of last year."""
    before = _a_year_before(bill, bills)
    if before is None:
        return
    now, then = daily_use(bill), daily_use(before)
    for commodity, use in now.items():
        other = then.get(commodity)
        if other is None or other.unit is not use.unit or other.a_day <= 0 or use.a_day <= 0:
            continue
        ratio = use.a_day / other.a_day
        usual = _usual(commodity, bills)
        if 1 / _FAR < ratio < _FAR or abs(use.a_day - other.a_day) < _OF_USUAL * usual:
            continue
        yield _sentence(commodity, use, other, before)


def _a_year_before(bill: Bill, bills: Sequence[Bill]) -> Bill | None:
    """The bill that has most of the same days of the year before, if it has most of them."""
    first, last = bill.billing_period_from - _YEAR, bill.billing_period_to - _YEAR
    best = max(bills, key=lambda other: (_shared(other, first, last), other.billed_on), default=None)
    days = (last - first).days + 1
    return best if best is not None and 2 * _shared(best, first, last) > days > 0 else None


def _shared(bill: Bill, first: date, last: date) -> int:
    return (min(bill.billing_period_to, last) - max(bill.billing_period_from, first)).days + 1


def _usual(commodity: Commodity, bills: Sequence[Bill]) -> Fraction:
    uses = [use for bill in bills if (use := daily_use(bill).get(commodity)) is not None]
    days = sum(use.days for use in uses)
    return sum((use.used for use in uses), Fraction()) / days if days else Fraction()


def _sentence(commodity: Commodity, use: DailyUse, other: DailyUse, before: Bill) -> str:
    unit = unit_name(use.unit)
    percent = round(100 * (use.a_day / other.a_day - 1))
    what = f"{commodity.value.capitalize()}: {_short(use)} {unit} a day, {abs(percent)} % "
    what += (
        f"{'more' if percent > 0 else 'less'} than the {_short(other)} of {before.billing_period_from} to "
    )
    what += f"{before.billing_period_to}"
    if use.cents is None or other.cents is None:
        return f"{what}."
    costs = [money(round(Fraction(each.cents or 0, each.days))) for each in (use, other)]
    return f"{what}; it cost {costs[0]} a day, {costs[1]} then."


def _short(use: DailyUse) -> str:
    return f"{float(use.a_day):,.1f}"
