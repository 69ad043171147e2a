"""What a run came to, as docs/scrape.md documents it; counts are of what is in store, whenever it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from meterfarm.records import AccountStatus, Commodity, LedgerItem, Outcome, Part, WhoActs
from meterfarm.scrapers.runs.run_executor import RunResult
from meterfarm.services.runs import offered_parts
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import RunStory
from meterfarm.storage.store import CompanyStore

_STEPS = ("sign_in", "collect")


@dataclass(frozen=True, slots=True)
class MeterSummary:
    """A meter and how many readings of it are in store, None if the portal has no interval data."""

    id: str
    commodity: Commodity
    readings: int | None


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """An account and how many bills of it are in store, None if the portal has none."""

    number: str
    status: AccountStatus
    bills: int | None
    meters: Sequence[MeterSummary]


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item of the ledger, and why it is missing, pending, unread or doubtful."""

    item: str
    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """How many items the portal listed, how many are stored, how many of these are new."""

    listed: int
    stored: int
    downloaded: int
    missing: Sequence[ListedItem]
    pending: Sequence[ListedItem]
    unread: Sequence[ListedItem]
    doubtful: Sequence[ListedItem]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run; ``session`` is new, reused or challenged_again, ``seconds`` by step, None of one not reached."""

    utility: str
    username: str
    outcome: Outcome
    who_acts: WhoActs
    message: str
    session: str
    seconds: Mapping[str, float | None]
    accounts: Sequence[AccountSummary]
    ledger: LedgerSummary


def summarise_result(store: CompanyStore, result: RunResult) -> RunSummary:
    """Of a run of this process, with the accounts that it found."""
    found = {account.number for account in result.accounts}
    return RunSummary(
        result.customer.utility,
        result.customer.username,
        result.outcome,
        result.outcome.who_acts,
        result.message,
        result.session,
        {step: result.seconds.get(step) for step in _STEPS},
        [account for account in _accounts(store, result.customer, result.offered) if account.number in found],
        _ledger(result.ledger),
    )


def summarise_run(store: CompanyStore, story: RunStory, customer: Customer) -> RunSummary:
    """Of a worker's run, with all accounts in store.

    Raises:
        ValueError: the run has not ended with an outcome.
    """
    run = story.run
    if run.outcome is None:
        raise ValueError(f"the run {run.id} has no outcome")
    return RunSummary(
        customer.utility,
        customer.username,
        run.outcome,
        run.outcome.who_acts,
        run.message,
        run.session,
        {step: run.seconds.get(step) for step in _STEPS},
        stored_accounts(store, customer),
        _ledger(story.ledger),
    )


def stored_accounts(store: CompanyStore, customer: Customer) -> Sequence[AccountSummary]:
    """The customer's accounts by number, with counts of what is in store."""
    return _accounts(store, customer, offered_parts(customer.utility))


def _accounts(store: CompanyStore, customer: Customer, parts: Set[Part]) -> Sequence[AccountSummary]:
    found = []
    for stored in store.accounts.list(customer):
        coverage = store.readings.coverage(stored.id)
        readings = {
            meter.id: coverage[meter.id].readings if meter.id in coverage else 0
            for meter in stored.account.meters
        }
        meters = [
            MeterSummary(meter.id, meter.commodity, readings[meter.id] if Part.INTERVALS in parts else None)
            for meter in stored.account.meters
        ]
        bills = len(store.bills.of_account(stored.id)) if Part.BILLS in parts else None
        found.append(AccountSummary(stored.account.number, stored.account.status, bills, meters))
    return found


def _ledger(ledger: Sequence[LedgerItem]) -> LedgerSummary:
    stored = [item for item in ledger if item.stored]
    return LedgerSummary(
        len(ledger),
        len(stored),
        sum(item.downloaded for item in stored),
        missing=[_listed(item) for item in ledger if not item.stored and not item.pending],
        pending=[_listed(item) for item in ledger if item.pending],
        unread=[_listed(item) for item in stored if item.unread],
        doubtful=[_listed(item) for item in stored if item.reason and not item.unread],
    )


def _listed(item: LedgerItem) -> ListedItem:
    return ListedItem(item.item, item.account_number, item.reason)
