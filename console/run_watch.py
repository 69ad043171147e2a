"""What `runs --watch` shows: counts, what waits for an answer, portals that rest, runs."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.text import Text

from meterfarm.console.challenge_tables import challenges_table
from meterfarm.console.listing import styled
from meterfarm.console.run_tables import runs_table
from meterfarm.records import RunState
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import shown

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
        one
        for one in store.challenges.list(only_open=True)
        if customer is None or one.customer_id == customer.id
    ]
    if asked:
        asked.sort(key=lambda one: one.expires_at)
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
