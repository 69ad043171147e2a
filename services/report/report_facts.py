"""What a report is made of: a customer's accounts with bills, intervals, what is covered, and all checks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from operator import itemgetter
from zoneinfo import ZoneInfo

from meterfarm.formats.bills.billed_again import billed_again, taken_back
from meterfarm.formats.bills.checks import checks_of
from meterfarm.formats.local_time import DAY
from meterfarm.records import (
    Account,
    Bill,
    BillMeter,
    BillStatus,
    CheckVerdict,
    Commodity,
    HistoryCheck,
    LineItem,
    Measure,
    Quantity,
    Series,
)
from meterfarm.services.bill_history import account_checks, days_of, series_of
from meterfarm.services.currencies import currency_of, symbol_of
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import SeriesCoverage, StoredAccount, StoredBill
from meterfarm.storage.store import CompanyStore

PROFILE_DAYS = 366
MOST_BILLS = 120
"""Of an account, the newest; a report of more would be one that nobody reads."""
_AMOUNTS = (Measure.ENERGY, Measure.VOLUME)


@dataclass(frozen=True, slots=True)
class ReportedBill:
    """A bill: ``bill`` is None if it is not read, or locked.

    ``superseded``: why it does not count, as that a later one bills its days again; "" if it does.
    """

    id: int
    billed_on: date
    status: BillStatus
    bill: Bill | None
    problems: Sequence[str]
    checks: Sequence[HistoryCheck]
    line_items: Sequence[LineItem] = ()
    superseded: str = ""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A meter's row on a bill, the sum of intervals that it was held against, and the verdict.

    ``counted`` is None where there is no verdict.
    """

    row: BillMeter
    counted: Quantity | None
    verdict: CheckVerdict


@dataclass(frozen=True, slots=True)
class ReportedMeter:
    """A meter: what it took, and gave, by its intervals; ``compared`` are its rows on bills, oldest first.

    ``series`` are the newest ``PROFILE_DAYS`` of its readings of energy and volume.
    """

    id: str
    commodity: Commodity
    series: Sequence[Series]
    compared: Sequence[ComparedRow]
    covered: Sequence[SeriesCoverage]


@dataclass(frozen=True, slots=True)
class ReportedAccount:
    """An account; ``bills`` oldest first, at most 120, ``left_out`` counts those before them."""

    account: Account
    bills: Sequence[ReportedBill]
    left_out: int
    meters: Sequence[ReportedMeter]
    currency: str

    @property
    def counted(self) -> Sequence[Bill]:
        """The bills that add up: read, not locked, and neither billed again later nor taken back."""
        return [each.bill for each in self.bills if each.bill is not None and not each.superseded]


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """All of a customer; ``lag``: how long after a day its intervals come.

    ``accounts`` are read one after the other, once: the readings of all would take too much memory.
    """

    customer: Customer
    utility: str
    zone: ZoneInfo
    lag: timedelta
    accounts: Iterator[ReportedAccount]


def report_facts(store: CompanyStore, customer: Customer, utility_name: str) -> CustomerReport:
    """What is in store of the customer. What a locked bill says is left out."""
    zone, lag = days_of(customer)
    status = {bill.id: bill.status for bill in store.bills.list(customer)}
    accounts = (_account(store, stored, status, zone, lag) for stored in store.accounts.list(customer))
    return CustomerReport(customer, utility_name, zone, lag, accounts)


def _account(
    store: CompanyStore,
    stored: StoredAccount,
    status: dict[int, BillStatus],
    zone: ZoneInfo,
    lag: timedelta,
) -> ReportedAccount:
    every = list(store.bills.of_account(stored.id).values())
    withheld = frozenset(number for number, each in status.items() if each is BillStatus.LOCKED)
    series: list[Series] = []
    checks = account_checks(
        every, withheld, map(partial(_noted, series), series_of(store, stored)), zone, lag
    )
    superseded = _superseded(every)
    shown = [
        ReportedBill(
            each.id,
            each.billed_on,
            status.get(each.id, BillStatus.UNPARSED),
            None if each.id in withheld else each.bill,
            each.problems if each.bill is None else (),
            [*_own(each, withheld, counts=each.id not in superseded), *checks.get(each.id, ())],
            each.reading.line_items if each.reading is not None and each.id not in withheld else (),
            superseded.get(each.id, ""),
        )
        for each in every[-MOST_BILLS:]
    ]
    covered = store.readings.coverage_by_series(stored.id)
    ids = dict.fromkeys(
        [
            *(meter.id for meter in stored.account.meters),
            *(row.id for each in shown if not each.superseded for row in _rows(each)),
        ]
    )
    meters = [_meter(number, stored.account, shown, series, covered) for number in ids]
    symbol = symbol_of(currency_of(stored.account, every[-MOST_BILLS:], withheld))
    return ReportedAccount(stored.account, shown, max(0, len(every) - MOST_BILLS), meters, symbol)


def _superseded(every: Sequence[StoredBill]) -> Mapping[int, str]:
    """Why bills don't count, by id."""
    read = [(each.id, each.bill) for each in every if each.bill is not None]
    bills = [bill for _, bill in read]
    again, back = billed_again(bills), taken_back(bills)
    why = {
        **dict.fromkeys(again, "billed again later"),
        **dict.fromkeys(back, "taken back later"),
        **dict.fromkeys(back.values(), "takes a bill back"),
    }
    return {read[place][0]: reason for place, reason in why.items()}


def _noted(kept: list[Series], series: Series) -> Series:
    """The same, with its newest readings in ``kept``."""
    readings = series.readings
    since = readings[-1][0] - PROFILE_DAYS * DAY if readings else 0
    kept.append(replace(series, readings=readings[bisect_left(readings, since, key=itemgetter(0)) :]))
    return series


def _own(stored: StoredBill, withheld: frozenset[int], *, counts: bool) -> Iterator[HistoryCheck]:
    """What a bill's own figures say of each other; of one that does not count no fault."""
    if stored.id not in withheld:
        computed = checks_of(stored.bill) if stored.bill is not None else ()
        for check in stored.reading.checks if stored.reading is not None else computed:
            failed = CheckVerdict.FAILED if counts else CheckVerdict.NOTE
            yield HistoryCheck(check.name, CheckVerdict.PASSED if check.passed else failed, check.what)


def _rows(bill: ReportedBill) -> Sequence[BillMeter]:
    return bill.bill.meters if bill.bill is not None else ()


def _against_intervals(bill: ReportedBill) -> Sequence[HistoryCheck]:
    """One for each row, in their order."""
    return [check for check in bill.checks if check.name == "intervals"]


def _meter(
    number: str,
    account: Account,
    bills: Sequence[ReportedBill],
    series: Sequence[Series],
    covered: Sequence[SeriesCoverage],
) -> ReportedMeter:
    own = [one for one in series if one.meter_id == number and one.measure in _AMOUNTS and one.readings]
    compared = [
        ComparedRow(row, check.counted, check.verdict)
        for bill in bills
        if not bill.superseded
        for row, check in zip(_rows(bill), _against_intervals(bill), strict=True)
        if row.id == number
    ]
    known = [meter.commodity for meter in account.meters if meter.id == number]
    commodity = (known or [each.row.commodity for each in compared])[0]
    compared.sort(key=lambda each: each.row.billing_period_from)
    return ReportedMeter(number, commodity, own, compared, [one for one in covered if one.meter_id == number])
