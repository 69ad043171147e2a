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
    for one in found:
        last = one.last_run
        cells: list[Shown] = [
            str(one.id),
            one.username,
            styled(one.state.value, _COLOURS[one.state]),
            styled(last.outcome.value, ACTS[last.outcome.who_acts]) if last else "",
            f"{due:%Y-%m-%d %H:%M} UTC" if (due := _next_refresh(one)) else "",
            one.external_id or "",
            one.utility,
        ]
        table.add(cells, _record(one), [one.reason])
    return table


def most_urgent_first(found: Sequence[CustomerInfo]) -> list[CustomerInfo]:
    """Those who have to come back, those without a password, the others, those who were removed."""
    return sorted(found, key=lambda one: (_URGENCY.index(one.state), one.id))


def customer_card(
    one: CustomerInfo, accounts: Sequence[Account], runs: Sequence[RunInfo]
) -> list[RenderableType]:
    """All that is known of a customer, and their newest runs."""
    facts: list[RenderableType] = [Facts([*_facts(one), ("closed accounts", _closed(accounts))])]
    return [*facts, "", runs_table(runs, title="newest runs")] if runs else facts


def _record(one: CustomerInfo) -> dict[str, object]:
    last = one.last_run
    return {
        "customer": one.id,
        "external_id": one.external_id,
        "username": one.username,
        "utility": one.utility,
        "state": one.state,
        "since": one.since,
        "last_run": last.id if last else None,
        "last_outcome": last.outcome if last else None,
        "next_refresh": _next_refresh(one),
        "reason": one.reason,
    }


def _facts(one: CustomerInfo) -> list[tuple[str, Shown]]:
    secrets = [NAMES[kind] for kind in SecretKind if kind in one.secrets]
    secrets += [f"answer to “{question}”" for question in one.questions or ()]
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


def _closed(accounts: Sequence[Account]) -> str:
    return ", ".join(one.number for one in accounts if one.status is AccountStatus.CLOSED)


def _next_refresh(one: CustomerInfo) -> datetime | None:
    return min((at for at in (one.bills_due_at, one.intervals_due_at) if at), default=None)
