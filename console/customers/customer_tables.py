"""Customers as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import RenderableType

from meterfarm.console.runs.run_tables import ACTS, runs_table
from meterfarm.console.terminal.listing import Column, Facts, Listing, Shown, styled
from meterfarm.records import Account, AccountStatus, CustomerState, SecretKind
from meterfarm.services.customer_fields import NAMES
from meterfarm.storage.customers import CustomerInfo
from meterfarm.storage.runs import RunInfo
from meterfarm.support.instants import shown

_COLOURS = {
    CustomerState.NEW: "cyan",
    CustomerState.ACTIVE: "green",
    CustomerState.MUST_REAUTHENTICATE: "yellow",
    CustomerState.REMOVED: "dim",
}
_URGENCY = (
    CustomerState.MUST_REAUTHENTICATE,
    CustomerState.NEW,
    CustomerState.ACTIVE,
    CustomerState.REMOVED,
)
LISTED = (
    "customer",
    "external_id",
    "username",
    "utility",
    "state",
    "since",
    "last_run",
    "last_outcome",
    "next_refresh",
    "reason",
)


def customers_table(found: Sequence[CustomerInfo]) -> Listing:
    """A row a customer, with the reason below where they have to come back."""
    columns = [
        Column("id", right=True),
        Column("user name"),
        Column("state"),
        Column("last run"),
        Column("next refresh", if_room=True),
        Column("external id", if_room=True),
        Column("utility", if_room=True),
    ]
    table = Listing(columns, LISTED)
    for customer in found:
        last = customer.last_run
        cells: list[Shown] = [
            str(customer.id),
            customer.username,
            styled(customer.state.value, _COLOURS[customer.state]),
            styled(last.outcome.value, ACTS[last.outcome.who_acts]) if last else "",
            f"{due:%Y-%m-%d %H:%M} UTC" if (due := _next_refresh(customer)) else "",
            customer.external_id or "",
            customer.utility,
        ]
        table.add(cells, _record(customer), [customer.reason])
    return table


def most_urgent_first(found: Sequence[CustomerInfo]) -> list[CustomerInfo]:
    """Those who have to come back, those without a password, the others, those who were removed."""
    return sorted(found, key=lambda customer: (_URGENCY.index(customer.state), customer.id))


def customer_card(
    customer: CustomerInfo, accounts: Sequence[Account], runs: Sequence[RunInfo]
) -> list[RenderableType]:
    """All that is known of a customer, and their newest runs."""
    facts: list[RenderableType] = [Facts([*_facts(customer), ("closed accounts", _closed(accounts))])]
    return [*facts, "", runs_table(runs, title="newest runs")] if runs else facts


def _record(customer: CustomerInfo) -> dict[str, object]:
    last = customer.last_run
    return {
        "customer": customer.id,
        "external_id": customer.external_id,
        "username": customer.username,
        "utility": customer.utility,
        "state": customer.state,
        "since": customer.since,
        "last_run": last.id if last else None,
        "last_outcome": last.outcome if last else None,
        "next_refresh": _next_refresh(customer),
        "reason": customer.reason,
    }


def _facts(customer: CustomerInfo) -> list[tuple[str, Shown]]:
    secrets = [NAMES[kind] for kind in SecretKind if kind in customer.secrets]
    secrets += [f"answer to “{question}”" for question in customer.questions or ()]
    last = customer.last_run
    return [
        ("customer", f"{customer.id}: {customer.username} at {customer.utility}"),
        ("external id", customer.external_id or ""),
        ("state", f"{customer.state} since {shown(customer.since)}"),
        ("reason", customer.reason),
        ("stored secrets", ", ".join(secrets) or "none"),
        ("session saved", shown(customer.session_saved_at) or "none"),
        ("MFA passed", shown(customer.trusted_since)),
        ("last run", f"{last.id} ({last.kind}): {last.outcome} {last.message}" if last else "none"),
        ("next bills", shown(customer.bills_due_at)),
        ("next intervals", shown(customer.intervals_due_at)),
        ("accounts", f"{customer.accounts:,}" if customer.accounts is not None else ""),
        ("bills", f"{customer.bills:,}" if customer.bills is not None else ""),
        ("readings", f"{customer.readings:,}" if customer.readings is not None else ""),
    ]


def _closed(accounts: Sequence[Account]) -> str:
    return ", ".join(account.number for account in accounts if account.status is AccountStatus.CLOSED)


def _next_refresh(customer: CustomerInfo) -> datetime | None:
    return min((at for at in (customer.bills_due_at, customer.intervals_due_at) if at), default=None)
