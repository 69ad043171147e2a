"""How many requests a key may send, and what its owner is answered about that."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from meterfarm.api.errors import ApiError
from meterfarm.farm.redis.token_buckets import TokenBuckets


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``burst`` requests at once, and ``per_second`` over time. No burst is no limit."""

    burst: int
    per_second: float

    def __str__(self) -> str:
        return f"{self.burst} requests at once and {self.per_second:g} a second"


class KeyLimits:
    """All keys' ``buckets``; ``clock`` is in seconds."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.buckets = TokenBuckets(rate.burst, rate.per_second, clock)

    def take(self, key_id: int) -> dict[str, str]:
        """Count a request of the key; the headers that have what is left.

        Raises:
            ApiError: the key has sent too many.
        """
        burst, per_second = self.rate.burst, self.rate.per_second
        if not burst:
            return {}
        wait, left = self.buckets.take(key_id), self.buckets.left(key_id)
        headers = {
            "RateLimit-Limit": str(burst),
            "RateLimit-Remaining": str(max(0, int(left))),
            "RateLimit-Reset": str(math.ceil((burst - left) / per_second)),
        }
        if wait:
            refused = headers | {"Retry-After": str(wait)}
            raise ApiError("too_many_requests", refused, rate=str(self.rate), seconds=str(wait))
        return headers
