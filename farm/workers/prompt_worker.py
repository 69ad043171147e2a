"""arq's worker, but one that polls for jobs when it is notified, and else twice a second."""

from __future__ import annotations

import asyncio
from typing import Any

from arq.worker import Worker
from redis.exceptions import RedisError


class PromptWorker(Worker):
    """``look`` is set when there is a new job; the worker sets it when it has capacity for another."""

    def __init__(self, *, look: asyncio.Event, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._looking = asyncio.Lock()

    async def main(self) -> None:
        """Poll for jobs until cancelled. Raises RedisError or OSError when Redis goes away."""
        prompted = asyncio.create_task(self._poll_when_notified())
        try:
            await super().main()
        finally:
            prompted.cancel()
            if self._pool is not None:
                await self._pool.aclose()

    async def _poll_when_notified(self) -> None:
        while True:
            await self._look.wait()
            self._look.clear()
            if self._pool is not None:
                try:
                    await self._poll_iteration()
                except (RedisError, OSError):
                    return  # the next regular look will end in it, too

    async def _poll_iteration(self) -> None:
        async with self._looking:
            await super()._poll_iteration()

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._look.set()
