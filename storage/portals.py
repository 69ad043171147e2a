"""A circuit breaker for each portal: after faults in a row it is left alone, then one run tries."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from records import RunState
from storage.database import insert_if_absent
from storage.queue import HELD
from storage.tables import PortalRow, RunRow
from storage.work import PortalWas

FAULTS = 5
"""So many different logins must meet a fault, with none in between that does not."""
_FIRST_PAUSE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(hours=1)
_WHILE_PROBED = timedelta(seconds=2)


def closed_until(session: Session, utility: str, run_id: int, at: datetime) -> datetime | None:
    """Until when no run may go there; None if this one may, as the probe if the breaker was open."""
    row = _row(session, utility)
    if row is None or row.open_until is None:
        return None
    if row.open_until > at:
        return row.open_until
    if row.probe_run_id not in (None, run_id) and _is_under_way(session, row.probe_run_id):
        return at + _WHILE_PROBED
    row.probe_run_id = run_id
    return None


def note(
    session: Session, utility: str, login_id: int, run_id: int, was: PortalWas, at: datetime, rests: float
) -> None:
    """Take down how the portal did in a run that has ended; ``rests`` is its own Retry-After in seconds."""
    if was is PortalWas.WELL:
        _close(session, utility)
        return
    if was is PortalWas.UNSEEN:
        return
    insert_if_absent(session, PortalRow, {"utility": utility, "faults": [], "openings": 0})
    row = _row(session, utility)
    if row is None:
        return
    row.faults = [*(known for known in row.faults if known != login_id), login_id][-FAULTS:]
    if row.probe_run_id == run_id or (row.open_until is None and len(row.faults) >= FAULTS):
        pause = min(_FIRST_PAUSE * 2**row.openings, _LONGEST_PAUSE)
        row.openings += 1
        row.open_until = at + max(pause, timedelta(seconds=rests))
        row.probe_run_id = None


def resting(session: Session, at: datetime) -> dict[str, datetime]:
    """The portals that are left alone, and until when."""
    query = select(PortalRow).where(col(PortalRow.open_until) > at)
    return {row.utility: row.open_until for row in session.exec(query) if row.open_until}


def _close(session: Session, utility: str) -> None:
    row = _row(session, utility)
    if row is not None and (row.faults or row.open_until is not None):
        row.faults, row.openings, row.open_until, row.probe_run_id = [], 0, None, None


def _row(session: Session, utility: str) -> PortalRow | None:
    return session.exec(select(PortalRow).where(PortalRow.utility == utility).with_for_update()).first()


def _is_under_way(session: Session, run_id: int | None) -> bool:
    run = session.get(RunRow, run_id) if run_id else None
    return run is not None and RunState(run.state) in HELD
