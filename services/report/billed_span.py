"""Bills added up: what was used and what it cost, and what of that is not known. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from meterfarm.formats.bills.bill_figures import unit_name
from meterfarm.formats.bills.last_year import daily_use
from meterfarm.records import Bill, Commodity
from meterfarm.services.report.billed_days import billed_twice, days_of_bills


@dataclass(frozen=True, slots=True)
class SpentOn:
    """What a commodity took and cost in a time; ``price`` is all of the cost by all of the use, in cents.

    ``unit`` is "" where use is not on all of the bills, or not in one unit; then ``used`` says nothing.
    """

    commodity: Commodity
    used: Fraction
    unit: str
    cents: int

    @property
    def has_price(self) -> bool:
        """Whether use is known and above zero, which that of a net meter need not be."""
        return bool(self.unit) and self.used > 0

    @property
    def price(self) -> Fraction:
        """Cents a unit, everything included."""
        return Fraction(self.cents) / self.used if self.used else Fraction()


@dataclass(frozen=True, slots=True)
class BilledSpan:
    """Bills of a time, added up; ``days`` counts each day once.

    ``cents`` is without what was still owed of earlier bills, but for ``unknown`` bills of which that is not
    known. ``twice`` are the first days that are on two of them.
    ``is_split``: each bill has the amounts of its commodities.
    """

    first: date
    last: date
    bills: int
    days: int
    cents: int
    spent: Mapping[Commodity, SpentOn]
    unknown: int
    twice: tuple[date, date] | None
    is_split: bool

    @property
    def others(self) -> int:
        """Cents that are for none of the commodities, credits negative."""
        return self.cents - sum(each.cents for each in self.spent.values())


def billed_span(bills: Sequence[Bill]) -> BilledSpan:
    """The sum of at least one bill."""
    spent: dict[Commodity, SpentOn] = {}
    for bill in bills:
        for each in _spent(bill):
            before = spent.get(each.commodity)
            spent[each.commodity] = each if before is None else _sum(before, each)
    return BilledSpan(
        min(bill.billing_period_from for bill in bills),
        max(bill.billing_period_to for bill in bills),
        len(bills),
        days_of_bills(bills),
        sum(bill.total_amount - (owed_before(bill) or 0) for bill in bills),
        spent,
        sum(owed_before(bill) is None for bill in bills),
        billed_twice(bills),
        all(map(_is_split, bills)),
    )


def owed_before(bill: Bill) -> int | None:
    """Cents of earlier bills in a bill's total, 0 if its parts are all of it; None if that is not known."""
    if bill.outstanding_balance is not None:
        return bill.outstanding_balance
    parts = [*_charged(bill).values(), bill.community_solar_bill_credit or 0]
    items = [item.cost for item in bill.line_items]
    return 0 if bill.total_amount in (sum(parts), sum(items)) and (_charged(bill) or items) else None


def _charged(bill: Bill) -> Mapping[Commodity, int]:
    amounts = {Commodity.ELECTRIC: bill.electricity_amount, Commodity.GAS: bill.gas_amount}
    return {commodity: cents for commodity, cents in amounts.items() if cents is not None}


def _is_split(bill: Bill) -> bool:
    charged = _charged(bill)
    return bool(charged) and all(meter.commodity in charged for meter in bill.meters)


def _spent(bill: Bill) -> Sequence[SpentOn]:
    uses = daily_use(bill)
    return [
        SpentOn(commodity, use.used, unit_name(use.unit), cents)
        if (use := uses.get(commodity)) is not None
        else SpentOn(commodity, Fraction(), "", cents)
        for commodity, cents in _charged(bill).items()
    ]


def _sum(one: SpentOn, other: SpentOn) -> SpentOn:
    unit = one.unit if one.unit == other.unit else ""
    return SpentOn(one.commodity, one.used + other.used, unit, one.cents + other.cents)
