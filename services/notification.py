"""Workers notified at once of what they would find in the database soon. Nothing is lost if it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from meterfarm.farm.redis.private import NoRedis, redis_in_use
from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store

_SECONDS = 5.0

if TYPE_CHECKING:
    from meterfarm.farm.redis.notifier import Notifier


class WorkerNotification:
    """Notifies the workers of a farm through its Redis: that of the settings, else the private one.

    Each method gives the reason, in a sentence, why no worker could be notified; "" if they were, or if no
    Redis seems to run.
    """

    def __init__(self, store: Store, settings: Settings, farm: FarmSettings) -> None:
        self._store = store
        self._home = settings.home
        self._given_url = farm.redis_url.get_secret_value()

    async def of_queued_runs(self) -> str:
        """Of all runs that are queued. They are marked as notified only once Redis is known to listen."""

        async def notify(notifier: Notifier) -> None:
            while rings := await asyncio.to_thread(self._store.runs.to_notify):
                await notifier.notify(rings)

        return await self._notify(notify)

    async def of_answer(self, challenge_id: int) -> str:
        """The worker that waits with the challenge."""
        return await self._notify(lambda notifier: notifier.announce_answer(challenge_id))

    async def of_cancellation(self, run_id: int) -> str:
        """The worker that holds the run."""
        return await self._notify(lambda notifier: notifier.announce_cancel(run_id))

    async def _notify(self, notify: Callable[[Notifier], Awaitable[None]]) -> str:
        url = redis_in_use(self._home, self._given_url)
        if not url:
            return ""
        from redis.exceptions import RedisError  # slow to import, and often no Redis is there

        from meterfarm.farm.redis.address import parse_redis_url
        from meterfarm.farm.redis.notifier import notifier_at
        from meterfarm.farm.redis.refusals import explained

        farm = await asyncio.to_thread(self._store.workforce.key)
        try:
            address = parse_redis_url(url)
            async with asyncio.timeout(_SECONDS), notifier_at(url, farm) as notifier:
                await notify(notifier)
        except (RedisError, OSError) as exc:
            return f"Redis at {address.where} {explained(exc)}."
        except NoRedis as exc:
            return str(exc)
        return ""
