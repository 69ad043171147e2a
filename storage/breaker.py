"""The rules of a portal's circuit breaker, apart from where its state is kept. Pure.

After faults in a row the portal is left alone for a while, then one run tries before the others follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meterfarm.storage.work import PortalWas

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

    ``is_probed`` tells whether the probe, if there is one, is under way.
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
    breaker: Breaker, login_id: int, run_id: int, was: PortalWas, at: datetime, rests: float
) -> Breaker:
    """The breaker after a run has ended; ``rests`` is the portal's own Retry-After in seconds."""
    if was is PortalWas.WELL:
        return CLOSED
    if was is PortalWas.UNSEEN:
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
