"""What a report is made of: a customer's accounts with bills, intervals, what is covered, and all checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from meterfarm.formats.bills.checks import checks_of
from meterfarm.formats.bills.metered import MeteredSeries
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import (
    Account,
    Bill,
    BillMeter,
    BillStatus,
    CheckVerdict,
    Commodity,
    Direction,
    HistoryCheck,
    LineItem,
    Measure,
    Series,
    Unit,
)
from meterfarm.services.bill_history import account_checks, days_of, series_of
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import SeriesCoverage, StoredAccount, StoredBill
from meterfarm.storage.store import CompanyStore

MOST_BILLS = 120
"""Of an account, the newest; a report of more would be one that nobody reads."""
_AMOUNTS = (Measure.ENERGY, Measure.VOLUME)
_SYMBOLS = {"US": "$", "CA": "$", "AU": "$", "NZ": "$", "GB": "£", "CH": "CHF "} | dict.fromkeys(
    ("AT", "BE", "DE", "ES", "FI", "FR", "GR", "IE", "IT", "LU", "NL", "PT"), "€"
)


@dataclass(frozen=True, slots=True)
class ReportedBill:
    """A bill: ``bill`` is None if it is not read, or locked.

    ``superseded``: a later one bills its days again.
    """

    id: int
    billed_on: date
    status: BillStatus
    bill: Bill | None
    problems: Sequence[str]
    checks: Sequence[HistoryCheck]
    line_items: Sequence[LineItem] = ()
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A meter's row on a bill, what its intervals add up to in its unit's power of ten, and the verdict.

    ``counted`` is None where the intervals don't cover the days.
    """

    row: BillMeter
    counted: float | None
    verdict: CheckVerdict


@dataclass(frozen=True, slots=True)
class ReportedMeter:
    """A meter: what it took, and gave, by its intervals; ``compared`` are its rows on bills, oldest first."""

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
        """The bills that add up: read, not locked, and not billed again later."""
        return [each.bill for each in self.bills if each.bill is not None and not each.superseded]


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """All of a customer; ``lag``: how long after a day its intervals come."""

    customer: Customer
    utility: str
    zone: ZoneInfo
    lag: timedelta
    accounts: Sequence[ReportedAccount]


def report_facts(store: CompanyStore, customer: Customer, utility_name: str) -> CustomerReport:
    """What is in store of the customer. What a locked bill says is left out."""
    zone, lag = days_of(customer)
    status = {bill.id: bill.status for bill in store.bills.list(customer)}
    accounts = [_account(store, stored, status, zone, lag) for stored in store.accounts.list(customer)]
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
    series = series_of(store, stored)
    checks = account_checks(every, withheld, series, zone, lag)
    again = _billed_again(every)
    shown = [
        ReportedBill(
            each.id,
            each.billed_on,
            status.get(each.id, BillStatus.UNPARSED),
            None if each.id in withheld else each.bill,
            each.problems if each.bill is None else (),
            [*_own(each, withheld), *checks.get(each.id, ())],
            each.reading.line_items if each.reading is not None and each.id not in withheld else (),
            each.id in again,
        )
        for each in every[-MOST_BILLS:]
    ]
    clock = LocalTime(zone)
    covered = store.readings.coverage_by_series(stored.id)
    ids = dict.fromkeys(
        [
            *(meter.id for meter in stored.account.meters),
            *(row.id for each in shown if not each.superseded for row in _rows(each)),
        ]
    )
    meters = [_meter(number, stored.account, shown, series, covered, clock) for number in ids]
    return ReportedAccount(
        stored.account, shown, max(0, len(every) - MOST_BILLS), meters, _currency(stored, shown)
    )


def _own(stored: StoredBill, withheld: frozenset[int]) -> Iterator[HistoryCheck]:
    """What a bill's own figures say of each other."""
    if stored.id not in withheld:
        computed = checks_of(stored.bill) if stored.bill is not None else ()
        for check in stored.reading.checks if stored.reading is not None else computed:
            yield HistoryCheck(
                check.name, CheckVerdict.PASSED if check.passed else CheckVerdict.FAILED, check.what
            )


def _billed_again(every: Sequence[StoredBill]) -> frozenset[int]:
    """The ids of bills of which a later one has the same days."""
    newest: dict[tuple[date, date], int] = {}
    for each in sorted(every, key=lambda one: (one.billed_on, one.id)):
        if each.bill is not None:
            newest[each.bill.billing_period_from, each.bill.billing_period_to] = each.id
    return frozenset(each.id for each in every if each.bill is not None and each.id not in newest.values())


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
    clock: LocalTime,
) -> ReportedMeter:
    own = [one for one in series if one.meter_id == number and one.measure in _AMOUNTS and one.readings]
    taken = next((MeteredSeries(one) for one in own if one.direction is not Direction.RECEIVED), None)
    compared = [
        ComparedRow(row, _counted(row, taken, clock), check.verdict)
        for bill in bills
        if not bill.superseded
        for row, check in zip(_rows(bill), _against_intervals(bill), strict=True)
        if row.id == number
    ]
    known = [meter.commodity for meter in account.meters if meter.id == number]
    commodity = (known or [each.row.commodity for each in compared])[0]
    compared.sort(key=lambda each: each.row.billing_period_from)
    return ReportedMeter(number, commodity, own, compared, [one for one in covered if one.meter_id == number])


def _counted(row: BillMeter, taken: MeteredSeries | None, clock: LocalTime) -> float | None:
    if taken is None or taken.unit is not row.consumption.unit:
        return None
    end = clock.day(row.billing_period_to + timedelta(days=1)).start
    use = taken.over(clock.day(row.billing_period_from).start, end)
    power = 3 if taken.unit is Unit.WH else 0
    return None if use.gaps or use.crosses else float(use.mantissa * 10.0 ** (use.exponent - power))


def _currency(stored: StoredAccount, bills: Sequence[ReportedBill]) -> str:
    """What money is written with where the account is; "" if that is not known."""
    addresses = [stored.account.address, *(each.bill.address for each in bills if each.bill is not None)]
    country = next((address.country for address in addresses if address is not None), "")
    return _SYMBOLS.get(country, "")
