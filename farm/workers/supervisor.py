"""Processes of a farm on this machine, and a private Redis: started, watched and stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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


class Processes:
    """So many processes of a zygote, each restarted when it ends by itself.

    They outlive no one: each stops when the pipe from this process closes. ``environment`` gives what the
    process of a number, counted from 0, has beside ours; ``name`` is theirs in the log.
    """

    def __init__(
        self,
        zygote: Zygote,
        name: str,
        count: int,
        arguments: Sequence[str],
        environment: Callable[[int], Mapping[str, str]],
    ) -> None:
        self._zygote = zygote
        self._name = name
        self._count = count
        self._arguments = arguments
        self._theirs = environment
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
            self._log.warning(f"{self._name}.ended", pid=worker.pid, status=status)
            await asyncio.sleep(_AGAIN)

    def _environment(self, number: int) -> Mapping[str, str]:
        return {**os.environ, "PYTHONPATH": python_path(), **self._theirs(number)}

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


class Workers(Processes):
    """Worker processes of the same queues; each serves its metrics, and its health, a port further."""

    def __init__(
        self,
        zygote: Zygote,
        redis_url: str,
        count: int,
        queue: str | None,
        metrics: str = "",
        health: str = "",
    ) -> None:
        def environment(number: int) -> Mapping[str, str]:
            served = {METRICS: metrics_of(metrics, number), HEALTH: health_of(health, number)}
            return {"REDIS_URL": redis_url, **served}

        super().__init__(zygote, "worker", count, ["--queue", queue] if queue else [], environment)


async def _keep(redis: PrivateRedis) -> None:
    """The one that is shared ends with the command that started it; then this one takes over."""
    while True:
        await asyncio.sleep(_LOOK)
        await asyncio.to_thread(redis.ensure)
