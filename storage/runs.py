"""Runs as they stand, what people ask of them, and how one ends that came to no outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlmodel import Session, case, col, func, select

from meterfarm.records import CustomerState, LedgerItem, Outcome, Part, RunKind, RunState
from meterfarm.storage import challenges, leases, queue
from meterfarm.storage.database import now
from meterfarm.storage.errors import StorageError
from meterfarm.storage.processes import short
from meterfarm.storage.queue import ACTIVE, HELD, tell
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import CustomerRow, LedgerItemRow, LoginRow, RunRow, RunStepRow
from meterfarm.storage.work import Lease, RunInfo, RunStep, RunStory
from meterfarm.support.errors import RequestError


class RunRefused(StorageError, RequestError):
    """Something was asked of a run that cannot be done; the text says why."""


def abandon(session: Session, lease: Lease) -> None:
    """End a run that was broken off; it has no outcome."""
    row = leases.held(session, lease)
    leases.end(session, row, RunState.ABANDONED, now(session), "broken off")


def hand_back(session: Session, lease: Lease, why: str) -> None:
    """Queue a run again whose worker cannot go on with it."""
    leases.lose(session, leases.held(session, lease), why, handed_back=True)


def fail(session: Session, lease: Lease, why: str, rest: timedelta) -> None:
    """A fault of ours or of our machine broke the run off; it is queued again, a few times."""
    leases.lose(session, leases.held(session, lease), why, rest=rest)


def stop(session: Session, lease: Lease) -> None:
    """End a run that somebody cancelled."""
    leases.end(session, leases.held(session, lease), RunState.CANCELLED, now(session), "as was asked")


def cancel(session: Session, run_id: int) -> RunState:
    """Cancel a run: a queued one is over at once, one under way when its worker hears of it."""
    row = _existing(session, run_id)
    if row.state == RunState.QUEUED:
        leases.end(session, row, RunState.CANCELLED, now(session), "as was asked")
        return RunState.CANCELLED
    if row.state not in HELD:
        raise RunRefused(f"The run {run_id} is over already ({row.outcome or row.state}).")
    row.cancelled = True
    tell(session, run_id, "to be cancelled")
    return RunState(row.state)


def retry(session: Session, run_id: int) -> int:
    """Queue what the run was for once more, now, because a person asks for it.

    Returns the new run, or the one that is queued already.
    """
    row = _existing(session, run_id)
    if row.state in HELD:
        raise RunRefused(f"The run {run_id} is under way; cancel it first, or wait for its end.")
    customer, login = _whose(session, row.customer_id)
    if customer.state in (CustomerState.REMOVED, CustomerState.NEW):
        raise RunRefused(f"The customer {customer.id} is {customer.state}: give their credentials first.")
    comes_back = row.kind != RunKind.COLLECT or customer.state == CustomerState.MUST_REAUTHENTICATE
    kind = RunKind.CONNECT if comes_back else RunKind.COLLECT
    whose = Customer(customer.id, customer.company_id, login.id, login.utility, customer.username)
    parts = [Part(part) for part in row.parts.split()]
    queued = queue.enter(session, whose, kind, why=f"retry of {run_id}", parts=parts)
    again = _existing(session, queued)
    if again.state == RunState.QUEUED:
        again.not_before, again.rung_at, again.asked = now(session), None, True
    return queued


def listed(
    session: Session,
    *,
    limit: int,
    customer_id: int | None = None,
    active: bool = False,
    run_id: int | None = None,
) -> Sequence[RunInfo]:
    """Newest first."""
    query = (
        select(RunRow, CustomerRow, LoginRow)
        .join(CustomerRow, col(CustomerRow.id) == RunRow.customer_id)
        .join(LoginRow, col(LoginRow.id) == RunRow.login_id)
        .order_by(col(RunRow.id).desc())
        .limit(limit)
    )
    if customer_id is not None:
        query = query.where(RunRow.customer_id == customer_id)
    if active:
        query = query.where(col(RunRow.state).in_(ACTIVE))
    if run_id is not None:
        query = query.where(RunRow.id == run_id)
    found = session.exec(query).all()
    ledgers = _ledger_counts(session, [run.id for run, _, _ in found])
    return [_info(*rows, ledgers.get(rows[0].id, (0, 0, 0))) for rows in found]


def _ledger_counts(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """By run, how many items its ledger lists, how many of them are stored, and how many of those unread."""
    stored, unread = (
        func.sum(case((col(column), 1), else_=0)) for column in (LedgerItemRow.stored, LedgerItemRow.unread)
    )
    query = (
        select(LedgerItemRow.run_id, func.count(), stored, unread)
        .where(col(LedgerItemRow.run_id).in_(ids))
        .group_by(col(LedgerItemRow.run_id))
    )
    return {
        run_id: (listed_items, int(kept), int(not_read))
        for run_id, listed_items, kept, not_read in session.exec(query)
    }


def counts(session: Session) -> Mapping[RunState, int]:
    """How many runs there are in each state."""
    query = select(RunRow.state, func.count()).group_by(col(RunRow.state))
    return {RunState(state): count for state, count in session.exec(query)}


def story(session: Session, run_id: int) -> RunStory | None:
    found = listed(session, limit=1, run_id=run_id)
    if not found:
        return None
    steps = session.exec(
        select(RunStepRow).where(RunStepRow.run_id == run_id).order_by(col(RunStepRow.id))
    ).all()
    ledger = session.exec(
        select(LedgerItemRow).where(LedgerItemRow.run_id == run_id).order_by(col(LedgerItemRow.id))
    ).all()
    return RunStory(
        run=found[0],
        steps=[RunStep(step.at, step.step, step.detail) for step in steps],
        challenges=challenges.listed(session, run_id=run_id)[::-1],
        ledger=[
            LedgerItem(
                item.account_number,
                item.item,
                stored=item.stored,
                downloaded=item.downloaded,
                reason=item.reason,
                unread=item.unread,
            )
            for item in ledger
        ],
    )


def _info(run: RunRow, customer: CustomerRow, login: LoginRow, counted: tuple[int, int, int]) -> RunInfo:
    return RunInfo(
        id=run.id,
        customer_id=customer.id,
        external_id=customer.external_id,
        utility=login.utility,
        username=customer.username,
        kind=RunKind(run.kind),
        state=RunState(run.state),
        parts=run.parts,
        why=run.why,
        attempt=run.attempt,
        worker=short(run.worker),
        outcome=Outcome(run.outcome) if run.outcome else None,
        message=run.message,
        session=run.session,
        pages=run.pages,
        evidence=run.evidence,
        seconds=run.seconds,
        requested_at=run.requested_at,
        not_before=run.not_before,
        started_at=run.started_at,
        ended_at=run.ended_at,
        listed=counted[0],
        stored=counted[1],
        unread=counted[2],
    )


def _existing(session: Session, run_id: int) -> RunRow:
    row = session.exec(select(RunRow).where(RunRow.id == run_id).with_for_update()).first()
    if row is None:
        raise RunRefused(f"There is no run {run_id}; `runs` lists them.")
    return row


def _whose(session: Session, customer_id: int) -> tuple[CustomerRow, LoginRow]:
    customer = session.exec(select(CustomerRow).where(CustomerRow.id == customer_id).with_for_update()).one()
    return customer, session.exec(select(LoginRow).where(LoginRow.id == customer.login_id)).one()
