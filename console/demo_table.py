"""The demo's live table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from meterfarm.console.listing import Column, Listing, Shown, styled
from meterfarm.console.run_tables import run_result
from meterfarm.records import RunKind, RunState
from meterfarm.storage.runs import RunInfo

_NAMES = ("customer", "shows", "outcome", "who_acts", "accounts", "bills", "readings", "seconds", "message")


@dataclass(frozen=True, slots=True)
class Line:
    """A customer as they stand: the ``run`` under way or the last; ``waits`` for the owner's answer."""

    username: str
    shows: str
    run: RunInfo
    waits: bool
    accounts: int
    bills: int
    readings: int
    seconds: float


def as_table(title: str, lines: Iterable[Line], *, brings: bool) -> Listing:
    """Counts where customers bring something home, else what they show; both where there is room."""
    columns = [
        Column("customer"),
        Column("outcome"),
        Column("what it shows", if_room=brings),
        Column("accounts", right=True, if_room=True),
        Column("bills", right=True, if_room=not brings),
        Column("readings", right=True, if_room=not brings),
        Column("seconds", right=True, if_room=not brings),
    ]
    table = Listing(columns, _NAMES, title)
    for line in lines:
        outcome = line.run.outcome
        record = {
            "customer": line.username,
            "shows": line.shows,
            "outcome": outcome,
            "who_acts": outcome.who_acts if outcome else None,
            "accounts": line.accounts,
            "bills": line.bills,
            "readings": line.readings,
            "seconds": f"{line.seconds:.1f}",
            "message": line.run.message,
        }
        cells: list[Shown] = [
            line.username.partition("@")[0],
            _state(line),
            line.shows,
            str(line.accounts),
            str(line.bills),
            f"{line.readings:,}",
            f"{line.seconds:.1f}",
        ]
        table.add(cells, record)
    return table


def _state(line: Line) -> Text:
    if line.run.outcome is not None:
        return run_result(line.run)
    if line.waits:
        return styled("waits for an answer", "cyan")
    if line.run.state is RunState.QUEUED:
        return styled("queued", "dim")
    return Text("signing in" if line.run.kind is RunKind.CONNECT else "collecting")
