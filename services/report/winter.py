"""What last winter cost and why: use and price against the winter before, from the bills alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from meterfarm.records import Bill
from meterfarm.services.report.billed_days import days_of_bills
from meterfarm.services.report.billed_span import BilledSpan, billed_span

_NORTH, _SOUTH = (12, 1, 2), (6, 7, 8)
_SOUTHERN = (
    *("Australia/", "Antarctica/", "Brazil/", "Chile/", "NZ", "Pacific/Auckland", "Pacific/Chatham"),
    *("America/Argentina/", "America/Buenos_Aires", "America/Cordoba", "America/Mendoza", "America/Rosario"),
    *("America/Santiago", "America/Punta_Arenas", "America/Coyhaique", "America/Montevideo"),
    *("America/Sao_Paulo", "America/Campo_Grande", "America/Cuiaba", "America/Bahia", "America/Asuncion"),
    *("America/La_Paz", "America/Lima", "Atlantic/Stanley", "Indian/Mauritius", "Indian/Antananarivo"),
    *("Africa/Johannesburg", "Africa/Maseru", "Africa/Mbabane", "Africa/Windhoek", "Africa/Gaborone"),
    *("Africa/Harare", "Africa/Lusaka", "Africa/Maputo"),
)
_NOWHERE = ("Etc/", "UTC", "UCT", "GMT", "Universal", "Zulu", "Greenwich")
_WINTER_DAYS, _YEAR_DAYS = (75, 105), (350, 410)
_ABUT, _OLD = timedelta(days=45), timedelta(days=120)
_ALIKE = Fraction(1, 20)
"""Times are compared if their days differ by no more than this."""
_SMALL = 50


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
    """A time and the one before it, of which there may be no bills, or bills of ``before_days`` only."""

    name: str
    before_name: str
    now: BilledSpan
    before: BilledSpan | None
    before_days: int = 0

    @property
    def change(self) -> int:
        """Cents more."""
        return self.now.cents - self.before.cents if self.before is not None else 0

    @property
    def is_comparable(self) -> bool:
        """Whether both are known, each day once, and about as long."""
        before = self.before
        if before is None or any(each.unknown or each.twice for each in (self.now, before)):
            return False
        return abs(self.now.days - before.days) <= _ALIKE * max(before.days, self.now.days)

    @property
    def reasons(self) -> Sequence[CostReason]:
        """What the change is made of, the largest first, without what is small beside that.

        Nothing if bills do not have the amounts of their commodities.
        """
        if self.before is None or not self.is_comparable or not self.now.is_split or not self.before.is_split:
            return []
        found = sorted(_reasons(self.now, self.before), key=lambda each: -abs(each.cents))
        return [each for each in found if each.cents and abs(each.cents) * _SMALL >= abs(found[0].cents)]


def headline(bills: Sequence[Bill], zone: ZoneInfo, today: date) -> CostComparison | None:
    """The last winter that the bills have whole, else the last year, else all; None without bills."""
    if not bills:
        return None
    return (
        _last_winter(bills, _winter_months(zone.key), today)
        or last_year(bills, today)
        or CostComparison("so far", "", billed_span(bills), None)
    )


def last_year(bills: Sequence[Bill], today: date) -> CostComparison | None:
    """The newest twelve months that bills have, and the twelve before; None if they are of less."""
    newest_first = sorted(bills, key=lambda bill: bill.billing_period_from, reverse=True)
    of_now, rest = _year_of(newest_first)
    if not of_now:
        return None
    now = billed_span(of_now)
    of_before, _ = _year_of(rest)
    before = billed_span(of_before) if of_before else None
    if before is not None and now.first - before.last > _ABUT:
        before = None
    name = "the last twelve months"
    if today - now.last > _OLD:
        name = f"the twelve months to {now.last:%B %Y}"
    return CostComparison(name, "the twelve months before", now, before)


def _year_of(newest_first: Sequence[Bill]) -> tuple[Sequence[Bill], Sequence[Bill]]:
    """The bills of a year, and those before them; of separate bills for gas and electricity all."""
    least, most = _YEAR_DAYS
    for count in range(1, len(newest_first) + 1):
        if days_of_bills(newest_first[:count]) >= least:
            first = newest_first[count - 1].billing_period_from
            taken = [bill for bill in newest_first if _middle(bill) >= first]
            rest = [bill for bill in newest_first if _middle(bill) < first]
            last = max(bill.billing_period_to for bill in taken)
            is_year = (last - min(bill.billing_period_from for bill in taken)).days < most
            return (taken, rest) if is_year else ([], [])
    return [], []


def _middle(bill: Bill) -> date:
    return bill.billing_period_from + (bill.billing_period_to - bill.billing_period_from) // 2


def _winter_months(zone: str) -> Sequence[int]:
    """Those of the zone's half of the world; none if that is not known."""
    if zone.startswith(_NOWHERE):
        return ()
    return _SOUTH if zone.startswith(_SOUTHERN) else _NORTH


def _last_winter(bills: Sequence[Bill], months: Sequence[int], today: date) -> CostComparison | None:
    """By the year that it ends in."""
    winters = _winters(bills, months)
    least, _ = _WINTER_DAYS
    year = max((year for year, found in winters.items() if days_of_bills(found) >= least), default=None)
    if year is None:
        return None
    ended = today.year if today.month > months[-1] else today.year - 1
    name = "last winter" if year == ended else "this winter"
    if year < ended:
        name = f"the winter of {year - 1}/{year % 100:02}" if months == _NORTH else f"the winter of {year}"
    earlier = winters.get(year - 1, [])
    days = days_of_bills(earlier)
    before = billed_span(earlier) if days >= least else None
    return CostComparison(name, "the winter before", billed_span(winters[year]), before, days)


def _winters(bills: Sequence[Bill], months: Sequence[int]) -> Mapping[int, Sequence[Bill]]:
    """The bills of each winter; where they are of too many days, without those that have least of it."""
    found: dict[int, list[Bill]] = {}
    for bill in bills:
        middle = _middle(bill)
        if middle.month in months:
            found.setdefault(middle.year + (middle.month == 12), []).append(bill)
    _, most = _WINTER_DAYS
    for of_winter in found.values():
        of_winter.sort(key=lambda bill: _share_in(bill, months), reverse=True)
        while days_of_bills(of_winter) > most:
            of_winter.pop()
    return found


def _share_in(bill: Bill, months: Sequence[int]) -> Fraction:
    """How much of a bill is in the winter that its middle is in."""
    middle = _middle(bill)
    first = date(middle.year - (middle.month < months[0] and months == _NORTH), months[0], 1)
    after = date(first.year + (months == _NORTH), months[-1] + 1, 1)
    days = (bill.billing_period_to - bill.billing_period_from).days + 1
    inside = min(bill.billing_period_to + timedelta(days=1), after) - max(bill.billing_period_from, first)
    return Fraction(inside.days, max(days, 1))


def _reasons(now: BilledSpan, before: BilledSpan) -> Iterator[CostReason]:
    for commodity in dict.fromkeys([*now.spent, *before.spent]):
        new, old = now.spent.get(commodity), before.spent.get(commodity)
        if new is None or old is None or not new.has_price or not old.has_price or new.unit != old.unit:
            cents = (new.cents if new else 0) - (old.cents if old else 0)
            yield CostReason(cents, f"{commodity} cost {'more' if cents > 0 else 'less'}")
            continue
        by_use = round((new.used - old.used) * old.price)
        words = f"{'more' if by_use > 0 else 'less'} {commodity} was used"
        yield CostReason(by_use, words, "use", new.unit, new.used, old.used)
        by_price = new.cents - old.cents - by_use
        words = f"the price of {commodity} {'rose' if by_price > 0 else 'fell'}"
        yield CostReason(by_price, words, "price", new.unit, new.price, old.price)
    yield _of_others(now.others, before.others)


def _of_others(now: int, before: int) -> CostReason:
    more = now > before
    if max(now, before) <= 0:
        words = f"credits took off {'less' if more else 'more'}"
    elif min(now, before) >= 0:
        words = f"other charges were {'higher' if more else 'lower'}"
    else:
        words = f"other items cost {'more' if more else 'less'}"
    return CostReason(now - before, words)
