"""Runs that ended long ago are forgotten, with their steps, ledgers and challenges. Data and events stay."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from meterfarm.records import RunState
from meterfarm.storage.database import now
from meterfarm.storage.tables import RunRow

_OVER = (RunState.ENDED.value, RunState.ABANDONED.value, RunState.CANCELLED.value)


def forget_runs(session: Session, older_than: timedelta, limit: int) -> int:
    """Delete up to ``limit`` runs that were over before then, but each customer's newest; how many."""
    newer = aliased(RunRow)
    has_newer = (
        select(newer.id)
        .where(newer.customer_id == RunRow.customer_id, newer.id > RunRow.id)
        .where(newer.state == RunState.ENDED.value)
        .exists()
    )
    query = (
        select(RunRow.id)
        .where(col(RunRow.state).in_(_OVER), col(RunRow.not_before) < now(session) - older_than)
        .where(col(RunRow.ended_at) < now(session) - older_than, has_newer)
        .limit(limit)
    )
    old = list(session.exec(query))
    if old:
        session.execute(delete(RunRow).where(col(RunRow.id).in_(old)))
    return len(old)
