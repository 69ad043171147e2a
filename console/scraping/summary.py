"""What a run came to: for programs as ``summary.json``, for people as a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meterfarm.console.terminal.listing import Column, Facts, Listing, Shown, styled
from meterfarm.console.terminal.output import plain, show
from meterfarm.records import WhoActs
from meterfarm.scrapers.runs.run_executor import RunResult
from meterfarm.services.summary import RunSummary, stored_accounts
from meterfarm.storage import StorageError
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import as_json

COLOURS = {WhoActs.NOBODY: "green", WhoActs.CUSTOMER: "yellow", WhoActs.PORTAL: "magenta", WhoActs.US: "red"}


def write_summary(summary: RunSummary, out: Path) -> None:
    """Write ``summary.json``. Raises ``StorageError`` if ``out`` cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        partial = out / ".summary.json.part"
        partial.write_text(as_json(summary_json(summary), indent=2) + "\n", encoding="utf-8")
        partial.replace(out / "summary.json")
    except OSError as exc:
        raise StorageError(
            f"The output directory {out} cannot be written ({exc.strerror}); choose another one."
        ) from exc


def summary_json(summary: RunSummary) -> dict[str, object]:
    """The summary as JSON has it: counts of what the portal does not offer are left out."""
    found: dict[str, Any] = plain(summary)
    for account in found["accounts"]:
        for counted, count in [(account, "bills"), *((meter, "readings") for meter in account["meters"])]:
            if counted[count] is None:
                del counted[count]
    return found


def show_result(result: RunResult, store: CompanyStore, out: Path) -> None:
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
    for account in stored_accounts(store, result.customer):
        number, bills = account.number, _count(account.bills)
        for meter in account.meters:
            record = {
                "account": account.number,
                "bills": account.bills,
                "meter": meter.id,
                "commodity": meter.commodity,
                "readings": meter.readings,
            }
            table.add([number, bills, meter.id, meter.commodity.value, _count(meter.readings)], record)
            number = bills = ""  # once an account
    if len(table):
        show(Facts([*facts, ("files", str(out))]), "", table)
    else:
        show(Facts(facts))


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


_WHO = {
    WhoActs.CUSTOMER: "the customer, at the portal or by running this again",
    WhoActs.PORTAL: "the portal; run this again later",
    WhoActs.US: "whoever maintains the utility's script",
}
