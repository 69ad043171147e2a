"""What workers and the scheduler do with the runs of all companies: take, notify, refresh, forget."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from sqlalchemy import ColumnElement, Date, bindparam, case, delete, literal_column, text, update
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from meterfarm.records import CustomerState, EventKind, Outcome, Part, RunKind, RunState, WhoActs
from meterfarm.storage import StorageError
from meterfarm.storage.customers import RunContext, credentials
from meterfarm.storage.database import RUN, FarmRepository, now, reading, writing
from meterfarm.storage.runs import (
    HELD,
    NEW_CREDENTIALS,
    Claim,
    Figures,
    OutcomesOfUtility,
    QueueFigures,
    RunNotification,
    TrackRecord,
    events,
    leases,
    queue,
)
from meterfarm.storage.runs.queue import add_step
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    LoginRow,
    OutcomeCountRow,
    PendingExportRow,
    RunRow,
    SavedSessionRow,
)


def figures(session: Session, utilities: Iterable[str]) -> Figures:
    """``utilities`` are those of which it is asked how late their refreshes are."""
    at = now(session)
    return Figures(
        queues=_queues(session, at),
        held=_held(session),
        resting=frozenset(queue.resting_portals(session, at)),
        late_seconds={
            (utility, part): _late(session, utility, part, at) for utility in utilities for part in Part
        },
        pending_exports=_pending_exports(session),
        unread_bills=_unread_bills(session),
    )


def _pending_exports(session: Session) -> dict[str, int]:
    query = (
        select(CustomerRow.utility, func.count())
        .join(AccountRow, col(AccountRow.customer_id) == CustomerRow.id)
        .join(PendingExportRow, col(PendingExportRow.account_id) == AccountRow.id)
        .group_by(col(CustomerRow.utility))
    )
    return dict(session.exec(query).all())


def _unread_bills(session: Session) -> dict[str, int]:
    """By utility; of customers who were removed none."""
    newer = aliased(BillVersionRow)
    newer_of_bill = select(newer.id).where(
        newer.bill_id == BillVersionRow.bill_id, newer.id > BillVersionRow.id
    )
    query = (
        select(CustomerRow.utility, func.count())
        .join(AccountRow, col(AccountRow.customer_id) == CustomerRow.id)
        .join(BillRow, col(BillRow.account_id) == AccountRow.id)
        .join(BillVersionRow, col(BillVersionRow.bill_id) == BillRow.id)
        .where(col(BillVersionRow.total_amount).is_(None), ~newer_of_bill.exists())
        .where(CustomerRow.state != CustomerState.REMOVED.value)
        .group_by(col(CustomerRow.utility))
    )
    return dict(session.exec(query).all())


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


def track_records(session: Session, newest: int) -> dict[str, TrackRecord]:
    """By utility, of the ``newest`` runs of the farm, but for those that the customer has to act upon."""
    last = session.exec(select(func.max(RunRow.id))).one() or 0
    query = (
        select(LoginRow.utility, RunRow.outcome, RunRow.started_at, RunRow.ended_at)
        .join(LoginRow, col(LoginRow.id) == RunRow.login_id)
        .where(col(RunRow.id) > last - newest, RunRow.state == RunState.ENDED.value, RunRow.outcome != "")
        .order_by(col(RunRow.ended_at))
    )
    runs: dict[str, list[tuple[bool, datetime, float]]] = {}
    for utility, outcome, started, ended in session.exec(query):
        acts = Outcome(outcome).who_acts
        if ended is not None and acts is not WhoActs.CUSTOMER:
            took = (ended - (started or ended)).total_seconds()
            runs.setdefault(utility, []).append((acts is WhoActs.NOBODY, ended, took))
    return {utility: _track_record(of_utility) for utility, of_utility in runs.items()}


def _track_record(runs: Sequence[tuple[bool, datetime, float]]) -> TrackRecord:
    """``runs`` in order of their end: whether it succeeded, when it ended, what it took."""
    last = max((number for number, (well, _, _) in enumerate(runs) if well), default=-1)
    took = [seconds for well, _, seconds in runs if well]
    return TrackRecord(
        succeeded=len(took),
        failed=len(runs) - len(took),
        last_success=runs[last][1] if took else None,
        failing_since=runs[last + 1][1] if last + 1 < len(runs) else None,
        median_seconds=round(median(took), 3) if took else None,
    )


_WEEK = timedelta(days=6)
_COUNT_OUTCOME = text(
    "INSERT INTO outcome_count (day, utility, outcome, count)"
    " SELECT :day, login.utility, run.outcome, 1"
    " FROM run JOIN login ON login.id = run.login_id WHERE run.id = :run"
    " ON CONFLICT (day, utility, outcome) DO UPDATE SET count = outcome_count.count + 1"
).bindparams(bindparam("day", type_=Date))
_IS_CONNECT: ColumnElement[bool] = literal_column("run.kind = 'connect'")
"""As the index says it, which has these runs alone."""


def count_outcome(session: Session, run_id: int, at: datetime) -> None:
    """Count how a run has ended, as the last thing of its transaction: others wait for the row it writes."""
    session.connection().execute(_COUNT_OUTCOME, {"run": run_id, "day": at.astimezone(UTC).date()})


def outcomes(session: Session) -> dict[str, OutcomesOfUtility]:
    """By utility, of all runs that ended in the last seven days of UTC: today and six before it."""
    first = now(session).astimezone(UTC).date() - _WEEK
    row = OutcomeCountRow
    query = (
        select(row.utility, row.outcome, func.sum(col(row.count)))
        .where(col(row.day) >= first)
        .group_by(col(row.utility), col(row.outcome))
    )
    counts: dict[str, dict[Outcome, int]] = {}
    for utility, outcome, count in session.exec(query):
        counts.setdefault(utility, {})[Outcome(outcome)] = int(count)
    return {utility: OutcomesOfUtility(first, of_utility) for utility, of_utility in counts.items()}


def seconds_to_data(session: Session, newest: int) -> dict[str, list[float]]:
    """By utility, in order: from giving credentials to the end of the first refresh that brought data.

    Of the ``newest`` sign-ins of the farm. A portal's faults between are counted in, a customer's are not.
    """
    later = aliased(RunRow)
    brought = (
        select(func.min(later.ended_at))
        .where(later.customer_id == RunRow.customer_id, col(later.id) > col(RunRow.id))
        .where(later.kind == RunKind.COLLECT.value, later.outcome == Outcome.COMPLETE.value)
        .correlate(RunRow)
        .scalar_subquery()
    )
    query = (
        columns(
            col(LoginRow.utility),
            col(RunRow.customer_id),
            col(RunRow.why),
            col(RunRow.outcome),
            col(RunRow.requested_at),
            brought,
        )
        .join(LoginRow, col(LoginRow.id) == RunRow.login_id)
        .where(_IS_CONNECT, col(RunRow.outcome) != "")
        .order_by(col(RunRow.id).desc())
        .limit(newest)
    )
    found: dict[str, list[float]] = {}
    given: dict[int, datetime] = {}
    for utility, customer, why, outcome, requested, ended in reversed(
        session.connection().execute(query).all()
    ):
        if why == NEW_CREDENTIALS or customer not in given:
            given[customer] = requested
        if Outcome(outcome).who_acts is WhoActs.CUSTOMER:
            del given[customer]
        elif outcome == Outcome.COMPLETE.value and ended is not None:
            found.setdefault(utility, []).append((ended - given.pop(customer)).total_seconds())
    return {utility: sorted(seconds) for utility, seconds in found.items()}


_UNDELIVERED_AFTER = timedelta(seconds=10)
_OVER = (RunState.ENDED.value, RunState.ABANDONED.value, RunState.CANCELLED.value)


class FarmRuns(FarmRepository):
    """As ``Store.runs``."""

    @writing
    def take(self, session: Session, run_id: int, attempt: int) -> tuple[Claim, RunContext | None] | None:
        """Take a queued run for this process, with its context; None if it is not to be had now.

        None instead of the context if a secret does not open; ``credentials.run_context`` says why.
        """
        claim = leases.claim(session, run_id, attempt)
        if claim is None:
            return None
        session.info[RUN] = claim.lease.run_id
        try:
            return claim, credentials.load_run_context(session, self._farm.vault, claim.customer)
        except StorageError:
            return claim, None

    def reap(self) -> int:
        """Queue the runs again that have lost their workers; how many.

        A wait for the database does not count as lateness.
        """
        return self._reap(datetime.now(UTC) if self._database.is_local else None)

    @writing
    def _reap(self, session: Session, since: datetime | None) -> int:
        return leases.reap(session, since)

    def to_notify(self, limit: int = 500) -> Sequence[RunNotification]:
        """Queued runs that could begin and of which workers were not notified; from now on they were."""
        return self._to_notify(limit) if self._has_to_notify() else []

    @reading
    def _has_to_notify(self, session: Session) -> bool:
        query = select(RunRow.id).where(
            RunRow.state == RunState.QUEUED.value,
            col(RunRow.not_before) <= now(session),
            col(RunRow.notified_at).is_(None),
        )
        return session.exec(query.limit(1)).first() is not None

    @writing
    def _to_notify(self, session: Session, limit: int) -> Sequence[RunNotification]:
        at = now(session)
        query = (
            select(RunRow)
            .where(RunRow.state == RunState.QUEUED.value, col(RunRow.not_before) <= at)
            .where(col(RunRow.notified_at).is_(None))
            .order_by(col(RunRow.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        notifications = []
        for row in session.exec(query):
            row.notified_at = at
            notifications.append(RunNotification(row.id, row.attempt, RunKind(row.kind)))
        return notifications

    @reading
    def undelivered(self, session: Session, limit: int = 500) -> Sequence[RunNotification]:
        """Queued runs of which workers were notified some time ago, and which none has taken."""
        query = (
            select(RunRow.id, RunRow.attempt, RunRow.kind)
            .where(RunRow.state == RunState.QUEUED.value)
            .where(col(RunRow.notified_at) < now(session) - _UNDELIVERED_AFTER)
            .order_by(col(RunRow.id))
            .limit(limit)
        )
        return [
            RunNotification(run_id, attempt, RunKind(kind)) for run_id, attempt, kind in session.exec(query)
        ]

    @writing
    def keep_notified(self, session: Session, run_ids: Sequence[int]) -> None:
        """Record that a process has these waiting for a slot, so that they are not redelivered."""
        waiting = (col(RunRow.id).in_(run_ids), col(RunRow.state) == RunState.QUEUED.value)
        notified = update(RunRow).where(*waiting, col(RunRow.notified_at).is_not(None))
        session.execute(notified.values(notified_at=now(session)))

    @writing
    def redeliver(self, session: Session, notifications: Sequence[RunNotification]) -> None:
        """Have these notified again, under a new attempt, if still nobody has taken them."""
        for notification in notifications:
            row = leases.locked(session, notification.run_id)
            if row is not None and row.state == RunState.QUEUED and row.attempt == notification.attempt:
                row.attempt, row.notified_at = row.attempt + 1, None
                add_step(session, row.id, "redelivered", "the worker that was notified did not take it")

    @writing
    def forget_notifications(self, session: Session) -> None:
        """Have ``to_notify`` name all queued runs again: Redis lost what it was given."""
        queued = update(RunRow).where(col(RunRow.state) == RunState.QUEUED.value)
        session.execute(queued.values(notified_at=None))

    def queue_due(self, utility: str, every: Mapping[Part, timedelta], limit: int = 1000) -> int:
        """Queue a refresh of the utility's customers who are due; how many."""
        return self._queue_due(utility, every, limit) if self._is_anybody_due(utility, every) else 0

    @reading
    def _is_anybody_due(self, session: Session, utility: str, every: Collection[Part]) -> bool:
        """Asked first, without writing: mostly nobody is."""
        return queue.is_anybody_due(session, utility, every)

    @writing
    def _queue_due(self, session: Session, utility: str, every: Mapping[Part, timedelta], limit: int) -> int:
        return queue.queue_due(session, utility, every, limit)

    @writing
    def announce_expiring_trust(
        self, session: Session, utility: str, lasts: timedelta, ahead: timedelta
    ) -> int:
        """An event for each sign-in, once, of which the trust lapses within ``ahead``; how many."""
        at = now(session)
        query = (
            select(SavedSessionRow, CustomerRow)
            .join(CustomerRow, col(CustomerRow.id) == SavedSessionRow.customer_id)
            .where(CustomerRow.utility == utility, CustomerRow.state == CustomerState.ACTIVE.value)
            .where(col(SavedSessionRow.trusted_since) < at + ahead - lasts)
            .where(
                col(SavedSessionRow.announced_at).is_(None)
                | (col(SavedSessionRow.announced_at) < col(SavedSessionRow.trusted_since))
            )
        )
        found = session.exec(query).all()
        for kept, customer in found:
            kept.announced_at = at
            if kept.trusted_since is None:
                continue
            payload = {
                "trusted_since": events.instant(kept.trusted_since),
                "expires_at": events.instant(kept.trusted_since + lasts),
            }
            key = kept.trusted_since.isoformat()
            events.publish(session, customer.id, EventKind.TRUST_EXPIRING, key, payload)
        return len(found)

    @reading
    def figures(self, session: Session, utilities: Iterable[str]) -> Figures:
        """How the whole farm stands; of these utilities also how late their refreshes are."""
        return figures(session, utilities)

    @reading
    def track_records(self, session: Session, newest: int = 2000) -> Mapping[str, TrackRecord]:
        """How the ``newest`` runs of the farm went, by utility; of utilities that have any."""
        return track_records(session, newest)

    @reading
    def outcomes(self, session: Session) -> Mapping[str, OutcomesOfUtility]:
        """How the last week's runs ended, by utility."""
        return outcomes(session)

    @reading
    def seconds_to_data(self, session: Session, newest: int = 2000) -> Mapping[str, Sequence[float]]:
        """How long the ``newest`` sign-ins took from credentials to data, by utility, in order of length."""
        return seconds_to_data(session, newest)

    @writing
    def forget(self, session: Session, older_than: timedelta, limit: int = 5000) -> int:
        """Delete up to ``limit`` runs that were over that long ago, with their steps, ledgers and challenges.

        Each customer's newest stays. Returns how many were deleted.
        """
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
        session.execute(
            delete(OutcomeCountRow).where(col(OutcomeCountRow.day) < (now(session) - older_than).date())
        )
        return len(old)
