"""How often somebody may do something: a bucket of tokens for each key, in this process.

A process decides at once, by its own buckets; ``api.shared_limits`` corrects them by what others counted.
They are one event loop's to use.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

_MOST_KEYS = 20_000


class TokenBuckets:
    """At most ``burst`` tokens at once for a key, and ``per_second`` more over time; ``clock`` is in seconds.

    ``used`` is set by each token that is taken.
    """

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst = burst
        self.per_second = per_second
        self.used = asyncio.Event()
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._unshared: dict[Hashable, int] = {}

    def take(self, key: Hashable) -> int:
        """Take a token: 0, or how many seconds to wait because there is none."""
        left = self.left(key)
        if left < 1:
            return math.ceil(round((1 - left) / self.per_second, 3))
        self._keep(key, left - 1)
        self._unshared[key] = self._unshared.get(key, 0) + 1
        self.used.set()
        return 0

    def left(self, key: Hashable) -> float:
        """How many tokens there are; fewer than none, if others took too many meanwhile."""
        at = self._clock()
        left, since = self._buckets.get(key, (float(self.burst), at))
        return min(self.burst, left + (at - since) * self.per_second)

    def unshared(self) -> Mapping[Hashable, int]:
        """How many tokens of each key were taken since this was last asked."""
        unshared, self._unshared = self._unshared, {}
        return unshared

    def correct(self, left: Mapping[Hashable, float]) -> None:
        """Go on from what keys have ``left``, counted with all that ``unshared`` has given."""
        for key, shared in left.items():
            self._keep(key, shared - self._unshared.get(key, 0))

    def _keep(self, key: Hashable, left: float) -> None:
        self._buckets[key] = (left, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
