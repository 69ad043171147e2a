"""A circuit breaker for each portal, as it is kept: a row that is there once the portal was at fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from meterfarm.records import RunState
from meterfarm.storage.database import FarmRepository, insert_if_absent, now, reading
from meterfarm.storage.runs import HELD, PortalHealth
from meterfarm.storage.tables import CircuitBreakerRow, RunRow

FAULTS = 5
"""So many different logins must meet a fault, with none in between that does not."""
_FIRST_PAUSE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(hours=1)
_WHILE_PROBED = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Breaker:
    """``faults`` are the logins that met a fault in a row; it is open while ``open_until`` is set.

    When that time has come, ``probe`` is the one run that may go.
    """

    faults: tuple[int, ...] = ()
    openings: int = 0
    open_until: datetime | None = None
    probe: int | None = None


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
    )


_ROW = select(CircuitBreakerRow).where(CircuitBreakerRow.utility == bindparam("portal")).with_for_update()


def closed_until(session: Session, utility: str, run_id: int, at: datetime) -> datetime | None:
    """Until when no run may go there; None if this one may, as the probe if the breaker was open."""
    row = _row(session, utility)
    if row is None:
        return None
    is_probed = _is_under_way(session, row.probe_run_id)
    after, until = admitted(_breaker(row), run_id, at, is_probed=is_probed)
    _keep(row, after)
    return until


def note(
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
    row = _row(session, utility) if health is not PortalHealth.UNSEEN else None
    if row is not None:
        _keep(row, noted(_breaker(row), login_id, run_id, health, at, rests))


def room(session: Session, utility: str, room: int, at: datetime) -> int:
    """How many of ``room`` runs there may be now."""
    row = session.exec(select(CircuitBreakerRow).where(CircuitBreakerRow.utility == utility)).first()
    return may_queue(_breaker(row), room, at) if row is not None else room


def resting(session: Session, at: datetime) -> dict[str, datetime]:
    """The portals that are left alone, and until when."""
    query = select(CircuitBreakerRow).where(col(CircuitBreakerRow.open_until) > at)
    return {row.utility: row.open_until for row in session.exec(query) if row.open_until}


class Breakers(FarmRepository):
    """As ``Store.breakers``: the circuit breakers of all portals."""

    @reading
    def open(self, session: Session) -> Mapping[str, datetime]:
        """The portals that are left alone, by utility, and until when."""
        return resting(session, now(session))


def _breaker(row: CircuitBreakerRow) -> Breaker:
    return Breaker(tuple(row.faults), row.openings, row.open_until, row.probe_run_id)


def _keep(row: CircuitBreakerRow, breaker: Breaker) -> None:
    """Write what changed, if anything did."""
    if breaker == _breaker(row):
        return
    row.faults, row.openings = list(breaker.faults), breaker.openings
    row.open_until, row.probe_run_id = breaker.open_until, breaker.probe


def _row(session: Session, utility: str) -> CircuitBreakerRow | None:
    return session.exec(_ROW, params={"portal": utility}).first()


def _is_under_way(session: Session, run_id: int | None) -> bool:
    run = session.get(RunRow, run_id) if run_id else None
    return run is not None and RunState(run.state) in HELD
