"""Tokens that all processes of a farm take from the same buckets, counted in Redis."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping

from redis.asyncio import Redis

_LUA = """
local burst, per_second = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local answer = {}
for n, key in ipairs(KEYS) do
  local left, at = unpack(redis.call('HMGET', key, 'left', 'at'))
  left = left and math.min(burst, left + math.max(0, now - at) * per_second) or burst
  left = math.max(left - ARGV[2 + n], -burst)
  redis.call('HSET', key, 'left', string.format('%.6f', left), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, math.ceil((burst - left) / per_second * 1000) + 1000)
  answer[n] = string.format('%.6f', left)
end
return answer
"""


class TokenCounts:
    """A bucket of tokens for each key: ``burst`` at most, ``per_second`` more each second.

    What processes let through before they knew of each other is owed, so that over time the rate holds. Of
    a key, which may be somebody's name or address, Redis gets a hash. ``name`` keeps buckets of other things
    apart.
    """

    def __init__(self, redis: Redis, farm: str, name: str, burst: int, per_second: float) -> None:
        self._script = redis.register_script(_LUA)
        self._prefix = f"meterfarm:{farm}:{name}:"
        self._salt = farm.encode()[:64]
        self._rate = (burst, per_second)

    async def count(self, taken: Mapping[Hashable, int]) -> Mapping[Hashable, float]:
        """Take so many tokens of each key; how many it has left, fewer than none if more came than may.

        Raises RedisError or OSError while Redis is away.
        """
        keys = [f"{self._prefix}{self._hashed(key)}" for key in taken]
        left = await self._script(keys=keys, args=[*self._rate, *taken.values()])
        return dict(zip(taken, map(float, left), strict=True))

    def _hashed(self, key: Hashable) -> str:
        return hashlib.blake2b(repr(key).encode(), key=self._salt, digest_size=12).hexdigest()
