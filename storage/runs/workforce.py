"""By which name the farm is known beside others, and the worker processes that serve it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, text, update
from sqlmodel import Session, col, select

from meterfarm.records import RunKind, RunState
from meterfarm.storage.database import FarmRepository, insert_if_absent, now, reading, writing
from meterfarm.storage.runs import QUEUES, HeldRun, WorkerInfo, leases
from meterfarm.storage.tables import FarmRow, RunRow, WorkerRow
from meterfarm.support.processes import is_dead, this_process

_ALIVE = timedelta(seconds=30)
_FORGOTTEN = timedelta(days=1)
_KEY = select(FarmRow.key).where(FarmRow.number == 1)


class Workforce(FarmRepository):
    """As ``Store.workforce``: by which key the farm is known, and the processes that serve it."""

    def key(self) -> str:
        """By what this farm is known beside others on the same Redis."""
        return self._known_key() or self._make_key()

    @reading
    def _known_key(self, session: Session) -> str:
        return _known(session)

    @writing
    def _make_key(self, session: Session) -> str:
        insert_if_absent(session, FarmRow, {"number": 1, "key": secrets.token_hex(6)})
        return _known(session)

    @writing
    def heartbeat(self, session: Session, queues: Sequence[str] = ()) -> Sequence[HeldRun]:
        """Renew the leases of this process; those that it still holds. It serves these queues, if any."""
        if queues:
            at, me = now(session), this_process()
            values = {"queues": " ".join(queues), "beat_at": at}
            mine = update(WorkerRow).where(col(WorkerRow.process) == me).values(values)
            if session.connection().execute(mine).rowcount == 0:
                session.execute(delete(WorkerRow).where(col(WorkerRow.beat_at) < at - _FORGOTTEN))
                insert_if_absent(session, WorkerRow, {"process": me, **values})
        return leases.renew(session)

    @writing
    def leave(self, session: Session) -> None:
        """This process serves no queue any more."""
        session.execute(delete(WorkerRow).where(col(WorkerRow.process) == this_process()))

    @reading
    def workers(self, session: Session) -> Sequence[WorkerInfo]:
        """The processes that serve queues now; none that is known to be dead."""
        alive = col(WorkerRow.beat_at) > now(session) - _ALIVE
        rows = session.exec(select(WorkerRow).where(alive).order_by(col(WorkerRow.process)))
        return [
            WorkerInfo(row.process, tuple(row.queues.split()), row.beat_at)
            for row in rows
            if not is_dead(row.process)
        ]

    def served_queues(self) -> set[str]:
        """The queues that at least a worker serves now."""
        return {queue for worker in self.workers() for queue in worker.queues}

    def unserved_queues(self) -> set[str]:
        """The queues that no worker serves, though runs wait in them that could begin."""
        served = self.served_queues()
        return {queue for kind, queue in QUEUES.items() if queue not in served and self._is_due(kind)}

    @reading
    def _is_due(self, session: Session, kind: RunKind) -> bool:
        """Whether a run of the kind could begin now."""
        queued = (RunRow.kind == kind.value, RunRow.state == RunState.QUEUED.value)
        query = select(RunRow.id).where(*queued, col(RunRow.not_before) <= now(session)).limit(1)
        return session.exec(query).first() is not None


def _known(session: Session) -> str:
    """The farm's key, "" if it has none yet. A database that was copied has another than its original."""
    kept = session.exec(_KEY).first()
    return f"{kept}-{_copy(session):x}" if kept else ""


def _copy(session: Session) -> int:
    """A number that the database has and a copy beside it has not."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        named = text("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
        return int(connection.execute(named).scalar_one())
    file = connection.engine.url.database
    return Path(file).stat().st_ino if file else 0
