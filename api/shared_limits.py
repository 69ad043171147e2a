"""Limits held over all processes of the API: what they count is put together in the farm's Redis.

No request waits for it. What somebody sends to several processes within a twentieth of a second may be let
through by each, and is owed afterwards. Without Redis each process counts for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from redis.exceptions import RedisError

from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.farm.redis.private import NoRedis, redis_in_use
from meterfarm.farm.redis.refusals import explained
from meterfarm.farm.redis.token_buckets import TokenBuckets
from meterfarm.farm.redis.token_counts import TokenCounts
from meterfarm.storage import StorageError
from meterfarm.storage.store import Store

_PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 2.0
_AGAIN_SECONDS = 5.0
_log: Any = structlog.get_logger("api")


class SharedLimits:
    """Shares what this process takes of ``buckets``, which are by name, for as long as it ``run``s.

    ``redis_url`` "" stands for the private Redis of this state, if one runs.
    """

    def __init__(self, store: Store, redis_url: str, buckets: Mapping[str, TokenBuckets]) -> None:
        self._store = store
        self._given_url = redis_url
        self._buckets = buckets
        self._used = asyncio.Event()
        for each in buckets.values():
            each.used = self._used
        self._is_away = False

    async def run(self) -> None:
        """Until cancelled. Redis may be away, or come later."""
        while True:
            await self._used.wait()
            try:
                await self._share()
            except (RedisError, OSError) as exc:
                self._went_away(explained(exc))
            except (NoRedis, StorageError) as exc:
                self._went_away(str(exc))
            self._used.clear()
            for each in self._buckets.values():
                each.unshared()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _share(self) -> None:
        """Until Redis is away; at once if there is none."""
        url = redis_in_use(self._store.home, self._given_url)
        if not url:
            return
        farm = await asyncio.to_thread(self._store.workforce.key)
        async with parse_redis_url(url).connect() as redis:
            shared = [
                (each, TokenCounts(redis, farm, name, each.burst, each.per_second))
                for name, each in self._buckets.items()
            ]
            while True:
                await self._used.wait()
                self._used.clear()
                async with asyncio.timeout(_ANSWER_SECONDS):
                    for buckets, counts in shared:
                        if taken := buckets.unshared():
                            buckets.correct(await counts.count(taken))
                if self._is_away:
                    self._is_away = False
                    _log.info("redis.back")
                await asyncio.sleep(_PAUSE_SECONDS)

    def _went_away(self, reason: str) -> None:
        if not self._is_away:
            _log.warning("redis.away", reason=reason)
        self._is_away = True
