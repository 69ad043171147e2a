"""What is known of a customer as a whole: accounts, meters, tariffs by period, and what is complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from meterfarm.records import Commodity, CustomerState, Outcome, Part
from meterfarm.services.readiness import FactsCache, account_facts, is_currently_authenticated
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import TariffPeriod
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from tests.storage.made import (
    ACCOUNT,
    ADDRESS,
    EXPORT,
    START,
    UTILITY,
    begun,
    bill,
    listed,
    pdf,
    save_bill,
    series,
)


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    return store.customers.ensure(UTILITY, "ada@example.com")


def _billed(store: CompanyStore, account: int, key: str, first: date, last: date, tariff: str) -> None:
    read = bill(billed_on=last)
    meter = replace(read.meters[0], billing_period_from=first, billing_period_to=last, tariff=tariff)
    read = replace(read, billing_period_from=first, billing_period_to=last, meters=(meter,))
    content = pdf(f"%PDF-1.7 {key}".encode())
    save_bill(store, account, listed(key, last), content, read, layout="a", layout_version=1)


def test_accounts_and_meters_are_told_with_tariffs_by_period(store: CompanyStore, customer: Customer) -> None:
    """Periods that touch are one; the newest bill's address stands in where the portal shows none."""
    account = store.accounts.save(customer, replace(ACCOUNT, address=None))
    _billed(store, account, "3", date(2026, 3, 1), date(2026, 3, 31), "Time of use")
    _billed(store, account, "1", date(2026, 1, 1), date(2026, 1, 31), "Residential")
    _billed(store, account, "2", date(2026, 2, 1), date(2026, 2, 28), "Residential")
    (told,) = account_facts(store, customer.id).accounts
    assert told.number == ACCOUNT.number
    electric, gas = told.meters
    assert electric.tariffs == [
        TariffPeriod("Residential", date(2026, 1, 1), date(2026, 2, 28)),
        TariffPeriod("Time of use", date(2026, 3, 1), date(2026, 3, 31)),
    ]
    assert (electric.address, electric.additional_attributes) == (ADDRESS, {"service_number": "77"})
    assert (gas.id, gas.commodity, gas.tariffs) == ("G1000001", Commodity.GAS, [])


def test_what_is_complete_follows_the_runs_and_the_cache_follows_the_store(
    store: CompanyStore, customer: Customer
) -> None:
    cache = FactsCache()

    def facts() -> tuple[bool, bool, int | None, int | None]:
        revision = store.facts.revision(customer.id)
        told = cache.of(store, customer.id, revision)
        assert cache.of(store, customer.id, revision) is told
        return told.bills_are_ready, told.intervals_are_ready, told.first_interval, told.last_interval

    assert facts() == (False, False, None, None)
    account = store.accounts.save(customer, ACCOUNT)
    store.readings.save(account, EXPORT, "usage", [series([1, 2, 3])])
    assert facts() == (False, False, START, START + 2 * 900)
    for part in Part:
        lease = begun(store, customer)
        store.runs.finish(lease, Outcome.COMPLETE, "", follow=FollowUp(ready=frozenset({part})))
    assert facts()[:2] == (True, True)


def test_who_must_come_back_is_not_authenticated_any_more() -> None:
    assert not is_currently_authenticated(CustomerState.ACTIVE, has_filled_credentials=False)
    assert is_currently_authenticated(CustomerState.ACTIVE, has_filled_credentials=True)
    assert not is_currently_authenticated(CustomerState.MUST_REAUTHENTICATE, has_filled_credentials=True)
