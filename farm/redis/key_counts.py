"""How many requests the API's keys may still send, counted in Redis for all processes of a farm."""

from __future__ import annotations

from collections.abc import Mapping

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


class KeyCounts:
    """A bucket of tokens for each key: ``burst`` at most, ``per_second`` more each second.

    What processes let through before they knew of each other is owed, so that over time the rate holds.
    """

    def __init__(self, redis: Redis, farm: str, burst: int, per_second: float) -> None:
        self._script = redis.register_script(_LUA)
        self._prefix = f"meterfarm:{farm}:api:"
        self._rate = (burst, per_second)

    async def count(self, taken: Mapping[int, int]) -> Mapping[int, float]:
        """Take so many tokens of each key; how many it has left, fewer than none if more came than may.

        Raises RedisError or OSError while Redis is away.
        """
        keys = [f"{self._prefix}{key_id}" for key_id in taken]
        left = await self._script(keys=keys, args=[*self._rate, *taken.values()])
        return dict(zip(taken, map(float, left), strict=True))
