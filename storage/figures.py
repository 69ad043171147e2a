"""How the whole farm stands, in a few figures that cost little however large it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case
from sqlmodel import Session, col, func, select

from meterfarm.records import Part, RunKind, RunState
from meterfarm.storage import portals
from meterfarm.storage.database import now
from meterfarm.storage.queue import HELD
from meterfarm.storage.tables import CustomerRow, LoginRow, RunRow


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Queued runs of a kind: ``ready`` could begin now, the oldest of them since ``oldest_seconds``."""

    ready: int = 0
    later: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """``held`` counts runs by utility, kind and state (running, waiting). ``resting`` are the portals whose
    circuit breaker is open. ``late_seconds`` is since when the longest due customer of a utility is due.
    """

    queues: Mapping[RunKind, QueueFigures]
    held: Mapping[tuple[str, RunKind, RunState], int]
    resting: frozenset[str]
    late_seconds: Mapping[tuple[str, Part], float]


def figures(session: Session, utilities: Iterable[str]) -> Figures:
    """``utilities`` are those of which it is asked how late their refreshes are."""
    at = now(session)
    return Figures(
        queues=_queues(session, at),
        held=_held(session),
        resting=frozenset(portals.resting(session, at)),
        late_seconds={
            (utility, part): _late(session, utility, part, at) for utility in utilities for part in Part
        },
    )


def _queues(session: Session, at: datetime) -> dict[RunKind, QueueFigures]:
    is_ready = col(RunRow.not_before) <= at
    query = (
        select(
            RunRow.kind,
            func.count(),
            func.sum(case((is_ready, 1), else_=0)),
            func.min(RunRow.not_before),
        )
        .where(RunRow.state == RunState.QUEUED.value)
        .group_by(col(RunRow.kind))
    )
    found = {}
    for kind, count, ready, oldest in session.exec(query):
        waited = max(0.0, (at - oldest).total_seconds())
        found[RunKind(kind)] = QueueFigures(int(ready), count - int(ready), waited if ready else 0.0)
    return found


def _held(session: Session) -> dict[tuple[str, RunKind, RunState], int]:
    query = (
        select(LoginRow.utility, RunRow.kind, RunRow.state, func.count())
        .join(LoginRow, col(LoginRow.id) == RunRow.login_id)
        .where(col(RunRow.state).in_(HELD))
        .group_by(col(LoginRow.utility), col(RunRow.kind), col(RunRow.state))
    )
    return {
        (utility, RunKind(kind), RunState(state)): count
        for utility, kind, state, count in session.exec(query)
    }


def _late(session: Session, utility: str, part: Part, at: datetime) -> float:
    due = {Part.BILLS: CustomerRow.bills_due_at, Part.INTERVALS: CustomerRow.intervals_due_at}[part]
    first = session.exec(
        select(due).where(CustomerRow.utility == utility, col(due).is_not(None)).order_by(col(due)).limit(1)
    ).first()
    return max(0.0, (at - first).total_seconds()) if first is not None else 0.0
