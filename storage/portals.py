"""A circuit breaker for each portal, as it is kept: a row that is there once the portal was at fault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from meterfarm.records import RunState
from meterfarm.storage.breaker import Breaker, admitted, may_queue, noted
from meterfarm.storage.database import insert_if_absent, now
from meterfarm.storage.queue import HELD
from meterfarm.storage.repository import FarmRepository, reading
from meterfarm.storage.tables import PortalRow, RunRow
from meterfarm.storage.work import PortalWas

_ROW = select(PortalRow).where(PortalRow.utility == bindparam("portal")).with_for_update()


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
    session: Session, utility: str, login_id: int, run_id: int, was: PortalWas, at: datetime, rests: float
) -> None:
    """Take down how the portal did in a run that has ended; ``rests`` is its own Retry-After in seconds."""
    if was is PortalWas.AT_FAULT:
        insert_if_absent(session, PortalRow, {"utility": utility, "faults": [], "openings": 0})
    row = _row(session, utility) if was is not PortalWas.UNSEEN else None
    if row is not None:
        _keep(row, noted(_breaker(row), login_id, run_id, was, at, rests))


def room(session: Session, utility: str, room: int, at: datetime) -> int:
    """How many of ``room`` runs there may be now."""
    row = session.exec(select(PortalRow).where(PortalRow.utility == utility)).first()
    return may_queue(_breaker(row), room, at) if row is not None else room


def resting(session: Session, at: datetime) -> dict[str, datetime]:
    """The portals that are left alone, and until when."""
    query = select(PortalRow).where(col(PortalRow.open_until) > at)
    return {row.utility: row.open_until for row in session.exec(query) if row.open_until}


class Breakers(FarmRepository):
    """As ``Store.breakers``: the circuit breakers of all portals."""

    @reading
    def open(self, session: Session) -> Mapping[str, datetime]:
        """The portals that are left alone, by utility, and until when."""
        return resting(session, now(session))


def _breaker(row: PortalRow) -> Breaker:
    return Breaker(tuple(row.faults), row.openings, row.open_until, row.probe_run_id)


def _keep(row: PortalRow, breaker: Breaker) -> None:
    """Write what changed, if anything did."""
    if breaker == _breaker(row):
        return
    row.faults, row.openings = list(breaker.faults), breaker.openings
    row.open_until, row.probe_run_id = breaker.open_until, breaker.probe


def _row(session: Session, utility: str) -> PortalRow | None:
    return session.exec(_ROW, params={"portal": utility}).first()


def _is_under_way(session: Session, run_id: int | None) -> bool:
    run = session.get(RunRow, run_id) if run_id else None
    return run is not None and RunState(run.state) in HELD
