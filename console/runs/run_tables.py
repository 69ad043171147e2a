"""Runs as people read them, and as tab-separated lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from meterfarm.console.runs.challenges import challenges_table
from meterfarm.console.terminal.listing import Column, Listing, Shown, styled
from meterfarm.records import Outcome, RunState, WhoActs
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import lasted, roughly, shown

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


_FIRST = (RunState.WAITING, RunState.RUNNING, RunState.QUEUED)
_ACTIVE = 500
_LEAST = 3


def look(store: CompanyStore, console: Console, customer: Customer | None) -> RenderableType:
    """How the farm stands now, in as many lines as ``console`` has; first what people can act on."""
    counts = store.runs.counts()
    counted = "  ".join(f"{counts.get(state, 0):,} {state}" for state in RunState)
    parts: list[RenderableType] = [Text(counted, style="bold")]
    for utility, until in store.farm.breakers.open().items():
        parts.append(styled(f"{utility} rests until {shown(until)}", "magenta"))
    asked = [
        challenge
        for challenge in store.challenges.list(only_open=True)
        if customer is None or challenge.customer_id == customer.id
    ]
    if asked:
        asked.sort(key=lambda challenge: challenge.expires_at)
        fitting = challenges_table(asked).within(console, console.height // 2)
        left_out = len(asked) - len(fitting)
        parts += [fitting, f"and {left_out:,} more challenges" if left_out else ""]
    room = max(console.height - 1 - len(console.render_lines(Group(*parts))), _LEAST)
    runs = runs_table(_most_telling(store, room, customer))
    return Group(*parts, runs.within(console, room) if len(runs) else "")


def _most_telling(store: CompanyStore, rows: int, customer: Customer | None) -> list[RunInfo]:
    """Those under way first, then those that ended last."""
    customer_id = customer.id if customer else None
    active = list(store.runs.list(limit=_ACTIVE, customer_id=customer_id, active=True))
    active.sort(key=lambda run: (_FIRST.index(run.state), run.id))
    newest = store.runs.list(limit=rows * 2, customer_id=customer_id)
    over = sorted((run for run in newest if run.ended_at), key=lambda run: run.ended_at or run.requested_at)
    half = max(rows - len(over), rows // 2)
    return [*active[:half], *over[::-1]][:rows]
