"""How much the farm asks of a portal: so many requests at once, so many within a second, from all processes.

The portal never sees more, whatever lies between: a request takes a token before it is sent, which comes back
a second after its answer has come. So all requests that reach the portal within a second hold their tokens at
one instant, and Redis counts tokens. What a process held that is known to be dead comes back. What a silent
one holds, on a machine that may be cut off, stays held for as long as it may still arrive.

The library ``limits`` does not do: it counts when a request is granted, not until its answer has come, bounds
none that are open at once, and knows neither that a process has died nor that Redis has lost its data.
"""

from __future__ import annotations

import asyncio
import math
import random
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from meterfarm.farm.redis.limits_script import DEFAULT_TIMES, Exchange, LimitTimes, PermitKey
from meterfarm.farm.redis.refusals import explained
from meterfarm.scrapers.portal import Portal
from meterfarm.scrapers.rate_limiter import Permit, RateLimiterUnavailable
from meterfarm.support.processes import is_dead, this_process
from meterfarm.support.tasks import detached_task

_RETRY_SECONDS = 0.25
_JITTER_SECONDS = 0.005
_TOGETHER_SECONDS = 0.01
_OF = "@"
_STOPPING = "The worker is stopping; no request goes out any more."


def in_a_window(per_second: float) -> tuple[int, float]:
    """So many requests within so many seconds: whole ones, however few there may be in a second."""
    return max(1, math.floor(per_second)), 1.0 if per_second >= 1 else 1 / per_second


class RateLimitsUnavailable(RateLimiterUnavailable):
    """Redis, which counts the requests, has been away for too long."""


@dataclass(slots=True, eq=False)
class _Request:
    """A request that waits or is under way; ``granted`` is done when it may go.

    ``may_be_granted``: Redis was asked for it, and nobody knows what it answered.
    """

    limits: PortalRateLimiter
    id: str
    cost: int
    since: float
    of_page: bool = False
    may_be_granted: bool = False
    granted: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    is_unanswered: bool = False

    @property
    def place(self) -> PermitKey:
        return self.id, self.cost

    def extra(self) -> None:
        self.cost += 1
        self.limits.renew()


class PortalRateLimiter:
    """One portal's ``scrapers.rate_limiter.RateLimiter``. A process's requests go first come, first served:
    those of pages, then those for data.

    One task speaks to Redis for all requests of the process, a call at a time, with whatever there is to say.
    """

    def __init__(
        self,
        redis: Redis,
        farm: str,
        portal_id: str,
        process: str,
        at_once: int,
        per_second: float,
        times: LimitTimes = DEFAULT_TIMES,
    ) -> None:
        self._times = times
        self._capacity, window = in_a_window(per_second)
        name = f"{farm}:{portal_id}"
        self._exchange = Exchange(redis, name, process, at_once, self._capacity, window, times)
        self._process = process
        self._at_once = at_once
        self._waiting: deque[_Request] = deque()
        self._flying: dict[str, _Request] = {}
        self._given_back: list[_Request] = []
        self._dead: list[str] = []
        self._count = 0
        self._memory: bytes | str = ""
        self._ask_at = self._renew_at = self._give_back_at = 0.0
        self._away_since: float | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._log: Any = structlog.get_logger("limits").bind(utility=portal_id)

    @asynccontextmanager
    async def request(self, cost: int = 1, *, of_page: bool = False) -> AsyncIterator[Permit]:
        """See ``RateLimiter``.

        Raises:
            RateLimitsUnavailable: Redis has been away for a minute.
        """
        if self._closed:
            raise RateLimitsUnavailable(_STOPPING)
        if self._task is None:
            self._task = detached_task(self._exchange_forever())
            self._task.add_done_callback(self._ended)
        self._count += 1
        id = f"{self._process}{_OF}{self._count}"
        request = _Request(self, id, min(cost, self._capacity), _now(), of_page)
        await self._granted(request)
        try:
            yield request
        except BaseException:
            request.is_unanswered = True
            raise
        finally:
            self._give_back(request)

    async def _granted(self, request: _Request) -> None:
        self._line_up(request)
        self._wake.set()
        try:
            await request.granted
        except asyncio.CancelledError:
            if not request.granted.cancelled():
                self._give_back(request)
            raise

    def _line_up(self, request: _Request) -> None:
        """Behind all, or one of a page behind those of pages, and behind what Redis may have granted."""
        place = len(self._waiting)
        if request.of_page:
            before = (each.of_page or each.may_be_granted for each in self._waiting)
            place = next((at for at, goes_first in enumerate(before) if not goes_first), place)
        self._waiting.insert(place, request)

    def _give_back(self, request: _Request) -> None:
        """At once if somebody waits, else in a moment: the next request will likely go in the same call."""
        self._flying.pop(request.id, None)
        if self._waiting:
            self._give_back_at = 0.0
        elif not self._given_back:
            self._give_back_at = _now() + _TOGETHER_SECONDS
        self._given_back.append(request)
        self._wake.set()

    def renew(self) -> None:
        """Tell Redis at once what is under way."""
        self._renew_at = 0.0
        self._wake.set()

    async def close(self) -> None:
        """Give back what has ended. What has not, lapses.

        The task also ends by itself: a client may swallow a cancellation as it closes a connection.
        """
        self._closed = True
        self._wake.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._given_back and self._away_since is None:
            await self._exchange_once()

    async def _exchange_forever(self) -> None:
        while not self._closed:
            await self._until_due()
            await self._exchange_once()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for a task that has ended, by a fault of ours."""
        self._closed = True
        while self._waiting:
            self._refuse(self._waiting.popleft(), _STOPPING)
        if not task.cancelled():
            self._log.error("limiter.failed", exc_info=task.exception())

    async def _until_due(self) -> None:
        while not self._closed and (due := self._due()) > _now():
            self._wake.clear()
            timer = None if due == math.inf else asyncio.get_running_loop().call_at(due, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    def _due(self) -> float:
        while self._waiting and self._waiting[0].granted.done():
            self._waiting.popleft()
        if self._away_since is not None:
            return self._ask_at if self._waiting or self._given_back or self._flying else math.inf
        give_back = self._give_back_at if self._given_back else math.inf
        ask = self._ask_at if self._waiting else math.inf
        renew = self._renew_at if self._flying else math.inf
        return min(give_back, ask, renew)

    async def _exchange_once(self) -> None:
        """One call: give back, renew if it is time, ask for those who wait, and report the dead."""
        if self._away_since is not None:
            self._keep_what_may_be_on_its_way()
        given_back = [request.place for request in self._given_back]
        dead = list(self._dead)
        renews = _now() >= self._renew_at
        renewed = [request.place for request in self._flying.values()] if renews else []
        self._waiting = deque(request for request in self._waiting if not request.granted.done())
        asked = list(islice(self._waiting, self._at_once))
        wanted = [request.place for request in asked]
        for request in asked:
            request.may_be_granted = True
        if renews:
            self._renew_at = _now() + self._times.renew
        try:
            async with asyncio.timeout(self._times.answer):
                reply = await self._exchange(self._memory, given_back, renewed, wanted, dead)
        except (RedisError, OSError) as exc:
            self._is_away(exc)
            return
        del self._given_back[: len(given_back)]
        self._dead = [id for id in reply.silent if is_dead(_holder(id))]
        if self._away_since is not None:
            self._away_since = None
            self._log.info("redis.back")
        if self._memory not in {"", reply.memory}:
            self._renew_at = 0.0
        self._memory = reply.memory
        self._ask_at = 0.0
        if reply.wait_seconds:
            jitter = random.uniform(0, _JITTER_SECONDS)  # noqa: S311 - spreads load, guards nothing
            self._ask_at = _now() + reply.wait_seconds + jitter
        for request in asked:
            request.may_be_granted = False
        for request in asked[: reply.granted]:
            self._waiting.remove(request)
            self._let_go(request)

    def _keep_what_may_be_on_its_way(self) -> None:
        """If this machine is cut off, a request without answer may reach the portal once it is not."""
        self._given_back = [request for request in self._given_back if not request.is_unanswered]

    def _let_go(self, request: _Request) -> None:
        if request.granted.done():
            self._given_back.append(request)
            return
        self._flying[request.id] = request
        request.granted.set_result(None)

    def _is_away(self, exc: Exception) -> None:
        """Try again soon; a call may be made twice."""
        now = _now()
        if self._away_since is None:
            self._away_since = now
            self._log.warning("redis.away", reason=explained(exc))
        self._renew_at = 0.0
        self._ask_at = now + _RETRY_SECONDS
        away = self._times.away
        for request in self._waiting:
            if now - max(request.since, self._away_since) >= away:
                self._refuse(
                    request,
                    f"Redis, which counts the requests to portals, could not be used for {away:.0f} "
                    f"seconds: it {explained(exc)}.",
                )

    def _refuse(self, request: _Request, why: str) -> None:
        if not request.granted.done():
            request.granted.set_exception(RateLimitsUnavailable(why))


class RateLimits:
    """The limits of all portals, for one process: an async context manager around all that asks for them.

    A call to ``redis`` has ``LimitTimes.answer``, whatever limit of its own that has.

    They are those of one ``farm``; another one on the same Redis has its own.
    """

    def __init__(self, redis: Redis, farm: str, times: LimitTimes = DEFAULT_TIMES) -> None:
        self._redis = redis
        self._times = times
        self._farm = farm
        self._process = f"{secrets.token_hex(6)}{_OF}{this_process()}"
        self._portals: dict[str, PortalRateLimiter] = {}

    async def __aenter__(self) -> RateLimits:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(limits.close() for limits in self._portals.values()))

    def of(self, portal: Portal) -> PortalRateLimiter:
        """The limiter at which ``portal`` is asked, by its own declarations."""
        return self.named(portal.id, portal.max_concurrency, portal.max_rate)

    def named(self, portal_id: str, at_once: int, per_second: float) -> PortalRateLimiter:
        """The limiter of a portal; the numbers count when it is first asked for."""
        if portal_id not in self._portals:
            self._portals[portal_id] = PortalRateLimiter(
                self._redis, self._farm, portal_id, self._process, at_once, per_second, self._times
            )
        return self._portals[portal_id]


def _holder(request_id: str) -> str:
    return request_id.partition(_OF)[2].rpartition(_OF)[0]


def _now() -> float:
    return asyncio.get_running_loop().time()
