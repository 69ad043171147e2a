"""Runs as people read them, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.markup import escape
from rich.table import Table

from console.printed import lasted
from records import RunState, WhoActs
from storage.work import RunInfo

_STATES = {
    RunState.QUEUED: "cyan",
    RunState.RUNNING: "bold",
    RunState.WAITING: "yellow",
    RunState.ENDED: "",
    RunState.ABANDONED: "red",
    RunState.CANCELLED: "dim",
}
_ACTS = {WhoActs.NOBODY: "green", WhoActs.CUSTOMER: "yellow", WhoActs.PORTAL: "magenta", WhoActs.US: "red"}
_LONGEST_MESSAGE = 70


def runs_table(runs: Sequence[RunInfo], *, title: str | None = None) -> Table:
    """A row a run: how long ago it was asked for, and how long it took or has been at it."""
    table = Table(title=title, title_justify="left")
    for heading in ("run", "customer", "utility", "kind", "state", "why", "outcome"):
        table.add_column(heading, no_wrap=heading in {"run", "kind", "state", "outcome"})
    for heading in ("ledger", "ago", "took"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("message")
    now = datetime.now(UTC)
    for run in runs:
        table.add_row(
            str(run.id),
            escape(f"{run.customer_id} {run.username}"),
            run.utility,
            run.kind.value,
            _coloured(_STATES[run.state], run.state.value),
            escape(run.why),
            _coloured(_ACTS[run.outcome.who_acts], run.outcome.value) if run.outcome else "",
            f"{run.stored}/{run.listed}" if run.listed else "",
            lasted((now - run.requested_at).total_seconds()),
            _took(run, now),
            escape(_short(run.message)),
        )
    return table


def _took(run: RunInfo, now: datetime) -> str:
    if run.started_at is None:
        late = (run.not_before - now).total_seconds()
        return f"in {lasted(late)}" if run.state is RunState.QUEUED and late > 1 else ""
    return lasted(((run.ended_at or now) - run.started_at).total_seconds())


def _coloured(style: str, text: str) -> str:
    return f"[{style}]{text}[/]" if style else text


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 1]}…"
