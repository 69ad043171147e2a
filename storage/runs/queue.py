"""The queue of runs: a row each, who is due for a refresh, each portal's circuit breaker, announced trouble.

Redis only notifies workers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, insert
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, or_, select

from meterfarm.records import CustomerState, Part, RunKind, RunState
from meterfarm.storage.customers import Customer
from meterfarm.storage.database import (
    FarmRepository,
    insert_absent,
    insert_if_absent,
    now,
    reading,
    writing,
)
from meterfarm.storage.runs import ACTIVE, AT_ONCE, HELD, PortalHealth, TroubleNotice, next_time
from meterfarm.storage.tables import CircuitBreakerRow, CustomerRow, RunRow, TroubleNoticeRow, metadata
from meterfarm.storage.tables.base import UtcDateTime

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
    rows = [_values(customer, kind, parts, why, not_before or at, at) for customer, parts in wanted]
    inserted: list[int] = sorted(insert_absent(session, RunRow, rows, "id"))
    if inserted:
        lines = [{"run_id": run_id, "at": at, "step": "queued", "detail": why} for run_id in inserted]
        session.connection().execute(_ADD_STEP, lines)
    return inserted


def _values(
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


_DUE = {Part.BILLS: CustomerRow.bills_due_at, Part.INTERVALS: CustomerRow.intervals_due_at}
_ANY_DUE = {
    part: columns(col(CustomerRow.id))
    .where(col(CustomerRow.utility) == bindparam("utility"), col(when) <= bindparam("at", type_=UtcDateTime))
    .where(col(CustomerRow.state) == CustomerState.ACTIVE.value)
    .limit(1)
    for part, when in _DUE.items()
}


def due_parts(bills: datetime | None, intervals: datetime | None, at: datetime) -> frozenset[Part]:
    """Which parts a run that is queued now refreshes; a part without a due time is none."""
    due = {Part.BILLS: bills, Part.INTERVALS: intervals}
    return frozenset(part for part, when in due.items() if when is not None and when <= at)


def is_anybody_due(session: Session, utility: str, parts: Collection[Part]) -> bool:
    """Whether a customer of the utility is due for one of the parts; they may be queued already."""
    asked = {"utility": utility, "at": now(session)}
    return any(session.connection().scalar(_ANY_DUE[part], asked) is not None for part in parts)


def queue_due(session: Session, utility: str, every: Mapping[Part, timedelta], limit: int) -> int:
    """Queue collect runs for customers of the utility with a part in ``every`` that is due; how many.

    Those who have waited longest come first. With these at most ``limit`` of the utility's are queued or
    in progress, one while a portal that was at fault has yet to be tried, and none while it is left alone.
    """
    at = now(session)
    room = _room(session, utility, limit, at) - _in_progress(session, utility, at)
    if room <= 0:
        return 0
    found: dict[int, CustomerRow] = {}
    for part in (Part.INTERVALS, Part.BILLS):
        if part not in every:
            continue
        when = col(_DUE[part])
        query = (
            select(CustomerRow)
            .where(CustomerRow.utility == utility, when <= at)
            .where(CustomerRow.state == CustomerState.ACTIVE.value, ~_is_queued())
            .order_by(when)
            .limit(min(room, AT_ONCE) - len(found))
            .with_for_update(skip_locked=True)
        )
        found |= {customer.id: customer for customer in session.exec(query)}
    wanted: list[tuple[Customer, Collection[Part]]] = []
    for customer in found.values():
        due = due_parts(customer.bills_due_at, customer.intervals_due_at, at) & every.keys()
        if Part.BILLS in due:
            customer.bills_due_at = next_time(at, every[Part.BILLS])
        if Part.INTERVALS in due:
            customer.intervals_due_at = next_time(at, every[Part.INTERVALS])
        wanted.append((Customer.of(customer), due))
    return len(enter_all(session, RunKind.COLLECT, wanted, why="refresh"))


def _in_progress(session: Session, utility: str, at: datetime) -> int:
    """How many collect runs of the utility's customers are at work, or wait for nothing but a worker."""
    query = (
        select(func.count())
        .select_from(RunRow)
        .join(CustomerRow, col(CustomerRow.id) == RunRow.customer_id)
        .where(col(RunRow.state).in_(ACTIVE), col(RunRow.not_before) <= at)
        .where(RunRow.kind == RunKind.COLLECT.value, CustomerRow.utility == utility)
    )
    return session.exec(query).one()


def _is_queued() -> ColumnElement[bool]:
    """Whether the customer has a collect run that has not ended."""
    return (
        select(RunRow.id)
        .where(RunRow.customer_id == CustomerRow.id, RunRow.kind == RunKind.COLLECT.value)
        .where(col(RunRow.state).in_(ACTIVE))
        .exists()
    )


def refreshed_parts(customer: CustomerRow) -> frozenset[Part]:
    """The parts that are refreshed of the customer; all, while that is not known."""
    due = {Part.BILLS: customer.bills_due_at, Part.INTERVALS: customer.intervals_due_at}
    return frozenset(part for part, when in due.items() if when is not None) or frozenset(Part)


FAULTS = 5
"""So many different logins must meet a fault, with none in between that does not."""
_FIRST_PAUSE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(hours=1)
_WHILE_PROBED = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Breaker:
    """A portal's circuit breaker. ``faults`` are the logins that met a fault in a row.

    It is open while ``open_until`` is set. When that time has come, ``probe`` is the one run that may go.
    ``opened_at`` is when it opened, having been closed.
    """

    faults: tuple[int, ...] = ()
    openings: int = 0
    open_until: datetime | None = None
    probe: int | None = None
    opened_at: datetime | None = None


CLOSED = Breaker()


def admitted(
    breaker: Breaker, run_id: int, at: datetime, *, is_probed: bool
) -> tuple[Breaker, datetime | None]:
    """The breaker after the run asked to go, and until when it may not; None if it may.

    ``is_probed``: there is a probe, and it is under way.
    """
    if breaker.open_until is None:
        return breaker, None
    if breaker.open_until > at:
        return breaker, breaker.open_until
    if breaker.probe not in (None, run_id) and is_probed:
        return breaker, at + _WHILE_PROBED
    return replace(breaker, probe=run_id), None


def may_queue(breaker: Breaker, room: int, at: datetime) -> int:
    """How many of ``room`` runs may be queued: none while the portal is left alone, then one to try it."""
    if breaker.open_until is None:
        return room
    return 0 if breaker.open_until > at else min(room, 1)


def noted(
    breaker: Breaker, login_id: int, run_id: int, health: PortalHealth, at: datetime, rests: float
) -> Breaker:
    """The breaker after a run has ended; ``rests`` is the portal's own Retry-After in seconds."""
    if health is PortalHealth.HEALTHY:
        return CLOSED
    if health is PortalHealth.UNSEEN:
        return breaker
    faults = (*(known for known in breaker.faults if known != login_id), login_id)[-FAULTS:]
    if breaker.probe != run_id and (breaker.open_until is not None or len(faults) < FAULTS):
        return replace(breaker, faults=faults)
    pause = min(_FIRST_PAUSE * 2 ** min(breaker.openings, 16), _LONGEST_PAUSE)
    return Breaker(
        faults=faults,
        openings=breaker.openings + 1,
        open_until=at + max(pause, timedelta(seconds=rests)),
        opened_at=breaker.opened_at or at,
    )


_BREAKER = select(CircuitBreakerRow).where(CircuitBreakerRow.utility == bindparam("portal")).with_for_update()


def closed_until(session: Session, utility: str, run_id: int, at: datetime) -> datetime | None:
    """Until when no run may go there; None if this one may, as the probe if the breaker was open."""
    row = _breaker_row(session, utility)
    if row is None:
        return None
    is_probed = _is_under_way(session, row.probe_run_id)
    after, until = admitted(_breaker(row), run_id, at, is_probed=is_probed)
    _keep(row, after)
    return until


def note_health(
    session: Session,
    utility: str,
    login_id: int,
    run_id: int,
    health: PortalHealth,
    at: datetime,
    rests: float,
) -> None:
    """Take down how the portal did in a run that has ended; ``rests`` is its own Retry-After in seconds."""
    if health is PortalHealth.AT_FAULT:
        insert_if_absent(session, CircuitBreakerRow, {"utility": utility, "faults": [], "openings": 0})
    row = _breaker_row(session, utility) if health is not PortalHealth.UNSEEN else None
    if row is not None:
        _keep(row, noted(_breaker(row), login_id, run_id, health, at, rests))


def _room(session: Session, utility: str, room: int, at: datetime) -> int:
    """How many of ``room`` runs there may be now."""
    row = session.exec(select(CircuitBreakerRow).where(CircuitBreakerRow.utility == utility)).first()
    return may_queue(_breaker(row), room, at) if row is not None else room


def resting_portals(session: Session, at: datetime) -> dict[str, datetime]:
    """The portals that are left alone, and until when."""
    query = select(CircuitBreakerRow).where(col(CircuitBreakerRow.open_until) > at)
    return {row.utility: row.open_until for row in session.exec(query) if row.open_until}


class Breakers(FarmRepository):
    """As ``Store.breakers``: the circuit breakers of all portals."""

    @reading
    def open(self, session: Session) -> Mapping[str, datetime]:
        """The portals that are left alone, by utility, and until when."""
        return resting_portals(session, now(session))


def _breaker(row: CircuitBreakerRow) -> Breaker:
    return Breaker(tuple(row.faults), row.openings, row.open_until, row.probe_run_id, row.opened_at)


def _keep(row: CircuitBreakerRow, breaker: Breaker) -> None:
    """Write what changed, if anything did."""
    if breaker == _breaker(row):
        return
    row.faults, row.openings = list(breaker.faults), breaker.openings
    row.open_until, row.probe_run_id = breaker.open_until, breaker.probe
    row.opened_at = breaker.opened_at


def _breaker_row(session: Session, utility: str) -> CircuitBreakerRow | None:
    return session.exec(_BREAKER, params={"portal": utility}).first()


def _is_under_way(session: Session, run_id: int | None) -> bool:
    run = session.get(RunRow, run_id) if run_id else None
    return run is not None and RunState(run.state) in HELD


TROUBLE_AFTER = timedelta(hours=1)
"""A portal that has been at fault for so long is in trouble, without anybody announcing it."""
_NOBODY_TRIES = timedelta(days=1)
"""Of a breaker that nobody had a reason to try for so long it is not known how the portal does."""


class Troubles(FarmRepository):
    """As ``Store.troubles``: what is announced of utilities, and which have been at fault for long."""

    @reading
    def list(self, session: Session, utility: str = "") -> Sequence[TroubleNotice]:
        """Current and announced ones, also those that breakers show; of all utilities, or of one."""
        at = now(session)
        lasting = or_(col(TroubleNoticeRow.ends_at).is_(None), col(TroubleNoticeRow.ends_at) > at)
        posted = select(TroubleNoticeRow).where(lasting).order_by(col(TroubleNoticeRow.begins_at))
        shown = (
            select(CircuitBreakerRow)
            .where(col(CircuitBreakerRow.opened_at) <= at - TROUBLE_AFTER)
            .where(col(CircuitBreakerRow.open_until) > at - _NOBODY_TRIES)
            .order_by(col(CircuitBreakerRow.opened_at))
        )
        if utility:
            posted = posted.where(TroubleNoticeRow.utility == utility)
            shown = shown.where(CircuitBreakerRow.utility == utility)
        by_themselves = [
            TroubleNotice(0, row.utility, "", row.opened_at, None)
            for row in session.exec(shown)
            if row.opened_at is not None
        ]
        return [*by_themselves, *(_notice(row) for row in session.exec(posted))]

    @reading
    def ended(self, session: Session, within: timedelta) -> Sequence[TroubleNotice]:
        """What was announced and ended so lately, or was called off."""
        at, ended = now(session), col(TroubleNoticeRow.ends_at)
        query = select(TroubleNoticeRow).where(ended <= at, ended > at - within).order_by(ended)
        return [_notice(row) for row in session.exec(query)]

    @writing
    def post(
        self, session: Session, utility: str, text: str, begins: datetime, ends: datetime | None, by: str
    ) -> int:
        """Announce trouble at a utility; its number. ``by`` is who does."""
        row = TroubleNoticeRow(
            utility=utility, text=text, begins_at=begins, ends_at=ends, posted_by=by, posted_at=now(session)
        )
        session.add(row)
        session.flush()
        return row.id

    @writing
    def end(self, session: Session, notice_id: int) -> bool:
        """It is over, or does not come; False if there is none that goes on."""
        row = session.get(TroubleNoticeRow, notice_id)
        at = now(session)
        if row is None or (row.ends_at is not None and row.ends_at <= at):
            return False
        row.ends_at = at
        return True


def _notice(row: TroubleNoticeRow) -> TroubleNotice:
    return TroubleNotice(row.id, row.utility, row.text, row.begins_at, row.ends_at, row.posted_by)
