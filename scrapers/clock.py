"""A visit's time: what of it counts, and how a visit is ended from outside, whatever it waits for.

Requests that our own limits hold back make a page late by no fault of the portal, and a person may take
minutes to answer: neither counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.rate_limiter import Permit, RateLimiter

T = TypeVar("T")

_HELD_AT_MOST = 4
"""A run may take so many times its limit, when our own limits hold its requests back."""
_LONGEST_HELD_SECONDS = 600.0
"""So long may one wait be drawn out by it: a page may ask without end."""
_LOOK_SECONDS = 0.05
_LEAST_MS = 20.0


class _Stopwatch:
    """How long at least one of several things has gone on, in seconds."""

    def __init__(self) -> None:
        self._before = self._since = 0.0
        self._going_on = 0

    @property
    def seconds(self) -> float:
        return self._before + (time.monotonic() - self._since if self._going_on else 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        if not self._going_on:
            self._since = time.monotonic()
        self._going_on += 1
        try:
            yield
        finally:
            self._going_on -= 1
            if not self._going_on:
                self._before += time.monotonic() - self._since


@dataclass(slots=True, eq=False)
class _Scope:
    task: asyncio.Task[object]
    cancelled_before: int
    is_ended: bool = False


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a visit waits for a page and its browser, in seconds.

    ``navigation``: for whatever comes of an address or a press. ``action``: for a control. ``in_place``: so
    long a page that answered in place may take to show how, or to lead on. ``opening``: for a new page.
    ``aside``: for what is asked of a browser beside the portal's pages, which answers at once or not at all.
    Every ``heartbeat`` a page is asked for a sign of life; it hangs if none comes within ``unresponsive``.
    """

    navigation: float = 30.0
    action: float = 5.0
    in_place: float = 5.0
    opening: float = 30.0
    aside: float = 10.0
    heartbeat: float = 5.0
    unresponsive: float = 30.0


class VisitClock:
    """Of one visit. ``ended`` is why it was ended from outside, if it was."""

    def __init__(self, timeouts: Timeouts = Timeouts()) -> None:
        self.timeouts = timeouts
        self.ended: Stop | None = None
        self._held = _Stopwatch()
        self._asking = _Stopwatch()
        self._aside = _Stopwatch()
        self._scopes: list[_Scope] = []
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds on the portal's account: they stand still while our own limits hold a request back."""
        return time.monotonic() - self._held.seconds

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Meanwhile a request waits for our own limits."""
        with self._held.running(), self._aside.running():
            yield

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Meanwhile a person is waited for."""
        with self._asking.running(), self._aside.running():
            yield

    def start(self, seconds: float, late: Stop) -> None:
        """End the visit with ``late`` when it has taken so many seconds."""
        began = time.monotonic()

        def look() -> None:
            elapsed = time.monotonic() - began
            left = min(
                seconds - elapsed + self._aside.seconds,
                seconds * _HELD_AT_MOST - elapsed + self._asking.seconds,
            )
            if left <= 0:
                self.end(late)
            else:
                self._timer = asyncio.get_running_loop().call_later(max(left, _LOOK_SECONDS), look)

        look()

    def stop(self) -> None:
        """End nothing any more: the visit is over."""
        if self._timer is not None:
            self._timer.cancel()

    def end(self, why: Stop) -> None:
        """Break off whatever the visit waits for in a ``scope``; it raises ``why``."""
        if self.ended is not None:
            return
        self.ended = why
        innermost = {scope.task: scope for scope in self._scopes}
        for task, scope in innermost.items():
            scope.is_ended = True
            task.cancel()

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is awaited in the block ends with the visit.

        Raises:
            Stop: why it was ended.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a visit is made in a task")
        if self.ended is not None:
            raise self.ended
        scope = _Scope(task, task.cancelling())
        self._scopes.append(scope)
        try:
            yield
        except asyncio.CancelledError as exc:
            is_ours = scope.is_ended and task.uncancel() <= scope.cancelled_before
            if is_ours and self.ended is not None:
                raise self.ended from exc
            raise
        finally:
            self._scopes.remove(scope)

    async def patiently(self, wait: Callable[[float], Awaitable[T]], milliseconds: float) -> T:
        """``wait``, which takes a limit in milliseconds, again with what is left of the portal's own time.

        For what may be waited for twice. Raises Playwright's TimeoutError when none is left.
        """
        until, latest = self.now() + milliseconds / 1000, time.monotonic() + _LONGEST_HELD_SECONDS
        while True:
            try:
                return await wait(max((until - self.now()) * 1000, _LEAST_MS))
            except PlaywrightTimeout:
                if self.now() >= until or time.monotonic() >= latest:
                    raise


class TimedRateLimiter:
    """A limiter with the clock stopped while it waits: that time is not the portal's."""

    def __init__(self, limiter: RateLimiter, clock: VisitClock) -> None:
        self._limiter = limiter
        self._clock = clock

    @asynccontextmanager
    async def request(self, cost: int = 1, *, of_page: bool = False) -> AsyncIterator[Permit]:
        """See ``RateLimiter``."""
        async with AsyncExitStack() as place:
            with self._clock.holding():
                held = await place.enter_async_context(self._limiter.request(cost, of_page=of_page))
            yield held


_LAST_CHANCE_SECONDS = 1.0


async def watch_heartbeat(page: Page, clock: VisitClock, hangs: Callable[[], None]) -> None:
    """Ask the page for a sign of life every now and then, until it has gone; call ``hangs`` if it gives none.

    Time that requests wait for our own limits does not count: a script may wait for one of them.
    """
    while not page.is_closed():
        await asyncio.sleep(clock.timeouts.heartbeat)
        asking = asyncio.ensure_future(_asked(page))
        try:
            if not await _is_answered(asking, clock):
                hangs()
                return
        finally:
            asking.cancel()


async def _asked(page: Page) -> None:
    """An answer of any kind is a sign of life: also that it is just leaving for another page."""
    try:
        await page.evaluate("0")
    except PlaywrightError:
        return


async def _is_answered(asking: asyncio.Future[None], clock: VisitClock) -> bool:
    until = clock.now() + clock.timeouts.unresponsive
    while not asking.done() and (left := until - clock.now()) > 0:
        await asyncio.wait({asking}, timeout=left)
    if not asking.done():  # this process may have been stopped meanwhile, and the answer be there
        await asyncio.wait({asking}, timeout=_LAST_CHANCE_SECONDS)
    return asking.done()
