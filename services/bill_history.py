"""Bills in store against each other, against intervals and against last year: ``history_checks``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from meterfarm.formats.bills.history import history_checks as checks_of_history
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Bill, BillStatus, HistoryCheck, Series
from meterfarm.services.customers import find_utility
from meterfarm.services.errors import NotFound
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import StoredAccount, StoredBill
from meterfarm.storage.store import CompanyStore

UTC = ZoneInfo("UTC")


def history_checks(store: CompanyStore, customer: Customer) -> Mapping[int, Sequence[HistoryCheck]]:
    """By the ids of the customer's bills, of those that are read; a locked one's figures are in none."""
    zone, lag = days_of(customer)
    withheld = locked_bills(store, customer)
    found: dict[int, Sequence[HistoryCheck]] = {}
    for account in store.accounts.list(customer):
        bills = list(store.bills.of_account(account.id).values())
        series = series_of(store, account)
        found |= account_checks(bills, withheld, series, zone, lag)
    return found


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


def series_of(store: CompanyStore, account: StoredAccount) -> Sequence[Series]:
    """All readings of the account's meters."""
    return [
        series for meter in account.account.meters for series in store.readings.series(account.id, meter.id)
    ]


def account_checks(
    bills: Sequence[StoredBill],
    withheld: frozenset[int],
    series: Sequence[Series],
    zone: ZoneInfo,
    lag: timedelta,
) -> Mapping[int, Sequence[HistoryCheck]]:
    """The checks of an account's bills by id; of those that are ``withheld`` only that periods abut."""
    read = [(each.id, each.bill) for each in bills if each.bill is not None]
    shown = [_without_figures(bill) if bill_id in withheld else bill for bill_id, bill in read]
    places = frozenset(place for place, (bill_id, _) in enumerate(read) if bill_id in withheld)
    checks = checks_of_history(shown, series, LocalTime(zone), lag, places)
    return {bill_id: found for (bill_id, _), found in zip(read, checks, strict=True)}


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
