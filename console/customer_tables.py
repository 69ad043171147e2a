"""Customers as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from console.customer_secrets import NAMES
from console.printed import shown
from console.run_tables import runs_table
from records import CustomerState, SecretKind
from storage.results import CustomerInfo
from storage.work import RunInfo

_COLOURS = {
    CustomerState.NEW: "cyan",
    CustomerState.ACTIVE: "green",
    CustomerState.MUST_REAUTHENTICATE: "yellow",
    CustomerState.REMOVED: "dim",
}


def customers_table(found: Sequence[CustomerInfo]) -> Table:
    """A row a customer."""
    table = Table("id", "external id", "utility", "user name", "state", "reason", "last run", "next refresh")
    for one in found:
        last = one.last_run
        table.add_row(
            str(one.id),
            escape(one.external_id or ""),
            one.utility,
            escape(one.username),
            _state(one.state),
            escape(_short(one.reason)),
            f"{last.id} {last.outcome.value}" if last else "",
            shown(_next_refresh(one)),
        )
    return table


def customer_card(one: CustomerInfo, runs: Sequence[RunInfo]) -> list[RenderableType]:
    """All that is known of a customer, and their newest runs."""
    lines = Table(show_header=False, box=None, pad_edge=False)
    for name, text in _facts(one):
        if text:
            lines.add_row(name, Text(text))
    return [lines, runs_table(runs, title="newest runs")] if runs else [lines]


def _facts(one: CustomerInfo) -> list[tuple[str, str]]:
    secrets = [NAMES[kind] for kind in SecretKind if kind in one.secrets]
    last = one.last_run
    return [
        ("customer", f"{one.id}: {one.username} at {one.utility}"),
        ("external id", one.external_id or ""),
        ("state", f"{one.state} since {shown(one.since)}"),
        ("reason", one.reason),
        ("stored secrets", ", ".join(secrets) or "none"),
        ("session saved", shown(one.session_saved_at) or "none"),
        ("MFA passed", shown(one.trusted_since)),
        ("last run", f"{last.id} ({last.kind}): {last.outcome} {last.message}" if last else "none"),
        ("next bills", shown(one.bills_due_at)),
        ("next intervals", shown(one.intervals_due_at)),
        ("accounts", f"{one.accounts:,}" if one.accounts is not None else ""),
        ("bills", f"{one.bills:,}" if one.bills is not None else ""),
        ("readings", f"{one.readings:,}" if one.readings is not None else ""),
    ]


def _next_refresh(one: CustomerInfo) -> datetime | None:
    return min((at for at in (one.bills_due_at, one.intervals_due_at) if at), default=None)


def _state(state: CustomerState) -> str:
    return f"[{_COLOURS[state]}]{state}[/]"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
