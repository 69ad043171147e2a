"""Runs as people read them, and as tab-separated lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from meterfarm.console.listing import Column, Listing, Shown, styled
from meterfarm.records import Outcome, RunState, WhoActs
from meterfarm.storage.runs import RunInfo
from meterfarm.support.instants import lasted, roughly

NAMES = (
    "run",
    "customer",
    "external_id",
    "username",
    "utility",
    "kind",
    "state",
    "outcome",
    "who_acts",
    "why",
    "attempt",
    "stored",
    "listed",
    "unread",
    "requested_at",
    "started_at",
    "ended_at",
    "message",
    "evidence",
)
_STATES = {
    RunState.QUEUED: "cyan",
    RunState.RUNNING: "bold",
    RunState.WAITING: "yellow",
    RunState.ENDED: "",
    RunState.ABANDONED: "red",
    RunState.CANCELLED: "dim",
}
ACTS = {WhoActs.NOBODY: "green", WhoActs.CUSTOMER: "yellow", WhoActs.PORTAL: "magenta", WhoActs.US: "red"}
_NOTEWORTHY = re.compile("(Unread|In doubt): .*")


def runs_table(runs: Sequence[RunInfo], *, title: str = "") -> Listing:
    """A row a run: how long ago it was asked for, and below it what somebody should read."""
    columns = [
        Column("run", right=True),
        Column("customer"),
        Column("result"),
        Column("stored", right=True),
        Column("ago", right=True),
        Column("kind", if_room=True),
        Column("took", right=True, if_room=True),
        Column("utility", if_room=True),
        Column("why", if_room=True),
    ]
    table = Listing(columns, NAMES, title)
    now = datetime.now(UTC)
    for run in runs:
        cells: list[Shown] = [
            str(run.id),
            f"{run.username} ({run.customer_id})",
            run_result(run),
            f"{run.stored}/{run.listed}" if run.listed else "",
            roughly((now - run.requested_at).total_seconds()),
            run.kind.value,
            _took(run, now),
            run.utility,
            run.why,
        ]
        table.add(cells, _record(run), [_worth_reading(run)])
    return table


def run_result(run: RunInfo) -> Text:
    """The outcome, or the state of a run that has none."""
    if run.outcome is not None:
        return styled(run.outcome.value, ACTS[run.outcome.who_acts])
    return styled(run.state.value, _STATES[run.state])


def _record(run: RunInfo) -> dict[str, object]:
    same = {name: getattr(run, name) for name in NAMES if hasattr(run, name)}
    who = run.outcome.who_acts if run.outcome else None
    return {**same, "run": run.id, "customer": run.customer_id, "who_acts": who}


def _worth_reading(run: RunInfo) -> str:
    """Not that all went well, which the row says by itself."""
    if run.outcome is not Outcome.COMPLETE:
        return run.message
    found = _NOTEWORTHY.search(run.message)
    return found[0] if found else ""


def _took(run: RunInfo, now: datetime) -> str:
    if run.started_at is None:
        late = (run.not_before - now).total_seconds()
        return f"in {lasted(late)}" if run.state is RunState.QUEUED and late > 1 else ""
    return lasted(((run.ended_at or now) - run.started_at).total_seconds())
