"""By which name the farm is known beside others, and the worker processes that serve it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, text, update
from sqlmodel import Session, col, select

from meterfarm.records import RunKind, RunState
from meterfarm.storage.database import insert_if_absent, now
from meterfarm.storage.processes import is_dead, this_process
from meterfarm.storage.tables import FarmRow, RunRow, WorkerRow
from meterfarm.storage.work import WorkerInfo

_ALIVE = timedelta(seconds=30)
_FORGOTTEN = timedelta(days=1)
_KEY = select(FarmRow.key).where(FarmRow.number == 1)


def known_key(session: Session) -> str:
    """The farm's name, "" if it has none yet. A database that was copied has another than its original."""
    kept = session.exec(_KEY).first()
    return f"{kept}-{_copy(session):x}" if kept else ""


def make_key(session: Session) -> str:
    """The farm's name, made unless another process has."""
    insert_if_absent(session, FarmRow, {"number": 1, "key": secrets.token_hex(6)})
    return known_key(session)


def _copy(session: Session) -> int:
    """A number that the database has and a copy beside it has not."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        named = text("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
        return int(connection.execute(named).scalar_one())
    file = connection.engine.url.database
    return Path(file).stat().st_ino if file else 0


def beat(session: Session, queues: Sequence[str]) -> None:
    """This process serves these queues."""
    at, me = now(session), this_process()
    values = {"queues": " ".join(queues), "beat_at": at}
    mine = update(WorkerRow).where(col(WorkerRow.process) == me).values(values)
    if session.connection().execute(mine).rowcount == 0:
        session.execute(delete(WorkerRow).where(col(WorkerRow.beat_at) < at - _FORGOTTEN))
        insert_if_absent(session, WorkerRow, {"process": me, **values})


def leave(session: Session) -> None:
    session.execute(delete(WorkerRow).where(col(WorkerRow.process) == this_process()))


def serving(session: Session) -> Sequence[WorkerInfo]:
    """The processes that serve queues now; none that is known to be dead."""
    alive = col(WorkerRow.beat_at) > now(session) - _ALIVE
    rows = session.exec(select(WorkerRow).where(alive).order_by(col(WorkerRow.process)))
    return [
        WorkerInfo(row.process, tuple(row.queues.split()), row.beat_at)
        for row in rows
        if not is_dead(row.process)
    ]


def is_due(session: Session, kind: RunKind) -> bool:
    """Whether a run of the kind could begin now."""
    queued = (RunRow.kind == kind.value, RunRow.state == RunState.QUEUED.value)
    query = select(RunRow.id).where(*queued, col(RunRow.not_before) <= now(session)).limit(1)
    return session.exec(query).first() is not None
