"""A command that one process of the farm starts each day, as a process of its own."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import structlog
from redis.exceptions import RedisError

from meterfarm.farm.redis.notifier import notifier_at
from meterfarm.farm.redis.refusals import explained
from meterfarm.farm.settings import local_zone

_DAY_SECONDS = 86_400
_CHECK_SECONDS = 60.0
"""The clock may be put forward or back while a process waits."""
_STOP_SECONDS = 10.0


def until(at: str, now: datetime) -> timedelta:
    """From ``now`` to the next such time of day, like 03:30, by the clock that ``now`` is of."""
    of_day = time.fromisoformat(at)
    today = now.replace(hour=of_day.hour, minute=of_day.minute, second=0, microsecond=0)
    then = today if today > now else today + timedelta(days=1)
    return then.astimezone(UTC) - now.astimezone(UTC)


class DailyCommand:
    """``command`` daily at the time ``at``, once in the farm whoever else waits for it; output to ``log``."""

    def __init__(self, name: str, command: Sequence[str], at: str, log: Path) -> None:
        self._name = name
        self._command = command
        self._at = at
        self._file = log
        self._log: Any = structlog.get_logger(name)

    async def run(
        self, redis_url: str, farm: str, now: Callable[[], datetime] = lambda: datetime.now(local_zone())
    ) -> None:
        """Wait and start it, day after day, until cancelled; a started one is then terminated."""
        while True:
            due = now().astimezone(UTC) + until(self._at, now())
            await _wait_until(due, now)
            try:
                async with notifier_at(redis_url, farm) as notifier:
                    is_ours = await notifier.claim(f"{self._name}:{due:%Y-%m-%dT%H:%M}", _DAY_SECONDS)
            except (RedisError, OSError) as exc:
                self._log.warning(f"{self._name}.skipped", reason=f"Redis {explained(exc)}")
                continue
            if not is_ours:
                continue
            try:
                await self.start()
            except OSError as exc:
                self._log.error(f"{self._name}.skipped", reason=exc.strerror or type(exc).__name__)

    async def start(self) -> None:
        """Run it once to its end, and log its exit status: a warning if it is not 0. Raises OSError."""
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as output:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._log.info(f"{self._name}.started", pid=process.pid)
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await _end(process)
            raise
        level = logging.WARNING if status else logging.INFO
        self._log.log(level, f"{self._name}.ended", status=status, output=str(self._file))


async def _wait_until(due: datetime, now: Callable[[], datetime]) -> None:
    left = (due - now()).total_seconds()
    while left > 0:
        await asyncio.sleep(min(left, _CHECK_SECONDS))
        left = (due - now()).total_seconds()


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
