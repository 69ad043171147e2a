"""What last winter cost and why: use and price against the winter before, from the bills alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

from meterfarm.formats.bills.bill_figures import unit_name
from meterfarm.formats.bills.last_year import daily_use
from meterfarm.records import Bill, Commodity
from meterfarm.services.report.billed_days import days_of_bills

_NORTH, _SOUTH = (12, 1, 2), (6, 7, 8)
_SOUTHERN = ("Australia/", "Pacific/Auckland", "Antarctica/", "Africa/Johannesburg")
_LEAST_DAYS, _YEAR_DAYS = 75, 350
_SMALL = 50


@dataclass(frozen=True, slots=True)
class SpentOn:
    """What a commodity took and cost in a time; ``price`` is all of the cost by all of the use, in cents."""

    commodity: Commodity
    used: Fraction
    unit: str
    cents: int

    @property
    def price(self) -> Fraction:
        """Cents a unit, everything included."""
        return Fraction(self.cents) / self.used if self.used else Fraction()


@dataclass(frozen=True, slots=True)
class BilledSpan:
    """Bills one after the other, added up. ``cents`` is without what was still owed of earlier ones.

    ``others`` is what of it is for no commodity, as credits.
    """

    first: date
    last: date
    bills: int
    days: int
    cents: int
    spent: Mapping[Commodity, SpentOn]

    @property
    def others(self) -> int:
        """Cents that are for none of the commodities, credits negative."""
        return self.cents - sum(each.cents for each in self.spent.values())


@dataclass(frozen=True, slots=True)
class CostReason:
    """A part of a change in cost, in cents, and in words: "more gas was used".

    ``now`` and ``before`` are the use or the price (in cents a unit) that it comes from, None for neither.
    """

    cents: int
    words: str
    kind: str = "others"
    unit: str = ""
    now: Fraction | None = None
    before: Fraction | None = None


@dataclass(frozen=True, slots=True)
class CostComparison:
    """A time and the one before it, of which there may be no bills; ``reasons`` the largest first."""

    name: str
    before_name: str
    now: BilledSpan
    before: BilledSpan | None

    @property
    def change(self) -> int:
        """Cents more."""
        return self.now.cents - self.before.cents if self.before is not None else 0

    @property
    def reasons(self) -> Sequence[CostReason]:
        """What the change is made of, without what is small beside the largest."""
        if self.before is None:
            return []
        found = sorted(_reasons(self.now, self.before), key=lambda each: -abs(each.cents))
        return [each for each in found if each.cents and abs(each.cents) * _SMALL >= abs(found[0].cents)]


def headline(bills: Sequence[Bill], zone: ZoneInfo) -> CostComparison | None:
    """The last winter that the bills have whole, else the last year, else all; None without bills."""
    if not bills:
        return None
    winters = _winters(bills, _SOUTH if zone.key.startswith(_SOUTHERN) else _NORTH)
    if winters:
        year = max(winters)
        return CostComparison("last winter", "the winter before", winters[year], winters.get(year - 1))
    return last_year(bills) or CostComparison("so far", "", _span(bills), None)


def last_year(bills: Sequence[Bill]) -> CostComparison | None:
    """The newest twelve months that bills have, and the twelve before; None if they are of less."""
    ordered = sorted(bills, key=lambda bill: bill.billing_period_from, reverse=True)
    now = _year_of(ordered)
    if now is None:
        return None
    earlier = _year_of(ordered[len(now) :])
    before = _span(earlier) if earlier is not None else None
    return CostComparison("the last twelve months", "the twelve before", _span(now), before)


def _year_of(newest_first: Sequence[Bill]) -> Sequence[Bill] | None:
    taken: list[Bill] = []
    for bill in newest_first:
        taken.append(bill)
        if days_of_bills(taken) >= _YEAR_DAYS:
            return taken
    return None


def _winters(bills: Sequence[Bill], months: Sequence[int]) -> Mapping[int, BilledSpan]:
    """By the year that they end in; those that are whole."""
    found: dict[int, list[Bill]] = {}
    for bill in bills:
        middle = date.fromordinal(
            (bill.billing_period_from.toordinal() + bill.billing_period_to.toordinal()) // 2
        )
        if middle.month in months:
            found.setdefault(middle.year + (middle.month == 12), []).append(bill)
    spans = {year: _span(of_winter) for year, of_winter in found.items()}
    return {year: span for year, span in spans.items() if span.days >= _LEAST_DAYS}


def _span(bills: Sequence[Bill]) -> BilledSpan:
    spent: dict[Commodity, SpentOn] = {}
    for bill in bills:
        for commodity, use in daily_use(bill).items():
            if use.cents is None:
                continue
            so_far = spent.get(commodity) or SpentOn(commodity, Fraction(), unit_name(use.unit), 0)
            spent[commodity] = SpentOn(
                commodity, so_far.used + use.used, so_far.unit, so_far.cents + use.cents
            )
    return BilledSpan(
        min(bill.billing_period_from for bill in bills),
        max(bill.billing_period_to for bill in bills),
        len(bills),
        days_of_bills(bills),
        sum(bill.total_amount - (bill.outstanding_balance or 0) for bill in bills),
        spent,
    )


def _reasons(now: BilledSpan, before: BilledSpan) -> Iterator[CostReason]:
    for commodity in dict.fromkeys([*now.spent, *before.spent]):
        new, old = now.spent.get(commodity), before.spent.get(commodity)
        if new is None or old is None or not new.used or not old.used or new.unit != old.unit:
            cents = (new.cents if new else 0) - (old.cents if old else 0)
            yield CostReason(cents, f"{commodity} cost {'more' if cents > 0 else 'less'}")
            continue
        by_use = round((new.used - old.used) * old.price)
        words = f"{'more' if by_use > 0 else 'less'} {commodity} was used"
        yield CostReason(by_use, words, "use", new.unit, new.used, old.used)
        by_price = new.cents - old.cents - by_use
        words = f"the price of {commodity} {'rose' if by_price > 0 else 'fell'}"
        yield CostReason(by_price, words, "price", new.unit, new.price, old.price)
    others = now.others - before.others
    yield CostReason(others, f"credits and other items {'took off less' if others > 0 else 'took off more'}")
