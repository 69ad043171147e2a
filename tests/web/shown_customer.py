"""A customer with something of everything, of which hostile text is in every field that others fill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from meterfarm.records import (
    Account,
    Address,
    Bill,
    BillCheck,
    Challenge,
    Factor,
    Meter,
    Outcome,
    SecretKind,
)
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.customers import UpdateCustomer, update_customer
from meterfarm.services.runs import retry_run
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import ReadBill
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from tests.console.asked import WAIT
from tests.storage.made import ELECTRIC, EXPORT, UTILITY, bill, claimed, listed, pdf, reading, series

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
NUMBER = f"77{SCRIPT}"
ZONE = ZoneInfo("America/New_York")
FIRST_DAY = date(2026, 3, 7)
"""The next is of 23 hours."""
DAYS = 40
SECRET_TOTAL = 987_654
"""Cents on the locked bill: nowhere but there."""


@dataclass(frozen=True, slots=True)
class ShownCustomer:
    """With an open and a locked bill, forty days of quarter hours, a run that ended and an open challenge."""

    store: CompanyStore
    customer: Customer
    open_bill: int
    locked_bill: int
    run: int
    challenge: int

    @property
    def path(self) -> str:
        """Below the dashboard."""
        return f"/test/customers/{self.customer.id}"


def shown_customer(store: CompanyStore, name: str = "Ada") -> ShownCustomer:
    """Make one."""
    store_company = store.farm.companies.get(store.company_id)
    if store_company is None:
        raise RuntimeError("the company is gone")
    change_company(store.farm, store_company, ChangeCompany(history="none"))
    secrets = {SecretKind.PASSWORD: "a password"}
    customer = store.customers.add(UTILITY, f"{name.lower()}@bayou.energy", secrets=secrets)
    change_company(store.farm, store_company, ChangeCompany(history="all"))
    named = {"first_name": name, "last_name": SCRIPT[:25], "email": f"{name.lower()}@home.example"}
    update_customer(store, customer, UpdateCustomer(profile=named))
    run, challenge = _visited(store, customer)
    meter = replace(ELECTRIC, id=f"E1{SCRIPT}", tariff=SCRIPT)
    address = Address(SCRIPT, SCRIPT, "NY", "12075")
    account = store.accounts.save(customer, Account(NUMBER, SCRIPT, address, (meter,)))
    store.bills.save(account, [_read("b1", bill(4_200), meter), _read("b2", _secret(), meter)])
    newest, older = store.bills.list(customer)
    store.bills.unlock(older.id, "the test")
    begin = int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE).timestamp())
    ours = replace(series([250] * 96 * DAYS, start=begin), meter_id=meter.id)
    store.readings.save(account, EXPORT, "march", [ours])
    return ShownCustomer(store, customer, older.id, newest.id, run, challenge)


def _secret() -> Bill:
    later = bill(SECRET_TOTAL, date(2026, 2, 5))
    return replace(later, billing_period_from=date(2026, 1, 1), billing_period_to=date(2026, 1, 31))


def _read(key: str, of: Bill, meter: Meter) -> ReadBill:
    rows = [replace(row, id=meter.id, tariff=SCRIPT) for row in of.meters]
    whole = replace(of, account_number=NUMBER, meters=rows)
    read = reading(whole)
    items = [replace(item, name=SCRIPT, section=SCRIPT) for item in read.line_items]
    hostile = replace(
        read,
        line_items=items,
        checks=[BillCheck("total", False, SCRIPT), *read.checks],
        left_out={SCRIPT: SCRIPT},
        fields={**read.fields, "customer": SCRIPT},
    )
    document = pdf(f"%PDF-1.7 {key}".encode())
    return ReadBill(listed(key, of.billed_on), document, whole, "layout", 1, reading=hostile)


def _visited(store: CompanyStore, customer: Customer) -> tuple[int, int]:
    """A run that ended badly, and one that waits for an answer."""
    (first,) = store.runs.list(customer_id=customer.id, active=True)
    claim = claimed(store, first.id, 1)
    if claim is None:
        raise RuntimeError("the run was not to be had")
    store.runs.finish(
        claim.lease, Outcome.MFA_EXPIRED, SCRIPT, follow=FollowUp(must_reauthenticate=f"mfa: {SCRIPT}")
    )
    again = claimed(store, retry_run(store, first.id), 1)
    if again is None:
        raise RuntimeError("the run was not to be had again")
    asked = Challenge(f"{SCRIPT} code?", Factor.SMS, SCRIPT, can_resend=True, error=SCRIPT)
    return first.id, store.challenges.open(again.lease, asked, WAIT)
