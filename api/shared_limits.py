"""Keys' limits held over all processes of the API: their counts are put together in the farm's Redis.

No request waits for it. What a key sends to several processes within a twentieth of a second may be let
through by each, and is owed afterwards. Without Redis each process counts for itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from redis.exceptions import RedisError

from meterfarm.api.context import ApiContext
from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.farm.redis.key_counts import KeyCounts
from meterfarm.farm.redis.private import NoRedis, redis_in_use
from meterfarm.farm.redis.refusals import explained
from meterfarm.storage import StorageError

_PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 2.0
_AGAIN_SECONDS = 5.0
_log: Any = structlog.get_logger("api")


class SharedLimits:
    """Shares the counts of this process for as long as it ``run``s."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._limits = context.limits
        self._is_away = False

    async def run(self) -> None:
        """Until cancelled. Redis may be away, or come later."""
        while True:
            await self._limits.used.wait()
            try:
                await self._share()
            except (RedisError, OSError) as exc:
                self._went_away(explained(exc))
            except (NoRedis, StorageError) as exc:
                self._went_away(str(exc))
            self._limits.unshared()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _share(self) -> None:
        """Until Redis is away; at once if there is none."""
        context, rate = self._context, self._limits.rate
        url = redis_in_use(context.store.home, context.settings.redis_url.get_secret_value())
        if not url:
            return
        farm = await asyncio.to_thread(context.store.workforce.key)
        async with parse_redis_url(url).connect() as redis:
            counts = KeyCounts(redis, farm, rate.burst, rate.per_second)
            while True:
                await self._limits.used.wait()
                async with asyncio.timeout(_ANSWER_SECONDS):
                    self._limits.correct(await counts.count(self._limits.unshared()))
                if self._is_away:
                    self._is_away = False
                    _log.info("redis.back")
                await asyncio.sleep(_PAUSE_SECONDS)

    def _went_away(self, reason: str) -> None:
        if not self._is_away:
            _log.warning("redis.away", reason=reason)
        self._is_away = True
