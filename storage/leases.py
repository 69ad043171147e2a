"""Who works on a run. A lease lapses unless it is renewed, and every new holder has a higher fence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from records import CustomerState, EventKind, Part, RunKind, RunState
from storage import credentials, events, portals, queue
from storage.database import now
from storage.processes import is_dead, short, this_process
from storage.queue import HELD, NEW_CREDENTIALS, tell
from storage.results import Customer
from storage.tables import ChallengeRow, CustomerRow, LoginRow, RunRow, RunStepRow
from storage.work import Beat, Claim, Lease, LeaseLost, Ring

LEASE = timedelta(seconds=15)
ATTEMPTS = 5
"""How often a run may lose its worker before it is given up."""
_BUSY = timedelta(seconds=1)
_UNHEARD_AFTER = timedelta(seconds=10)
_TAKEN, _QUEUED_AGAIN, _HANDED_BACK = "taken", "queued again", "handed back"


def claim(session: Session, run_id: int, attempt: int) -> Claim | None:
    """Take a queued run for this process; None if it is not to be had now, whatever the reason."""
    row = _locked(session, run_id)
    if row is None or row.state != RunState.QUEUED or row.attempt != attempt:
        return None
    login = session.exec(select(LoginRow).where(LoginRow.id == row.login_id).with_for_update()).one()
    customer = session.exec(select(CustomerRow).where(CustomerRow.id == row.customer_id)).one()
    at = now(session)
    if row.kind == RunKind.COLLECT and customer.state != CustomerState.ACTIVE:
        end(session, row, RunState.CANCELLED, at, f"the customer is {customer.state}")
        return None
    later = _not_yet(session, row, login, at)
    if later is not None:
        row.not_before, row.rung_at = later, None
        return None
    whose = Customer(customer.id, customer.company_id, login.id, login.utility, customer.username)
    return _take(session, row, whose, customer.faults, at)


def begin(session: Session, customer: Customer, kind: RunKind) -> Claim | None:
    """Make a run that this process takes at once; None while another run uses the login."""
    session.exec(select(LoginRow).where(LoginRow.id == customer.login_id).with_for_update()).one()
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


def check(session: Session, lease: Lease) -> RunRow:
    """The run's row, which nobody can take away before the transaction ends. Raises LeaseLost."""
    row = _locked(session, lease.run_id)
    if row is None or row.fence != lease.fence or row.state not in HELD:
        raise LeaseLost(f"The run {lease.run_id} was taken by another worker, or has ended.")
    return row


def beat(session: Session) -> list[Beat]:
    """Renew the leases of this process; those it still holds."""
    mine = (col(RunRow.worker) == this_process(), col(RunRow.state).in_(HELD))
    session.execute(update(RunRow).where(*mine).values(lease_until=now(session) + LEASE))
    held = session.exec(select(RunRow.id, RunRow.fence, RunRow.cancelled).where(*mine))
    return [Beat(Lease(run_id, fence), cancelled) for run_id, fence, cancelled in held]


def reap(session: Session, since: datetime | None = None) -> int:
    """Free the runs whose workers are dead or did not renew their lease; returns how many.

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
        row = _locked(session, run_id)
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
    _lose_challenges(session, row)
    if row.cancelled:
        end(session, row, RunState.CANCELLED, at, "as was asked")
    elif row.kind == RunKind.SCRAPE:
        end(session, row, RunState.ABANDONED, at, why)
    elif not handed_back and (failed := _failures(session, row) + 1) >= ATTEMPTS:
        row.message = f"Given up after {failed} attempts: {why}."
        payload = {"run_id": row.id, "message": row.message}
        events.tell(session, row.customer_id, EventKind.RUN_FAILED, str(row.id), payload, run_id=row.id)
        end(session, row, RunState.ABANDONED, at, why)
    else:
        row.state, row.attempt = RunState.QUEUED.value, row.attempt + 1
        row.worker, row.lease_until, row.rung_at, row.not_before = "", None, None, at + rest
        tell(session, row.id, _HANDED_BACK if handed_back else _QUEUED_AGAIN, why)


def end(session: Session, row: RunRow, state: RunState, at: datetime, why: str) -> None:
    """End a run that has no outcome, and queue one for credentials that it did not know."""
    new = untried(session, row) if row.state in HELD else None
    close(session, row, state, at, why)
    if new is not None:
        queue.enter(session, new, RunKind.CONNECT, why=NEW_CREDENTIALS)


def untried(session: Session, row: RunRow) -> Customer | None:
    """The customer, if they gave credentials since this run, which was to try theirs, was last taken.

    Nothing was queued for those, since the customer had this run already.
    """
    if row.kind != RunKind.CONNECT:
        return None
    query = select(func.max(RunStepRow.at)).where(RunStepRow.run_id == row.id, RunStepRow.step == _TAKEN)
    taken_at = session.exec(query).one()
    found = session.exec(
        select(CustomerRow, LoginRow)
        .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        .where(CustomerRow.id == row.customer_id, CustomerRow.state != CustomerState.REMOVED.value)
    ).first()
    if taken_at is None or found is None:
        return None
    customer, login = found
    whose = Customer(customer.id, customer.company_id, login.id, login.utility, customer.username)
    return whose if credentials.saved_since(session, whose, taken_at) else None


def close(session: Session, row: RunRow, state: RunState, at: datetime, why: str) -> None:
    """Nobody holds the run any more. What it still asks is lost with it."""
    _lose_challenges(session, row)
    row.state, row.ended_at = state.value, at
    row.worker, row.lease_until = "", None
    tell(session, row.id, state.value, why)
    session.flush()


def _failures(session: Session, row: RunRow) -> int:
    """How often the run was queued again, not counting those times that it was handed back."""
    again = (RunStepRow.run_id == row.id, RunStepRow.step == _QUEUED_AGAIN)
    return session.exec(select(func.count()).select_from(RunStepRow).where(*again)).one()


def _lose_challenges(session: Session, row: RunRow) -> None:
    session.execute(
        update(ChallengeRow)
        .where(col(ChallengeRow.run_id) == row.id, col(ChallengeRow.state).in_(("open", "answered")))
        .values(state="lost", answer=None)
    )


def to_ring(session: Session, limit: int) -> Sequence[Ring]:
    """Queued runs whose time has come and of which workers were not told; marks them told."""
    at = now(session)
    query = (
        select(RunRow)
        .where(RunRow.state == RunState.QUEUED.value, col(RunRow.not_before) <= at)
        .where(col(RunRow.rung_at).is_(None))
        .order_by(col(RunRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rings = []
    for row in session.exec(query):
        row.rung_at = at
        rings.append(Ring(row.id, row.attempt, RunKind(row.kind)))
    return rings


def has_to_ring(session: Session) -> bool:
    """Whether there is any such run."""
    query = select(RunRow.id).where(
        RunRow.state == RunState.QUEUED.value,
        col(RunRow.not_before) <= now(session),
        col(RunRow.rung_at).is_(None),
    )
    return session.exec(query.limit(1)).first() is not None


def unheard(session: Session, limit: int) -> Sequence[Ring]:
    """Queued runs of which workers were told some time ago, and which none has taken."""
    query = (
        select(RunRow.id, RunRow.attempt, RunRow.kind)
        .where(RunRow.state == RunState.QUEUED.value)
        .where(col(RunRow.rung_at) < now(session) - _UNHEARD_AFTER)
        .order_by(col(RunRow.id))
        .limit(limit)
    )
    return [Ring(run_id, attempt, RunKind(kind)) for run_id, attempt, kind in session.exec(query)]


def hand_out_anew(session: Session, rings: Sequence[Ring]) -> None:
    """Have these told of again, under a new attempt, unless somebody has taken them by now."""
    for ring in rings:
        row = _locked(session, ring.run_id)
        if row is not None and row.state == RunState.QUEUED and row.attempt == ring.attempt:
            row.attempt, row.rung_at = row.attempt + 1, None
            tell(session, row.id, "handed out anew", "who was told of it did not take it")


def forget_rings(session: Session) -> None:
    """Redis lost what it was told."""
    session.execute(update(RunRow).where(col(RunRow.state) == RunState.QUEUED.value).values(rung_at=None))


def _take(session: Session, row: RunRow, customer: Customer, faults: int, at: datetime) -> Claim:
    row.state, row.worker = RunState.RUNNING.value, this_process()
    row.fence, row.lease_until = row.fence + 1, at + LEASE
    row.started_at = row.started_at or at
    tell(session, row.id, _TAKEN, f"by {short(row.worker)}, attempt {row.attempt}")
    session.flush()
    parts = frozenset(Part(part) for part in row.parts.split())
    return Claim(Lease(row.id, row.fence), customer, RunKind(row.kind), parts, row.attempt, faults)


def _not_yet(session: Session, row: RunRow, login: LoginRow, at: datetime) -> datetime | None:
    """When to try again, if the run cannot begin now."""
    if row.not_before > at:
        return row.not_before
    if _is_held(session, login.id):
        return at + _BUSY
    return portals.closed_until(session, login.utility, row.id, at)


def _is_held(session: Session, login_id: int) -> bool:
    query = select(RunRow.id).where(RunRow.login_id == login_id, col(RunRow.state).in_(HELD))
    return session.exec(query).first() is not None


def _locked(session: Session, run_id: int) -> RunRow | None:
    return session.exec(select(RunRow).where(RunRow.id == run_id).with_for_update()).first()
