"""Telling workers at once what they would find in the database soon. Nothing is lost if it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from console.here import Here
from farm.private_redis import NoRedis, redis_url
from storage.store import Store

if TYPE_CHECKING:
    from farm.bell import Bell


async def ring(here: Here, store: Store) -> None:
    """Tell workers of queued runs. They are taken down as told only once Redis is known to listen."""

    async def say(bell: Bell) -> None:
        while rings := await asyncio.to_thread(store.runs_to_ring):
            await bell.ring(rings)

    await _tell(here, say)


async def tell_of_answer(here: Here, challenge_id: int) -> None:
    """Tell the worker that waits with the challenge."""
    await _tell(here, lambda bell: bell.answer(challenge_id))


async def tell_of_cancellation(here: Here, run_id: int) -> None:
    """Tell the worker that holds the run."""
    await _tell(here, lambda bell: bell.cancel(run_id))


async def _tell(here: Here, say: Callable[[Bell], Awaitable[None]]) -> None:
    url = _likely_redis(here)
    if not url:
        return
    from redis.exceptions import RedisError  # slow to import, and often there is nobody to tell

    from farm.bell import bell_at

    with suppress(RedisError, OSError):
        async with bell_at(url) as bell:
            await say(bell)


def _likely_redis(here: Here) -> str:
    """The address of Redis, "" if there is no ``REDIS_URL`` and no private one seems to run."""
    given = here.farm.redis_url.get_secret_value()
    if given:
        return given
    try:
        private = redis_url(here.settings.home)
    except NoRedis:
        return ""
    return private if Path(private.removeprefix("unix://")).exists() else ""
