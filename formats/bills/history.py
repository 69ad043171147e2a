"""What bills of an account agree with: each other, intervals, last year. A check never hides data. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

from meterfarm.formats.bills.against_intervals import IntervalChecks
from meterfarm.formats.bills.bill_figures import money
from meterfarm.formats.bills.billed_again import billed_again, billed_apart, taken_back
from meterfarm.formats.bills.last_year import LastYear
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Bill, BillMeter, CheckVerdict, HistoryCheck, Series

_DAY = timedelta(days=1)


def history_checks(
    bills: Sequence[Bill],
    series: Iterable[Series],
    clock: LocalTime,
    lag: timedelta,
    withheld: Set[int] = frozenset(),
    newest: int | None = None,
) -> Sequence[Sequence[HistoryCheck]]:
    """The checks of each bill of one account, in the order that the bills come in.

    ``series`` are those of the account's meters, of which one is in memory at a time. ``clock`` is of the
    utility's zone, in which days begin.
    ``lag``: how long after a day's end its readings may still be missing or provisional.
    Of bills at the places ``withheld`` no figure is in any sentence: only which bills follow each other.
    ``newest``: when the last of all readings ends, if ``series`` have only those of the bills' days.
    """
    again, back = billed_again(bills), taken_back(bills)
    gone = {*again, *back, *back.values()}
    apart = billed_apart(bills, gone)
    bills = [_without_figures(bill) if place in withheld else bill for place, bill in enumerate(bills)]
    rows = [
        sorted(
            (place for place in row if place not in gone),
            key=lambda place: (bills[place].billing_period_from, bills[place].billed_on),
        )
        for row in apart
    ]
    shares_days = _share_days([[bills[place] for place in row] for row in rows])
    intervals = IntervalChecks(series, clock, lag, shares_days=shares_days, newest=newest)
    found: list[list[HistoryCheck]] = [[] for _ in bills]
    for place, by in again.items():
        shown = withheld.isdisjoint((place, by))
        found[by].append(_billing_again(bills[place], bills[by], shown))
        what = f"Its days are billed again on the bill of {bills[by].billed_on}, which counts."
        found[place] += [
            HistoryCheck("periods", CheckVerdict.NOTE, what),
            *_replaced_rows(bills[place], intervals),
        ]
    for place, by in back.items():
        found[by].append(_taking_back(bills[place], bills[by], withheld.isdisjoint((place, by))))
        what = f"The bill of {bills[by].billed_on} takes it back; neither counts."
        found[place] += [
            HistoryCheck("periods", CheckVerdict.NOTE, what),
            *_replaced_rows(bills[place], intervals),
        ]
        found[by] += _replaced_rows(bills[by], intervals)
    for row in rows:
        before = LastYear([bills[place] for place in row])
        chain = _Chain(shares_days)
        for place in row:
            bill = bills[place]
            found[place] += [
                *chain.add(bill, shown=place not in withheld),
                *(check for meter in bill.meters for check in intervals.check(meter)),
                *(HistoryCheck("last_year", CheckVerdict.NOTE, what) for what in before.compared(bill)),
            ]
    return found


def _without_figures(bill: Bill) -> Bill:
    return replace(
        bill,
        total_amount=0,
        outstanding_balance=0,
        electricity_amount=None,
        delivery_charge=None,
        supply_charge=None,
        community_solar_bill_credit=None,
        gas_amount=None,
        meters=(),
    )


def _replaced_rows(bill: Bill, intervals: IntervalChecks) -> Iterator[HistoryCheck]:
    """The meters of a bill that counts no longer: where they differ from the intervals, that is no fault."""
    for meter in bill.meters:
        for check in intervals.check(meter):
            failed = check.verdict is CheckVerdict.FAILED
            yield replace(check, verdict=CheckVerdict.NOTE) if failed else check


def _share_days(apart: Sequence[Sequence[Bill]]) -> bool:
    """Whether most bills begin on the very day that the one before ends on: that of the read."""
    pairs = [pair for bills in apart for pair in pairwise(bills)]
    shared = sum(earlier.billing_period_to == later.billing_period_from for earlier, later in pairs)
    return bool(pairs) and 2 * shared > len(pairs)


@dataclass(slots=True)
class _Chain:
    """An account's bills one after the other."""

    shares_days: bool
    _last: Bill | None = None
    _last_shown: bool = True
    _meters: dict[str, BillMeter] = field(default_factory=dict)
    """What each meter's last row on a bill is."""

    def add(self, bill: Bill, *, shown: bool) -> Iterator[HistoryCheck]:
        """How the next bill follows those before it; without amounts unless both may be shown."""
        last = self._last
        if last is not None and _days(last) == _days(bill):
            yield _billing_again(last, bill, shown and self._last_shown)
            self._last, self._last_shown = bill, shown
            self._meters |= {meter.id: meter for meter in bill.meters}
            return
        if last is not None:
            yield self._follows(last, bill)
        yield from self._meters_of(last, bill)
        if last is None or bill.billing_period_to >= last.billing_period_to:
            self._last, self._last_shown = bill, shown

    def _follows(self, last: Bill, bill: Bill) -> HistoryCheck:
        first, expected = bill.billing_period_from, last.billing_period_to + (not self.shares_days) * _DAY
        if first == expected:
            what = f"It begins on {first}; the bill before is of {_span(last)}."
            return HistoryCheck("periods", CheckVerdict.PASSED, what)
        if first > expected:
            to, count = first - _DAY, (first - expected).days
            missing = (
                f"{expected} is on no bill that is read"
                if count == 1
                else f"{expected} to {to} are on no bill that is read, {count} days"
            )
            return HistoryCheck("periods", CheckVerdict.FAILED, f"{missing[0].upper()}{missing[1:]}.")
        to = min(last.billing_period_to, bill.billing_period_to)
        what = f"{first} to {to} are billed twice, here and on the bill of {last.billed_on}."
        return HistoryCheck("periods", CheckVerdict.FAILED, what)

    def _meters_of(self, last: Bill | None, bill: Bill) -> Iterator[HistoryCheck]:
        before = {meter.id for meter in last.meters} if last is not None else set()
        gone = before - {meter.id for meter in bill.meters} if bill.meters else set()
        known = dict(self._meters)
        for meter in sorted(bill.meters, key=lambda each: each.billing_period_from):
            earlier = self._meters.get(meter.id)
            self._meters[meter.id] = meter
            if earlier is not None:
                yield from _continued(earlier, meter)
            elif before:
                replaced = _replaced(meter, [*bill.meters, *known.values()])
                gone -= {replaced.id} if replaced is not None else set()
                yield HistoryCheck("meters", CheckVerdict.NOTE, _new(meter, replaced))
        for number in sorted(gone):
            what = (
                f"Meter {number} is not on this bill, and was on the one before; {_last_read(known[number])}."
            )
            yield HistoryCheck("meters", CheckVerdict.NOTE, what)


def _days(bill: Bill) -> tuple[date, date]:
    return bill.billing_period_from, bill.billing_period_to


def _span(bill: Bill) -> str:
    return f"{bill.billing_period_from} to {bill.billing_period_to}"


def _billing_again(last: Bill, bill: Bill, with_amounts: bool) -> HistoryCheck:
    what = f"It bills the same days again as the bill of {last.billed_on}"
    if _days(last) != _days(bill):
        what = f"It bills {_span(last)} again, the days of the bill of {last.billed_on}"
    if with_amounts and last.total_amount == bill.total_amount:
        what += ", with the same total"
    elif with_amounts:
        what += f": {money(bill.total_amount)} in all instead of {money(last.total_amount)}"
    return HistoryCheck("periods", CheckVerdict.NOTE, f"{what}.")


def _taking_back(last: Bill, bill: Bill, with_amounts: bool) -> HistoryCheck:
    what = f"It takes back the bill of {last.billed_on}; neither counts"
    if with_amounts:
        what += f": {money(bill.total_amount)} in all, and {money(last.total_amount)} then"
    return HistoryCheck("periods", CheckVerdict.NOTE, f"{what}.")


def _continued(earlier: BillMeter, meter: BillMeter) -> Iterator[HistoryCheck]:
    """A meter's row against the one on the bill before."""
    abuts = (meter.billing_period_from - earlier.billing_period_to).days in (0, 1)
    if abuts and meter.previous_read is not None and earlier.current_read is not None:
        follows = meter.previous_read == earlier.current_read
        what = f"Meter {meter.id} begins at {meter.previous_read:,f}"
        what += (
            ", its last read before."
            if follows
            else f"; its last read before, on {earlier.billing_period_to}, is {earlier.current_read:,f}."
        )
        yield HistoryCheck("reads", CheckVerdict.PASSED if follows else CheckVerdict.FAILED, what)
    if meter.tariff and earlier.tariff and meter.tariff != earlier.tariff:
        what = f"From {meter.billing_period_from} meter {meter.id} has the tariff “{meter.tariff}”; before "
        yield HistoryCheck("tariff", CheckVerdict.NOTE, f"{what}“{earlier.tariff}”.")


def _replaced(meter: BillMeter, others: Sequence[BillMeter]) -> BillMeter | None:
    """The meter of the same commodity that counted until this one did."""
    until = meter.billing_period_from - _DAY
    ended = [other for other in others if other.billing_period_to == until and other.id != meter.id]
    return next((other for other in ended if other.commodity is meter.commodity), None)


def _new(meter: BillMeter, replaced: BillMeter | None) -> str:
    what = f"Meter {meter.id} counts {meter.commodity} from {meter.billing_period_from} on"
    if meter.previous_read is not None:
        what += f", its first read is {meter.previous_read:,f}"
    if replaced is None:
        return f"{what}."
    return f"{what}. It replaces meter {replaced.id}; {_last_read(replaced)}."


def _last_read(meter: BillMeter) -> str:
    if meter.current_read is None:
        return f"that was last billed for {meter.billing_period_to}"
    return f"the last read of that is {meter.current_read:,f}, on {meter.billing_period_to}"
