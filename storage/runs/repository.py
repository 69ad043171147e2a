"""Runs as they stand, what people ask of them, and how they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import bindparam, insert, update
from sqlalchemy import select as columns
from sqlmodel import Session, case, col, func, select
from sqlmodel.sql.expression import Select

from meterfarm.records import (
    CustomerState,
    EventKind,
    LedgerItem,
    Outcome,
    Part,
    RunKind,
    RunState,
    WhoActs,
)
from meterfarm.storage import RunRefused
from meterfarm.storage.customers import Customer, credentials, registration
from meterfarm.storage.database import Repository, now, reading, writing
from meterfarm.storage.runs import (
    ACTIVE,
    HELD,
    NEW_CREDENTIALS,
    Claim,
    FollowUp,
    HeldRun,
    Lease,
    PortalHealth,
    RunInfo,
    RunStep,
    RunStory,
    challenges,
    events,
    leases,
    queue,
)
from meterfarm.storage.runs.farm_runs import count_outcome
from meterfarm.storage.runs.leases import Columns
from meterfarm.storage.runs.queue import add_step, refreshed_parts
from meterfarm.storage.tables import CustomerRow, LedgerItemRow, RunRow, RunStepRow, metadata
from meterfarm.storage.vault import Vault
from meterfarm.support.foreign_text import one_line
from meterfarm.support.processes import short

_Query: TypeAlias = Select[RunRow, CustomerRow]


class Runs(Repository):
    """As ``CompanyStore.runs``: what is asked of a company's runs, and how those end that are held."""

    @writing
    def begin(self, session: Session, customer: Customer, kind: RunKind) -> Claim | None:
        """Make a run that this process holds from the start; None while another run uses the login."""
        leases.reap(session)
        return leases.begin(session, customer, kind)

    @writing
    def renew(self, session: Session) -> Sequence[HeldRun]:
        """Renew the leases of this process on runs of the company; those that it still holds."""
        return leases.renew(session, self._company_id)

    @writing
    def finish(
        self,
        session: Session,
        lease: Lease,
        outcome: Outcome,
        message: str,
        *,
        use: str = "",
        seconds: Mapping[str, float] | None = None,
        pages: int = 0,
        evidence: str = "",
        ledger: Sequence[LedgerItem] = (),
        follow: FollowUp | None = None,
        state: bytes | None = None,
    ) -> None:
        """End a run with all that follows. ``use`` is new, reused or challenged_again.

        ``state`` is the portal's session as the run left it, to be kept if it is another by now.

        Raises:
            LeaseLost: the run is not held any more.
        """
        how = Ending(outcome, message, use, seconds or {}, pages, evidence, ledger)
        customer = _finish(session, self._vault, lease, self._company_id, how, follow or FollowUp())
        if customer is not None and state is not None and state != self._scope.saved_state:
            credentials.save_session(session, self._vault, customer, state, None)
        count_outcome(session, lease.run_id, now(session))

    @writing
    def abandon(self, session: Session, lease: Lease) -> None:
        """End a run that was broken off before it had an outcome. Raises LeaseLost."""
        row = leases.held(session, lease, self._company_id)
        leases.end(session, row, RunState.ABANDONED, now(session), "broken off")

    @writing
    def hand_back(self, session: Session, lease: Lease, why: str) -> None:
        """Queue a run again that this process cannot continue. Raises LeaseLost."""
        leases.lose(session, leases.held(session, lease, self._company_id), why, handed_back=True)

    @writing
    def fail(self, session: Session, lease: Lease, why: str, rest: timedelta) -> None:
        """Queue a run again, after ``rest``, that a fault of this machine broke off; a few times.

        Raises:
            LeaseLost: the run is not held any more.
        """
        leases.lose(session, leases.held(session, lease, self._company_id), why, rest=rest)

    @writing
    def stop(self, session: Session, lease: Lease) -> None:
        """End a run that was cancelled while this process held it. Raises LeaseLost."""
        row = leases.held(session, lease, self._company_id)
        leases.end(session, row, RunState.CANCELLED, now(session), "as was asked")

    @writing
    def cancel(self, session: Session, run_id: int) -> RunState:
        """Cancel a run; its state. A queued one is over at once, another when its worker learns of it.

        Raises:
            RunRefused: there is no such run, or it is over.
        """
        row = self._locked(session, run_id)
        if row.state == RunState.QUEUED:
            leases.end(session, row, RunState.CANCELLED, now(session), "as was asked")
            return RunState.CANCELLED
        if row.state not in HELD:
            raise RunRefused(f"The run {run_id} is over already ({row.outcome or row.state}).")
        row.cancelled = True
        add_step(session, run_id, "to be cancelled")
        return RunState(row.state)

    @writing
    def retry(self, session: Session, run_id: int) -> int:
        """Queue what the run was for once more, now, because a person asks for it.

        Returns the new run, or the one that is queued already.

        Raises:
            RunRefused: there is no such run, it has not ended, or the customer's credentials are missing.
        """
        row = self._locked(session, run_id)
        if row.state in HELD:
            raise RunRefused(f"The run {run_id} is under way; cancel it first, or wait for its end.")
        owner = select(CustomerRow).where(CustomerRow.id == row.customer_id).with_for_update()
        customer = session.exec(owner).one()
        if customer.state in (CustomerState.REMOVED, CustomerState.NEW):
            raise RunRefused(f"The customer {customer.id} is {customer.state}: give their credentials first.")
        comes_back = row.kind != RunKind.COLLECT or customer.state == CustomerState.MUST_REAUTHENTICATE
        kind = RunKind.CONNECT if comes_back else RunKind.COLLECT
        parts = [Part(part) for part in row.parts.split()]
        queued = queue.enter(session, Customer.of(customer), kind, why=f"retry of {run_id}", parts=parts)
        again = self._locked(session, queued)
        if again.state == RunState.QUEUED:
            again.not_before, again.notified_at, again.asked = now(session), None, True
        return queued

    @writing
    def refresh(self, session: Session, customer_ids: Sequence[int] | None = None) -> Sequence[int]:
        """Queue a refresh of these customers now, or of all who can be refreshed; the runs."""
        query = select(CustomerRow).where(
            CustomerRow.company_id == self._company_id,
            CustomerRow.state == CustomerState.ACTIVE.value,
            col(CustomerRow.shares_id).is_(None),
        )
        if customer_ids is not None:
            query = query.where(col(CustomerRow.id).in_(customer_ids))
        return [
            queue.enter(
                session,
                Customer.of(customer),
                RunKind.COLLECT,
                why="asked for",
                parts=refreshed_parts(customer),
            )
            for customer in session.exec(query).all()
        ]

    @reading
    def list(
        self, session: Session, *, limit: int = 50, customer_id: int | None = None, active: bool = False
    ) -> Sequence[RunInfo]:
        """Newest first."""
        query = self._query().limit(limit)
        if customer_id is not None:
            query = query.where(RunRow.customer_id == customer_id)
        if active:
            query = query.where(col(RunRow.state).in_(ACTIVE))
        return _infos(session, query)

    @reading
    def counts(self, session: Session) -> Mapping[RunState, int]:
        """How many runs there are in each state."""
        query = select(RunRow.state, func.count()).where(RunRow.company_id == self._company_id)
        return {RunState(state): count for state, count in session.exec(query.group_by(col(RunRow.state)))}

    @reading
    def story(self, session: Session, run_id: int) -> RunStory | None:
        """All that is known of a run, None if there is no such run."""
        found = _infos(session, self._query().where(RunRow.id == run_id))
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
            challenges=challenges.listed(session, self._company_id, run_id=run_id)[::-1],
            ledger=[
                LedgerItem(
                    item.account_number,
                    item.item,
                    stored=item.stored,
                    downloaded=item.downloaded,
                    reason=item.reason,
                    unread=item.unread,
                    pending=item.pending,
                )
                for item in ledger
            ],
        )

    def _query(self) -> _Query:
        return (
            select(RunRow, CustomerRow)
            .join(CustomerRow, col(CustomerRow.id) == RunRow.customer_id)
            .where(RunRow.company_id == self._company_id)
            .order_by(col(RunRow.id).desc())
        )

    def _locked(self, session: Session, run_id: int) -> RunRow:
        query = select(RunRow).where(RunRow.id == run_id, RunRow.company_id == self._company_id)
        row = session.exec(query.with_for_update()).first()
        if row is None:
            raise RunRefused(f"There is no run {run_id}; `runs` lists them.")
        return row


def _infos(session: Session, query: _Query) -> Sequence[RunInfo]:
    found = session.exec(query).all()
    ledgers = _ledger_counts(session, [run.id for run, _ in found])
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


def _info(run: RunRow, customer: CustomerRow, counted: tuple[int, int, int]) -> RunInfo:
    return RunInfo(
        id=run.id,
        customer_id=customer.id,
        external_id=customer.external_id,
        utility=customer.utility,
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


_LEDGER, _RUN, _CUSTOMER, _LOGIN, _EVENT = (
    metadata.tables[name] for name in ("ledger_item", "run", "customer", "login", "event")
)
_ITEM = [each.name for each in fields(LedgerItem)]
_ENTER_LEDGER = insert(_LEDGER)
_END = (
    update(_RUN)
    .where(_RUN.c.id == bindparam("this_run"))
    .values(
        state=RunState.ENDED.value,
        worker="",
        lease_until=None,
        **{name: bindparam(f"new_{name}") for name in ("outcome", "message", "session", "pages", "evidence")},
        seconds=bindparam("new_seconds", type_=_RUN.c.seconds.type),
        ended_at=bindparam("at", type_=_RUN.c.ended_at.type),
    )
)
_CUSTOMER_OF = (
    columns(_CUSTOMER, _LOGIN.c.utility)
    .join(_LOGIN, _LOGIN.c.id == _CUSTOMER.c.login_id)
    .where(_CUSTOMER.c.id == bindparam("customer"))
    .with_for_update(of=_CUSTOMER)
)
_FAILED = frozenset({WhoActs.PORTAL, WhoActs.US})


@dataclass(frozen=True, slots=True)
class Ending:
    """What is kept of how a run went. ``use`` of the session is new, reused or challenged_again."""

    outcome: Outcome
    message: str
    use: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    pages: int = 0
    evidence: str = ""
    ledger: Sequence[LedgerItem] = ()


def _finish(
    session: Session, vault: Vault, lease: Lease, company_id: int, ending: Ending, follow: FollowUp
) -> Customer | None:
    """End a run that is held, and all that follows from its end with it; its customer, unless removed.

    Of a customer who was removed nothing follows, and one who gave new credentials meanwhile need not come
    back before these were tried.
    """
    run = leases.check(session, lease, company_id)
    at = now(session)
    _close(session, run, ending, at)
    row = session.connection().execute(_CUSTOMER_OF, {"customer": run.customer_id}).one()
    queue.note_health(session, row.utility, row.login_id, run.id, follow.portal, at, follow.portal_rests)
    if row.state == CustomerState.REMOVED:
        return None
    untried = leases.untried(session, run)
    if untried is not None:
        follow = replace(follow, must_reauthenticate="")
    _publish(session, run.id, row, ending, follow, at)
    changes = _changes(row, follow, at)
    if changes:
        session.connection().execute(update(_CUSTOMER).where(_CUSTOMER.c.id == row.id).values(changes))
    customer = Customer.of(row)
    holder = registration.share(session, vault, customer) if follow.is_back else None
    if holder is not None:
        _announce(session, customer.id, holder.id)
    is_active = changes.get("state", row.state) == CustomerState.ACTIVE
    comes_back = follow.next_kind is RunKind.CONNECT
    if holder is None and follow.next_kind is not None and (is_active or comes_back):
        queue.enter(
            session,
            customer,
            follow.next_kind,
            why=follow.next_why,
            parts=follow.next_parts,
            not_before=follow.next_at,
        )
    if untried is not None:
        queue.enter(session, untried, RunKind.CONNECT, why=NEW_CREDENTIALS)
    return customer


def _close(session: Session, run: Columns, ending: Ending, at: datetime) -> None:
    connection = session.connection()
    if ending.ledger:
        shared = {"company_id": run.company_id, "run_id": run.id}
        items = [shared | {name: getattr(item, name) for name in _ITEM} for item in ending.ledger]
        connection.execute(_ENTER_LEDGER, items)
    leases.lose_challenges(session, run)
    values = {
        "this_run": run.id,
        "new_outcome": ending.outcome.value,
        "new_message": ending.message,
        "new_session": ending.use,
        "new_pages": ending.pages,
        "new_evidence": ending.evidence,
        "new_seconds": dict(ending.seconds),
        "at": at,
    }
    connection.execute(_END, values)
    queue.add_step(session, run.id, RunState.ENDED.value, ending.outcome.value)


def _publish(
    session: Session, run_id: int, row: Columns, ending: Ending, follow: FollowUp, at: datetime
) -> None:
    """Who was never let in yet need not come back: they are still trying."""
    end = {"run_id": run_id, "outcome": ending.outcome.value, "message": one_line(ending.message)}

    def publish(kind: EventKind, key: str, about: Mapping[str, object]) -> None:
        events.publish(session, row.id, kind, key, about, run_id=run_id)

    if follow.is_back:
        filled = {"has_filled_credentials": True, "has_filled_credentials_on": events.instant(at)}
        publish(EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS, str(run_id), filled)
    if Part.BILLS in follow.ready and not events.exists(session, row.id, EventKind.BILLS_READY):
        publish(EventKind.BILLS_READY, "first", events.bill_facts(session, row.id))
    if Part.INTERVALS in follow.ready and not events.exists(session, row.id, EventKind.INTERVALS_READY):
        publish(EventKind.INTERVALS_READY, "first", events.interval_facts(session, row.id))
    was_let_in = row.authenticated_at is not None and row.state != CustomerState.MUST_REAUTHENTICATE
    if follow.must_reauthenticate and was_let_in:
        about = {**end, "reason": one_line(follow.must_reauthenticate)}
        publish(EventKind.CUSTOMER_MUST_REAUTHENTICATE, str(run_id), about)
    if ending.outcome.who_acts in _FAILED and ending.outcome is not Outcome.PARTIAL:
        publish(EventKind.RUN_FAILED, str(run_id), end)


def _announce(session: Session, customer_id: int, holder_id: int) -> None:
    """Announce what a connection has brought so far to a customer who shares it from now on."""
    query = (
        columns(_EVENT.c.kind, _EVENT.c.key, _EVENT.c.facts)
        .where(_EVENT.c.customer_id == holder_id)
        .where(_EVENT.c.kind.in_([kind.value for kind in events.ABOUT_A_BILL]))
        .where(~_EVENT.c.key.startswith(events.FIRED))
        .order_by(_EVENT.c.id)
    )
    announced = [
        (EventKind(kind), key, {name: value for name, value in facts.items() if name not in events.ADDED})
        for kind, key, facts in session.execute(query)
    ]
    if events.exists(session, holder_id, EventKind.BILLS_READY):
        announced.append((EventKind.BILLS_READY, "first", events.bill_facts(session, holder_id)))
    if events.exists(session, holder_id, EventKind.INTERVALS_READY):
        announced.append((EventKind.INTERVALS_READY, "first", events.interval_facts(session, holder_id)))
    events.publish_all(session, customer_id, announced)


def _changes(row: Columns, follow: FollowUp, at: datetime) -> dict[str, Any]:
    """Of the customer's row."""
    after: dict[str, Any] = {"faults": row.faults + 1 if follow.portal is PortalHealth.AT_FAULT else 0}
    if follow.must_reauthenticate:
        after |= {"state": CustomerState.MUST_REAUTHENTICATE.value, "reason": follow.must_reauthenticate}
        after |= {"bills_due_at": None, "intervals_due_at": None}
        if row.state != CustomerState.MUST_REAUTHENTICATE:
            after["since"] = at
    elif follow.is_back and row.state != CustomerState.ACTIVE:
        after |= {"state": CustomerState.ACTIVE.value, "reason": "", "since": at}
    if follow.is_back and row.authenticated_at is None:
        after["authenticated_at"] = at
    if follow.ready:
        after["revision"] = row.revision + 1
    if after.get("state", row.state) == CustomerState.ACTIVE:
        after["bills_due_at"] = follow.due.get(Part.BILLS, row.bills_due_at)
        after["intervals_due_at"] = follow.due.get(Part.INTERVALS, row.intervals_due_at)
    return {name: value for name, value in after.items() if value != getattr(row, name)}
