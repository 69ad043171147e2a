"""The demo's live table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from console.summary import COLOURS
from records import RunKind, RunState
from storage.work import RunInfo


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


def as_table(title: str, lines: Iterable[Line]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("customer", no_wrap=True)
    for heading in ("what it shows", "outcome"):
        table.add_column(heading)
    for heading in ("accounts", "bills", "readings", "seconds"):
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(
            line.username,
            line.shows,
            _state(line),
            str(line.accounts),
            str(line.bills),
            f"{line.readings:,}",
            f"{line.seconds:.1f}",
        )
    return table


def _state(line: Line) -> str:
    outcome = line.run.outcome
    if outcome is not None:
        return f"[{COLOURS[outcome.who_acts]}]{outcome}[/]"
    if line.waits:
        return "[cyan]waits for an answer[/]"
    if line.run.state is RunState.QUEUED:
        return "[dim]queued[/]"
    return "signing in" if line.run.kind is RunKind.CONNECT else "collecting"
