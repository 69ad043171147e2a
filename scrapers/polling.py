"""Waiting for what a portal makes in its own time: an export, a report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.outcomes import ExportPending, ItemFailed
from meterfarm.scrapers.script_calls import current_call

T = TypeVar("T")
_LEAST_SECONDS = 0.1


async def polled(
    clock: VisitClock,
    poll: Callable[[], Awaitable[T | None]],
    every: float,
    at_most: float,
    what: str,
    pending: str,
) -> T:
    """What ``poll`` gives once that is not None; asked now, then every so many seconds, never sooner.

    Time in which our own limits hold a request back does not count.

    Raises:
        ExportPending: not after ``at_most`` seconds, and ``pending`` is by what a later run asks for it.
        ItemFailed: not after ``at_most`` seconds.
    """
    call = current_call()
    if pending and call is not None and call.keep_pending is not None:
        await call.keep_pending(ExportPending(pending))
    until = clock.now() + at_most
    while (found := await poll()) is None:
        if clock.now() + every > until:
            if pending:
                raise ExportPending(pending)
            raise ItemFailed(f"{what} was not there after {at_most:.3g} seconds")
        await asyncio.sleep(max(every, _LEAST_SECONDS))
    return found
