"""Telling workers at once what they would find in the database soon. Nothing is lost if it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from meterfarm.console.here import Here
from meterfarm.console.workforce import nobody_takes
from meterfarm.farm.redis.private import NoRedis, redis_url
from meterfarm.storage.store import Store

_SECONDS = 5.0

if TYPE_CHECKING:
    from meterfarm.farm.redis.notifier import Bell


async def ring(here: Here, store: Store) -> str:
    """Tell workers of queued runs. They are taken down as told only once Redis is known to listen.

    Why nobody takes them is handed back, "" if somebody does.
    """

    async def say(bell: Bell) -> None:
        while rings := await asyncio.to_thread(store.runs_to_ring):
            await bell.ring(rings)

    fault = await _tell(here, store, say)
    if fault and here.farm.redis_url.get_secret_value():
        return f"{fault} No worker takes runs until then."
    return await asyncio.to_thread(nobody_takes, here, store)


async def tell_of_answer(here: Here, store: Store, challenge_id: int) -> None:
    """Tell the worker that waits with the challenge."""
    await _tell(here, store, lambda bell: bell.answer(challenge_id))


async def tell_of_cancellation(here: Here, store: Store, run_id: int) -> None:
    """Tell the worker that holds the run."""
    await _tell(here, store, lambda bell: bell.cancel(run_id))


async def _tell(here: Here, store: Store, say: Callable[[Bell], Awaitable[None]]) -> str:
    """Why nobody could be told, "" if they were, or if no Redis seems to run."""
    url = _likely_redis(here)
    if not url:
        return ""
    from redis.exceptions import RedisError  # slow to import, and often there is nobody to tell

    from meterfarm.farm.redis.address import parse_redis_url
    from meterfarm.farm.redis.notifier import bell_at
    from meterfarm.farm.redis.refusals import explained

    farm = await asyncio.to_thread(store.farm_key)
    try:
        address = parse_redis_url(url)
        async with asyncio.timeout(_SECONDS), bell_at(url, farm) as bell:
            await say(bell)
    except (RedisError, OSError) as exc:
        return f"Redis at {address.where} {explained(exc)}."
    except NoRedis as exc:
        return str(exc)
    return ""


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
