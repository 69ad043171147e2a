"""Bills in store against each other, against intervals and against last year: ``history_checks``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from meterfarm.formats.bills.history import history_checks as checks_of_history
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Bill, BillStatus, CheckVerdict, HistoryCheck, Measure, Series
from meterfarm.services.customers import find_utility
from meterfarm.services.errors import NotFound
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import FoundBill, SeriesCoverage, StoredAccount, StoredBill
from meterfarm.storage.store import CompanyStore

UTC = ZoneInfo("UTC")
_AMOUNTS = (Measure.ENERGY, Measure.VOLUME)
URGENT_FIRST = (CheckVerdict.FAILED, CheckVerdict.NOTE, CheckVerdict.NO_VERDICT, CheckVerdict.PASSED)
_AROUND = 40 * 86_400
"""Seconds. Readings of a month may lie over a bill's first or last day."""


def history_checks(store: CompanyStore, customer: Customer) -> Mapping[int, Sequence[HistoryCheck]]:
    """By the ids of the customer's bills, of those that are read; a locked one's figures are in none."""
    withheld = locked_bills(store, customer)
    found: dict[int, Sequence[HistoryCheck]] = {}
    for account in store.accounts.list(customer):
        bills = list(store.bills.of_account(account.id).values())
        found |= _checked(store, customer, account, bills, withheld)
    return found


def bill_checks(store: CompanyStore, bill: FoundBill) -> Sequence[HistoryCheck]:
    """Those of one bill, what failed first; of one that is not read none.

    Raises:
        NotFound: it is no longer there.
    """
    if bill.customer_id is None:
        return ()
    customer = store.customers.by_id(bill.customer_id)
    if customer is None:
        raise NotFound(f"There is no bill “{bill.id}”.")
    withheld = locked_bills(store, customer)
    for account in store.accounts.list(customer):
        bills = list(store.bills.of_account(account.id).values())
        if any(each.id == bill.id for each in bills):
            found = _checked(store, customer, account, bills, withheld, {bill.id}).get(bill.id, ())
            return sorted(found, key=lambda check: URGENT_FIRST.index(check.verdict))
    return ()


def _checked(
    store: CompanyStore,
    customer: Customer,
    account: StoredAccount,
    bills: Sequence[StoredBill],
    withheld: frozenset[int],
    wanted: Collection[int] | None = None,
) -> Mapping[int, Sequence[HistoryCheck]]:
    """The checks of the account's ``bills``; of those that are ``wanted`` alone intervals are right."""
    zone, lag = days_of(customer)
    covered = [
        one for one in store.readings.coverage_by_series(account.id, counted=False) if one.measure in _AMOUNTS
    ]
    newest = max((one.ranges[-1][1] for one in covered if one.ranges), default=0)
    shown = [
        each.bill
        for each in bills
        if each.bill is not None and each.id not in withheld and (wanted is None or each.id in wanted)
    ]
    series = _series_of_bills(store, account, shown, covered)
    return account_checks(bills, withheld, series, zone, lag, newest)


def _series_of_bills(
    store: CompanyStore, account: StoredAccount, bills: Sequence[Bill], covered: Sequence[SeriesCoverage]
) -> Iterator[Series]:
    """What bills are held against: readings of energy and volume of their meters, about their days.

    They are read one meter after the other. The nearest before and after the days are among them, also where
    there is a gap between: it is known what is lacking.
    """
    rows = [row for bill in bills for row in bill.meters]
    first = _midnight(min((row.billing_period_from for row in rows), default=date.min))
    last = _midnight(max((row.billing_period_to for row in rows), default=date.min))
    for number in dict.fromkeys(row.id for row in rows):
        start, until = first, last
        for ranges in (one.ranges for one in covered if one.meter_id == number and one.ranges):
            start = min(start, max((end for begin, end in ranges if begin < first), default=first))
            until = max(until, min((begin for begin, end in ranges if end > last), default=last))
        time = (start - _AROUND, until + _AROUND)
        yield from store.readings.series(account.id, number, _AMOUNTS, time)


def _midnight(day: date) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp())


def days_of(customer: Customer) -> tuple[ZoneInfo, timedelta]:
    """Where the customer's days begin, and how long after them readings come; UTC without a script."""
    try:
        utility = find_utility(customer.utility)
    except NotFound:
        return UTC, timedelta()
    return utility.zone, utility.capabilities.expected_lag


def locked_bills(store: CompanyStore, customer: Customer) -> frozenset[int]:
    """The ids of the customer's bills with content that is withheld until they are unlocked."""
    return frozenset(bill.id for bill in store.bills.list(customer) if bill.status is BillStatus.LOCKED)


def series_of(store: CompanyStore, account: StoredAccount) -> Iterator[Series]:
    """All readings of the account's meters, read one meter after the other."""
    for meter in account.account.meters:
        yield from store.readings.series(account.id, meter.id)


def account_checks(
    bills: Sequence[StoredBill],
    withheld: frozenset[int],
    series: Iterable[Series],
    zone: ZoneInfo,
    lag: timedelta,
    newest: int | None = None,
) -> Mapping[int, Sequence[HistoryCheck]]:
    """The checks of an account's bills by id; of those that are ``withheld`` only that periods abut."""
    read = [(each.id, each.bill) for each in bills if each.bill is not None]
    places = frozenset(place for place, (bill_id, _) in enumerate(read) if bill_id in withheld)
    checks = checks_of_history([bill for _, bill in read], series, LocalTime(zone), lag, places, newest)
    return {bill_id: found for (bill_id, _), found in zip(read, checks, strict=True)}
