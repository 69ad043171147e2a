"""What `runs --watch` shows: counts, runs, open challenges, portals that rest."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from console.challenge_tables import challenges_table
from console.printed import shown
from console.run_tables import runs_table
from records import RunState
from storage.results import Customer
from storage.store import Store
from storage.work import RunInfo

_FIRST = (RunState.WAITING, RunState.RUNNING, RunState.QUEUED)
_ACTIVE = 500
_CHALLENGES = 10


def look(store: Store, rows: int, customer: Customer | None) -> RenderableType:
    """How the farm stands now, in about so many rows of a terminal."""
    counts = store.run_counts()
    counted = "  ".join(f"{counts.get(state, 0):,} {state}" for state in RunState)
    parts: list[RenderableType] = [Text(counted, style="bold")]
    asked = [
        one for one in store.challenges(only_open=True) if customer is None or one.customer_id == customer.id
    ]
    resting = store.resting_portals()
    rows -= min(len(asked), _CHALLENGES) + 4 * bool(asked) + len(resting)
    parts.append(runs_table(_most_telling(store, max(rows, 3), customer)))
    if asked:
        parts.append(challenges_table(asked[:_CHALLENGES]))
    if len(asked) > _CHALLENGES:
        parts.append(Text(f"and {len(asked) - _CHALLENGES:,} more challenges"))
    for utility, until in resting.items():
        parts.append(f"[magenta]{escape(utility)} rests until {shown(until)}[/]")
    return Group(*parts)


def _most_telling(store: Store, rows: int, customer: Customer | None) -> list[RunInfo]:
    """Those under way first, then those that ended last."""
    customer_id = customer.id if customer else None
    active = list(store.runs(limit=_ACTIVE, customer_id=customer_id, active=True))
    active.sort(key=lambda run: (_FIRST.index(run.state), run.id))
    newest = store.runs(limit=rows * 2, customer_id=customer_id)
    over = sorted((run for run in newest if run.ended_at), key=lambda run: run.ended_at or run.requested_at)
    half = max(rows - len(over), rows // 2)
    return [*active[:half], *over[::-1]][:rows]
