"""Who works on a run, and the worker processes there are.

A lease lapses unless it is renewed, and every new holder has a higher fence.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, bindparam, delete, or_, text, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from meterfarm.records import CustomerState, EventKind, Part, RunKind, RunState
from meterfarm.storage import LeaseLost
from meterfarm.storage.customers import Customer, credentials
from meterfarm.storage.database import FarmRepository, insert_if_absent, now, reading, writing
from meterfarm.storage.runs import (
    HELD,
    NEW_CREDENTIALS,
    QUEUES,
    Claim,
    HeldRun,
    Lease,
    WorkerInfo,
    events,
    queue,
)
from meterfarm.storage.runs.queue import add_step
from meterfarm.storage.tables import CustomerRow, FarmRow, LoginRow, RunRow, RunStepRow, WorkerRow, metadata
from meterfarm.support.processes import is_dead, short, this_process

_RUN, _CUSTOMER, _LOGIN, _CHALLENGE = (
    metadata.tables[name] for name in ("run", "customer", "login", "challenge")
)
RUN_ROW = select(RunRow).where(RunRow.id == bindparam("run")).with_for_update()
HOLDER = (
    columns(*(_RUN.c[name] for name in ("id", "company_id", "customer_id", "kind", "state", "fence")))
    .where(_RUN.c.id == bindparam("run"), _RUN.c.company_id == bindparam("company"))
    .with_for_update()
)
WANTED = (
    columns(
        *(_RUN.c[name] for name in ("id", "kind", "state", "attempt", "fence", "parts", "not_before")),
        _RUN.c.started_at,
        _RUN.c.customer_id,
        _RUN.c.asked,
    )
    .where(_RUN.c.id == bindparam("run"))
    .with_for_update()
)
CUSTOMER_OF = (
    columns(
        *(_CUSTOMER.c[name] for name in ("id", "company_id", "login_id", "username", "state", "faults")),
        _LOGIN.c.utility,
    )
    .join(_LOGIN, _LOGIN.c.id == _CUSTOMER.c.login_id)
    .where(_CUSTOMER.c.id == bindparam("customer"))
    .with_for_update(of=_LOGIN)
)
LOGIN_ROW = select(LoginRow).where(LoginRow.id == bindparam("login")).with_for_update()
HELD_BY = (
    columns(_RUN.c.id)
    .where(_RUN.c.login_id == bindparam("login"), or_(*(_RUN.c.state == state for state in HELD)))
    .limit(1)
)
_THIS_RUN = update(_RUN).where(_RUN.c.id == bindparam("this_run"))
PUT_OFF = _THIS_RUN.values(not_before=bindparam("later"), notified_at=None)
TAKE = _THIS_RUN.values(
    state=RunState.RUNNING.value,
    worker=bindparam("by"),
    fence=bindparam("new_fence"),
    lease_until=bindparam("until"),
    started_at=bindparam("began"),
)
LOSE_CHALLENGES = (
    update(_CHALLENGE)
    .where(_CHALLENGE.c.run_id == bindparam("this_run"), _CHALLENGE.c.state.in_(("open", "answered")))
    .values(state="lost", answer=None)
)
_KEY = select(FarmRow.key).where(FarmRow.number == 1)
LEASE = timedelta(seconds=15)
ATTEMPTS = 5
"""How often a run may lose its worker before it is given up."""
_BUSY = timedelta(seconds=1)
_ALIVE = timedelta(seconds=30)
_FORGOTTEN = timedelta(days=1)
Columns = Row[*tuple[Any, ...]]
_TAKEN, _QUEUED_AGAIN, _HANDED_BACK = "taken", "queued again", "handed back"


def claim(session: Session, run_id: int, attempt: int) -> Claim | None:
    """Take a queued run for this process; None if it is not to be had now, whatever the reason."""
    connection = session.connection()
    run = connection.execute(WANTED, {"run": run_id}).first()
    if run is None or run.state != RunState.QUEUED or run.attempt != attempt:
        return None
    customer = connection.execute(CUSTOMER_OF, {"customer": run.customer_id}).one()
    at = now(session)
    if run.kind == RunKind.COLLECT and customer.state != CustomerState.ACTIVE:
        row = session.exec(RUN_ROW, params={"run": run_id}).one()
        end(session, row, RunState.CANCELLED, at, f"the customer is {customer.state}")
        return None
    later = _not_yet(session, run, customer, at)
    if later is not None:
        connection.execute(PUT_OFF, {"this_run": run_id, "later": later})
        return None
    return _take(session, run, Customer.of(customer), customer.faults, at)


def begin(session: Session, customer: Customer, kind: RunKind) -> Claim | None:
    """Make a run that this process takes at once; None while another run uses the login."""
    session.exec(LOGIN_ROW, params={"login": customer.login_id}).one()
    if _is_held(session, customer.login_id):
        return None
    at = now(session)
    row = RunRow(
        company_id=customer.company_id,
        customer_id=customer.id,
        login_id=customer.login_id,
        kind=kind.value,
        state=RunState.QUEUED.value,
        not_before=at,
        requested_at=at,
    )
    session.add(row)
    session.flush()
    return _take(session, row, customer, 0, at)


def check(session: Session, lease: Lease, company_id: int) -> Columns:
    """The run and its customer; nobody can take it away before the transaction ends.

    Raises:
        LeaseLost: the run is not held any more, or is none of the company's.
    """
    found = session.connection().execute(HOLDER, {"run": lease.run_id, "company": company_id}).first()
    if found is None or found.fence != lease.fence or found.state not in HELD:
        raise LeaseLost(f"The run {lease.run_id} was taken by another worker, or has ended.")
    return found


def held(session: Session, lease: Lease, company_id: int) -> RunRow:
    """The run's row, checked as ``check`` does."""
    check(session, lease, company_id)
    return session.exec(RUN_ROW, params={"run": lease.run_id}).one()


def locked(session: Session, run_id: int) -> RunRow | None:
    """The run's row, locked until the transaction ends; None if there is none."""
    return session.exec(RUN_ROW, params={"run": run_id}).first()


def renew(session: Session, company_id: int | None = None) -> list[HeldRun]:
    """Renew the leases of this process, on all runs or on one company's; those it still holds."""
    mine = [col(RunRow.worker) == this_process(), col(RunRow.state).in_(HELD)]
    if company_id is not None:
        mine.append(col(RunRow.company_id) == company_id)
    session.execute(update(RunRow).where(*mine).values(lease_until=now(session) + LEASE))
    held = session.exec(select(RunRow.id, RunRow.fence, RunRow.cancelled).where(*mine))
    return [HeldRun(Lease(run_id, fence), cancelled) for run_id, fence, cancelled in held]


def reap(session: Session, since: datetime | None = None) -> int:
    """Free the runs that lost their workers, or have a lease that was not renewed; returns how many.

    ``since`` is the time to judge by, if not now: one who waited for the database is not to call others late.
    """
    at = since or now(session)
    query = select(RunRow.id, RunRow.worker, RunRow.lease_until).where(col(RunRow.state).in_(HELD))
    late = [
        run_id
        for run_id, worker, lease_until in session.exec(query)
        if lease_until is None or lease_until < at or is_dead(worker)
    ]
    for run_id in sorted(late):
        row = locked(session, run_id)
        if row is not None and row.state in HELD:
            lose(session, row, f"its worker {short(row.worker)} is gone")
    return len(late)


def lose(
    session: Session,
    row: RunRow,
    why: str,
    *,
    handed_back: bool = False,
    rest: timedelta = timedelta(0),
) -> None:
    """Free a run from the worker that held it; the page it may have waited with is gone, too.

    It is queued again, after ``rest``. Handed back, it does not count as a failed attempt.
    """
    at = now(session)
    lose_challenges(session, row)
    if row.cancelled:
        end(session, row, RunState.CANCELLED, at, "as was asked")
    elif row.kind == RunKind.SCRAPE:
        end(session, row, RunState.ABANDONED, at, why)
    elif not handed_back and (failed := _failures(session, row) + 1) >= ATTEMPTS:
        row.message = f"Given up after {failed} attempts: {why.removesuffix('.')}."
        payload = {"run_id": row.id, "message": row.message}
        events.publish(session, row.customer_id, EventKind.RUN_FAILED, str(row.id), payload, run_id=row.id)
        end(session, row, RunState.ABANDONED, at, why)
    else:
        row.state, row.attempt = RunState.QUEUED.value, row.attempt + 1
        row.worker, row.lease_until, row.notified_at, row.not_before = "", None, None, at + rest
        add_step(session, row.id, _HANDED_BACK if handed_back else _QUEUED_AGAIN, why)


def end(session: Session, row: RunRow, state: RunState, at: datetime, why: str) -> None:
    """End a run that has no outcome, and queue one for credentials that it did not know."""
    new = untried(session, row) if row.state in HELD else None
    close(session, row, state, at, why)
    if new is not None:
        queue.enter(session, new, RunKind.CONNECT, why=NEW_CREDENTIALS)


def untried(session: Session, row: RunRow | Columns) -> Customer | None:
    """The customer, if they gave credentials since this run, which was to try theirs, was last taken.

    Nothing was queued for those, since the customer had this run already.
    """
    if row.kind != RunKind.CONNECT:
        return None
    query = select(func.max(RunStepRow.at)).where(RunStepRow.run_id == row.id, RunStepRow.step == _TAKEN)
    taken_at = session.exec(query).one()
    there = CustomerRow.state != CustomerState.REMOVED.value
    found = session.exec(select(CustomerRow).where(CustomerRow.id == row.customer_id, there)).first()
    if taken_at is None or found is None:
        return None
    customer = Customer.of(found)
    return customer if credentials.saved_since(session, customer, taken_at) else None


def close(session: Session, row: RunRow, state: RunState, at: datetime, why: str) -> None:
    """Nobody holds the run any more. What it still asks is lost with it."""
    lose_challenges(session, row)
    row.state, row.ended_at = state.value, at
    row.worker, row.lease_until = "", None
    add_step(session, row.id, state.value, why)
    session.flush()


def _failures(session: Session, row: RunRow) -> int:
    """How often the run was queued again, not counting those times that it was handed back."""
    again = (RunStepRow.run_id == row.id, RunStepRow.step == _QUEUED_AGAIN)
    return session.exec(select(func.count()).select_from(RunStepRow).where(*again)).one()


def lose_challenges(session: Session, row: RunRow | Columns) -> None:
    """What the run still asks is lost with its page. Only who connects asks anybody."""
    if row.kind == RunKind.COLLECT:
        return
    session.connection().execute(LOSE_CHALLENGES, {"this_run": row.id})


def _take(session: Session, run: RunRow | Columns, customer: Customer, faults: int, at: datetime) -> Claim:
    worker, fence = this_process(), run.fence + 1
    taken = {"new_fence": fence, "until": at + LEASE, "began": run.started_at or at}
    session.connection().execute(TAKE, {"this_run": run.id, "by": worker, **taken})
    add_step(session, run.id, _TAKEN, f"by {short(worker)}, attempt {run.attempt}")
    parts = frozenset(Part(part) for part in run.parts.split())
    return Claim(Lease(run.id, fence), customer, RunKind(run.kind), parts, run.attempt, faults, run.asked)


def _not_yet(session: Session, run: Columns, customer: Columns, at: datetime) -> datetime | None:
    """When to try again, if the run cannot begin now."""
    if run.not_before > at:
        due: datetime = run.not_before
        return due
    if _is_held(session, customer.login_id):
        return at + _BUSY
    return queue.closed_until(session, customer.utility, run.id, at)


def _is_held(session: Session, login_id: int) -> bool:
    return session.connection().scalar(HELD_BY, {"login": login_id}) is not None


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
        return renew(session)

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
