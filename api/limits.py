"""How many requests a key may send: a bucket of tokens for each key.

A process decides at once, by its own buckets; ``api.shared_limits`` corrects them by what others counted.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from meterfarm.api.errors import ApiError

_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``burst`` requests at once, and ``per_second`` over time. No burst is no limit."""

    burst: int
    per_second: float

    def __str__(self) -> str:
        return f"{self.burst} requests at once and {self.per_second:g} a second"


class KeyLimits:
    """All keys' buckets; ``clock`` is in seconds. ``used`` is set by each request that is let through."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.used = asyncio.Event()
        self._clock = clock
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()
        self._unshared: dict[int, int] = {}

    def take(self, key_id: int) -> dict[str, str]:
        """Count a request of the key; the headers that have what is left.

        Raises:
            ApiError: the key has sent too many.
        """
        burst, per_second = self.rate.burst, self.rate.per_second
        if not burst:
            return {}
        at = self._clock()
        left, since = self._buckets.get(key_id, (float(burst), at))
        left = min(burst, left + (at - since) * per_second)
        is_over = left < 1
        if not is_over:
            left -= 1
            self._unshared[key_id] = self._unshared.get(key_id, 0) + 1
            self.used.set()
        self._keep(key_id, left, at)
        headers = {
            "RateLimit-Limit": str(burst),
            "RateLimit-Remaining": str(max(0, int(left))),
            "RateLimit-Reset": str(math.ceil((burst - left) / per_second)),
        }
        if is_over:
            seconds = str(math.ceil((1 - left) / per_second))
            raise ApiError(
                "too_many_requests", headers | {"Retry-After": seconds}, rate=str(self.rate), seconds=seconds
            )
        return headers

    def unshared(self) -> Mapping[int, int]:
        """How many requests of each key were let through since this was last asked."""
        self.used.clear()
        unshared, self._unshared = self._unshared, {}
        return unshared

    def correct(self, left: Mapping[int, float]) -> None:
        """Go on from what keys have ``left``, counted with all that ``unshared`` has given."""
        at = self._clock()
        for key_id, shared in left.items():
            self._keep(key_id, shared - self._unshared.get(key_id, 0), at)

    def _keep(self, key_id: int, left: float, at: float) -> None:
        self._buckets[key_id] = (left, at)
        self._buckets.move_to_end(key_id)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
