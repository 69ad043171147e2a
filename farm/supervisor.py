"""Several worker processes and, without ``REDIS_URL``, a private Redis: started, watched and stopped."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from farm.metrics import METRICS, metrics_of
from farm.private_redis import PrivateRedis
from farm.settings import FarmSettings

_LOOK = 1.0
_STOP_SECONDS = 10.0
_AGAIN = 2.0
_ROOT = Path(__file__).parents[1]


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


class Workers:
    """So many worker processes of the same queues, each started anew when it ends by itself.

    Each serves its metrics a port further than the one before. They outlive no one: each stops when the pipe
    from this process closes.
    """

    def __init__(self, redis_url: str, count: int, queue: str | None, metrics: str = "") -> None:
        self._redis_url = redis_url
        self._metrics = metrics
        self._count = count
        self._queue = queue
        self._running: set[asyncio.subprocess.Process] = set()
        self._log: Any = structlog.get_logger("supervisor")

    @property
    def pids(self) -> Sequence[int]:
        return [process.pid for process in self._running]

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
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    process = await self._start(theirs, number)
                self._running.add(process)
                try:
                    status = await process.wait()
                finally:
                    if process.returncode is not None:
                        self._running.discard(process)
            self._log.warning("worker ended", pid=process.pid, status=status)
            await asyncio.sleep(_AGAIN)

    async def _start(self, theirs: socket.socket, number: int) -> asyncio.subprocess.Process:
        queue = ["--queue", self._queue] if self._queue else []
        path = os.environ.get("PYTHONPATH", "")
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "worker",
            *queue,
            "--parent-fd",
            str(theirs.fileno()),
            env={
                **os.environ,
                "REDIS_URL": self._redis_url,
                METRICS: metrics_of(self._metrics, number),
                "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), path))),
            },
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )

    async def _stop(self) -> None:
        for process in self._running:
            process.terminate()
        if self._running:
            waits = [asyncio.create_task(process.wait()) for process in self._running]
            await asyncio.wait(waits, timeout=_STOP_SECONDS)
        for process in self._running:
            if process.returncode is None:
                process.kill()


async def _keep(redis: PrivateRedis) -> None:
    """The one that is shared ends with the command that started it; then this one takes over."""
    while True:
        await asyncio.sleep(_LOOK)
        await asyncio.to_thread(redis.ensure)
