"""The queue of runs: a row each. Redis only notifies workers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from meterfarm.records import Part, RunKind, RunState
from meterfarm.storage.database import insert_absent, now
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import RunRow, metadata

ACTIVE = (RunState.QUEUED.value, RunState.RUNNING.value, RunState.WAITING.value)
HELD = (RunState.RUNNING.value, RunState.WAITING.value)
NEW_CREDENTIALS = "new credentials"
_ADD_STEP = insert(metadata.tables["run_step"])


def enter(
    session: Session,
    customer: Customer,
    kind: RunKind,
    *,
    why: str,
    parts: Collection[Part] = tuple(Part),
    not_before: datetime | None = None,
) -> int:
    """Queue a run; returns its id, or that of the customer's run of this kind which has not ended yet."""
    inserted = enter_all(session, kind, [(customer, parts)], why=why, not_before=not_before)
    if inserted:
        return inserted[0]
    query = select(RunRow.id).where(
        RunRow.customer_id == customer.id, RunRow.kind == kind.value, col(RunRow.state).in_(ACTIVE)
    )
    return session.exec(query).one()


def enter_all(
    session: Session,
    kind: RunKind,
    wanted: Sequence[tuple[Customer, Collection[Part]]],
    *,
    why: str,
    not_before: datetime | None = None,
) -> list[int]:
    """Queue a run for each customer who has none of this kind that has not ended; the ids of the new runs."""
    at = now(session)
    rows = [_row(customer, kind, parts, why, not_before or at, at) for customer, parts in wanted]
    inserted: list[int] = sorted(insert_absent(session, RunRow, rows, "id"))
    if inserted:
        lines = [{"run_id": run_id, "at": at, "step": "queued", "detail": why} for run_id in inserted]
        session.connection().execute(_ADD_STEP, lines)
    return inserted


def _row(
    customer: Customer, kind: RunKind, parts: Collection[Part], why: str, not_before: datetime, at: datetime
) -> dict[str, Any]:
    return {
        "company_id": customer.company_id,
        "customer_id": customer.id,
        "login_id": customer.login_id,
        "kind": kind.value,
        "state": RunState.QUEUED.value,
        "parts": " ".join(part.value for part in Part if part in parts),
        "why": why,
        "attempt": 1,
        "fence": 0,
        "worker": "",
        "not_before": not_before,
        "cancelled": False,
        "asked": False,
        "outcome": "",
        "message": "",
        "session": "",
        "pages": 0,
        "evidence": "",
        "seconds": {},
        "requested_at": at,
    }


def add_step(session: Session, run_id: int, step: str, detail: str = "") -> None:
    """Add a line to the run's story."""
    line = {"run_id": run_id, "at": now(session), "step": step, "detail": detail}
    session.connection().execute(_ADD_STEP, line)
