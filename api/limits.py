"""How many requests a key may send: a bucket of tokens for each key, in this process.

Several processes count apart, so a farm with four of them lets through up to four times as much.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
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
    """The buckets of all keys; ``clock`` is in seconds."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def take(self, key_id: int) -> dict[str, str]:
        """Count a request of the key; the headers that have what is left.

        Raises:
            ApiError: the key has sent too many.
        """
        burst, per_second = self._rate.burst, self._rate.per_second
        if not burst:
            return {}
        at = self._clock()
        left, since = self._buckets.pop(key_id, (float(burst), at))
        left = min(burst, left + (at - since) * per_second)
        is_over = left < 1
        left -= 0 if is_over else 1
        self._buckets[key_id] = (left, at)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        headers = {
            "RateLimit-Limit": str(burst),
            "RateLimit-Remaining": str(int(left)),
            "RateLimit-Reset": str(math.ceil((burst - left) / per_second)),
        }
        if is_over:
            seconds = str(math.ceil((1 - left) / per_second))
            raise ApiError(
                "too_many_requests", headers | {"Retry-After": seconds}, rate=str(self._rate), seconds=seconds
            )
        return headers
