"""Several worker processes and, without ``REDIS_URL``, a private Redis: started, watched and stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.telemetry.health import HEALTH, health_of
from meterfarm.farm.telemetry.metrics import METRICS, metrics_of
from meterfarm.farm.workers.zygote import Child, Zygote
from meterfarm.support.environment import python_path

_LOOK = 1.0
_STOP_SECONDS = 10.0
_AGAIN = 2.0


@asynccontextmanager
async def redis_at_hand(settings: FarmSettings, home: Path) -> AsyncIterator[str]:
    """The address of Redis; without ``REDIS_URL`` a private one runs meanwhile. Raises NoRedis."""
    given = settings.redis_url.get_secret_value()
    if given:
        yield given
        return
    redis = PrivateRedis(home)
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, redis)
        watching = asyncio.create_task(_keep(redis))
        try:
            yield redis.url
        finally:
            watching.cancel()


def workers_zygote() -> Zygote:
    """What the processes of ``Workers`` are forked from; to be entered before anything else runs."""
    return Zygote("meterfarm.worker")


class Workers:
    """So many worker processes of the same queues, each restarted when it ends by itself.

    Each serves its metrics, and its health, a port further than the one before. They outlive no one: each
    stops when the pipe from this process closes.
    """

    def __init__(
        self,
        zygote: Zygote,
        redis_url: str,
        count: int,
        queue: str | None,
        metrics: str = "",
        health: str = "",
    ) -> None:
        self._zygote = zygote
        self._redis_url = redis_url
        self._metrics = metrics
        self._health = health
        self._count = count
        self._arguments = ["--queue", queue] if queue else []
        self._running: set[Child] = set()
        self._log: Any = structlog.get_logger("supervisor")

    async def run(self) -> None:
        """Keep them running until cancelled, then stop them within ten seconds."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._count):
                    group.create_task(self._keep_one(number))
        finally:
            await asyncio.shield(asyncio.create_task(self._stop()))

    async def _keep_one(self, number: int) -> None:
        while True:
            worker = await self._zygote.start(self._arguments, self._environment(number))
            self._running.add(worker)
            status = await worker.ended()
            self._running.discard(worker)
            worker.close()
            self._log.warning("worker.ended", pid=worker.pid, status=status)
            await asyncio.sleep(_AGAIN)

    def _environment(self, number: int) -> Mapping[str, str]:
        return {
            **os.environ,
            "REDIS_URL": self._redis_url,
            METRICS: metrics_of(self._metrics, number),
            HEALTH: health_of(self._health, number),
            "PYTHONPATH": python_path(),
        }

    async def _stop(self) -> None:
        for worker in self._running:
            worker.stop()
        if self._running:
            ends = {asyncio.create_task(worker.ended()): worker for worker in self._running}
            _, late = await asyncio.wait(ends, timeout=_STOP_SECONDS)
            for end in late:
                ends[end].kill()
                end.cancel()
        for worker in self._running:
            worker.close()


async def _keep(redis: PrivateRedis) -> None:
    """The one that is shared ends with the command that started it; then this one takes over."""
    while True:
        await asyncio.sleep(_LOOK)
        await asyncio.to_thread(redis.ensure)
