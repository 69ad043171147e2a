"""What the fuzzed API's company has from the start, so that ids lead to something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meterfarm.records import Challenge, EventKind, Factor, FactorOption, LedgerItem, Outcome, SecretKind
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.webhooks import add_endpoint
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import AttemptResult
from tests.services.printed import fetched
from tests.storage.made import ACCOUNT, EXPORT, UTILITY, bill, claimed, listed, pdf, save_bill, series

_EACH = 4
"""So many customers of each kind: some are deleted on the way."""
_MIDNIGHT = 1_700_006_400
_WAIT = timedelta(hours=2)
_LEASE = timedelta(minutes=1)
_CHOICE = Challenge(
    "How shall we send the code?",
    options=(FactorOption(Factor.SMS, "Text me", "•••12"), FactorOption(Factor.EMAIL, "Mail me", "a•••@x")),
)
_CODE = Challenge("Enter the code.", factor=Factor.SMS, destination="•••12", can_resend=True)


def fill(store: CompanyStore, hook: str) -> None:
    """Customers with bills, intervals, runs, challenges and consents; endpoints and their deliveries.

    ``hook`` is a receiver of webhooks on this machine.
    """
    for number in range(_EACH):
        _with_data(store, number)
        _asked(store, number)
        store.customers.create("", external_id=f"external {number}", profile={"email": f"{number}@x.example"})
    _with_locked_bills(store)
    endpoints = [add_endpoint(store, hook, farm_allows_private=True)[0].id for _ in range(_EACH)]
    holder = store.customers.by_id(1)
    if holder is None:
        raise LookupError("the first customer has another number than 1")
    for kind in (EventKind.NEW_BILL, EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS):
        store.fired_events.fire(holder, kind, None)
    for due in store.farm.webhooks.take(endpoints[0], 10, _LEASE):
        store.farm.webhooks.settle(due, AttemptResult(500, "oh", "It answered with HTTP 500.", 7), None)
    store.consents.give(holder, "form", expires_at=datetime.now(UTC) + timedelta(days=30))


def _with_data(store: CompanyStore, number: int) -> None:
    """A customer of a fake portal who was fetched, and has bills and a day of quarter-hours."""
    customer = _customer(store, f"iamvalid.{number}@bayou.energy", f"valid/{number}")
    (run,) = store.runs.list(customer_id=customer.id)
    claim = claimed(store, run.id, 1)
    if claim is None:
        raise LookupError("a queued run was not to be had")
    account = store.accounts.save(customer, ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout=UTILITY, layout_version=1)
    save_bill(store, account, listed("b2"), pdf(b"%PDF-1.7 two"), None, layout="", layout_version=0)
    store.readings.save(account, EXPORT, "jan", [series(range(96), start=_MIDNIGHT)])
    entries = [LedgerItem(ACCOUNT.number, "bill of 2026-01-05", True)]
    missing = LedgerItem(ACCOUNT.number, "intervals E1", False, reason="the export was empty.")
    store.runs.finish(claim.lease, Outcome.PARTIAL, "", ledger=[*entries, missing])


def _asked(store: CompanyStore, number: int) -> None:
    """Customers whose portal waits for an answer, and for a choice."""
    for prefix, challenge in (("sms", _CODE), ("choose", _CHOICE)):
        customer = _customer(store, f"{prefix}.{number}@bayou.energy", f"{prefix}-{number}")
        (run,) = store.runs.list(customer_id=customer.id)
        claim = claimed(store, run.id, 1)
        if claim is None:
            raise LookupError("a queued run was not to be had")
        store.challenges.open(claim.lease, challenge, _WAIT)


def _with_locked_bills(store: CompanyStore) -> None:
    (company,) = [each for each in store.farm.companies.list() if each.id == store.company_id]
    change_company(store.farm, company, ChangeCompany(history="none", continuous=False))
    fetched(store, store.customers.create(UTILITY, external_id="locked"), 0, 4)


def _customer(store: CompanyStore, username: str, external_id: str) -> Customer:
    return store.customers.add(
        UTILITY, username, external_id=external_id, secrets={SecretKind.PASSWORD: "validpassword"}
    )
