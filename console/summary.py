"""What a run came to: for programs as one JSON object, for people as a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from meterfarm.console.listing import Column, Facts, Listing, Shown, styled
from meterfarm.console.printed import show
from meterfarm.records import Account, LedgerItem, Outcome, WhoActs
from meterfarm.scrapers.attempt import Result
from meterfarm.storage.errors import StorageError
from meterfarm.storage.results import Customer
from meterfarm.storage.store import Store
from meterfarm.storage.work import RunStory
from meterfarm.support.foreign_text import as_json

Summary = dict[str, object]

COLOURS = {WhoActs.NOBODY: "green", WhoActs.CUSTOMER: "yellow", WhoActs.PORTAL: "magenta", WhoActs.US: "red"}


def summarise(result: Result, store: Store) -> Summary:
    """The summary as documented in docs/scrape.md; counts are of what is in store, whenever it came."""
    return _summary(
        result.customer,
        store,
        outcome=result.outcome,
        message=result.message,
        session=result.session,
        seconds=result.seconds,
        accounts={account.number for account in result.accounts},
        ledger=result.ledger,
    )


def summarise_run(story: RunStory, customer: Customer, store: Store) -> Summary:
    """The same of a worker's run that has ended, with all accounts in store."""
    run = story.run
    if run.outcome is None:
        raise ValueError(f"the run {run.id} has no outcome")
    return _summary(
        customer,
        store,
        outcome=run.outcome,
        message=run.message,
        session=run.session,
        seconds=run.seconds,
        accounts={stored.account.number for stored in store.accounts(customer)},
        ledger=story.ledger,
    )


def _summary(
    customer: Customer,
    store: Store,
    *,
    outcome: Outcome,
    message: str,
    session: str,
    seconds: Mapping[str, float],
    accounts: Set[str],
    ledger: Sequence[LedgerItem],
) -> Summary:
    stored = [item for item in ledger if item.stored]
    parts = {
        "missing": [item for item in ledger if not item.stored],
        "unread": [item for item in stored if item.unread],
        "doubtful": [item for item in stored if item.reason and not item.unread],
    }
    return {
        "utility": customer.utility,
        "username": customer.username,
        "outcome": outcome,
        "who_acts": outcome.who_acts,
        "message": message,
        "session": session,
        "seconds": {step: seconds.get(step) for step in ("sign_in", "collect")},
        "accounts": [
            _account(store, stored_account.id, stored_account.account)
            for stored_account in store.accounts(customer)
            if stored_account.account.number in accounts
        ],
        "ledger": {
            "listed": len(ledger),
            "stored": len(stored),
            "downloaded": sum(item.downloaded for item in stored),
            **{
                name: [
                    {"item": item.item, "account": item.account_number, "reason": item.reason}
                    for item in items
                ]
                for name, items in parts.items()
            },
        },
    }


def _account(store: Store, account_id: int, account: Account) -> Summary:
    coverage = store.coverage(account_id)
    return {
        "number": account.number,
        "bills": len(store.stored_bills(account_id)),
        "meters": [
            {
                "id": meter.id,
                "commodity": meter.commodity,
                "readings": coverage[meter.id].readings if meter.id in coverage else 0,
            }
            for meter in account.meters
        ],
    }


def write_summary(summary: Summary, out: Path) -> None:
    """Write ``summary.json``. Raises ``StorageError`` if ``out`` cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        partial = out / ".summary.json.part"
        partial.write_text(as_json(summary, indent=2) + "\n", encoding="utf-8")
        partial.replace(out / "summary.json")
    except OSError as exc:
        raise StorageError(
            f"The output directory {out} cannot be written ({exc.strerror}); choose another one."
        ) from exc


def show_result(result: Result, store: Store, out: Path) -> None:
    """A few lines for a person; in a pipe, tab-separated."""
    acts = result.outcome.who_acts
    facts: list[tuple[str, Shown]] = [
        ("outcome", styled(result.outcome.value, f"bold {COLOURS[acts]}")),
        ("message", result.message),
        ("who acts", _WHO.get(acts, "")),
        ("evidence", str(result.evidence or "")),
    ]
    columns = [
        Column("account"),
        Column("bills", right=True),
        Column("meter"),
        Column("commodity"),
        Column("readings", right=True),
    ]
    table = Listing(columns, ("account", "bills", "meter", "commodity", "readings"))
    for stored in store.accounts(result.customer):
        coverage = store.coverage(stored.id)
        bills = len(store.stored_bills(stored.id))
        account, count = stored.account.number, str(bills)
        for meter in stored.account.meters:
            readings = coverage[meter.id].readings if meter.id in coverage else 0
            record = {
                "account": stored.account.number,
                "bills": bills,
                "meter": meter.id,
                "commodity": meter.commodity,
                "readings": readings,
            }
            cells = [account, count, meter.id, meter.commodity.value, f"{readings:,}"]
            table.add(cells, record)
            account = count = ""  # once an account
    if len(table):
        show(Facts([*facts, ("files", str(out))]), "", table)
    else:
        show(Facts(facts))


_WHO = {
    WhoActs.CUSTOMER: "the customer, at the portal or by running this again",
    WhoActs.PORTAL: "the portal; run this again later",
    WhoActs.US: "whoever maintains the utility's script",
}
