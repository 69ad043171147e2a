"""How often somebody may try: a bucket of tries for each customer or address, in this process.

Several processes count apart, so a farm with four of them lets through up to four times as much.
"""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_MOST_KEYS = 20_000
_HOUR = 3600.0


class Tries:
    """At most ``burst`` tries at once, and ``hourly`` more in an hour; ``clock`` is in seconds."""

    def __init__(self, burst: int, hourly: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_second = hourly / _HOUR
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, who: Hashable) -> int:
        """Count a try: 0, or how many seconds to wait because there were too many."""
        at = self._clock()
        left, since = self._buckets.pop(who, (float(self._burst), at))
        left = min(self._burst, left + (at - since) * self._per_second)
        is_over = left < 1
        left -= 0 if is_over else 1
        self._buckets[who] = (left, at)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return math.ceil(round((1 - left) / self._per_second, 3)) if is_over else 0


class FollowedForms:
    """Open forms that are followed: so many of a customer, and of all, at once."""

    def __init__(self, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._open: Counter[Hashable] = Counter()

    @contextmanager
    def one(self, who: Hashable) -> Iterator[bool]:
        """Whether there is room for one more, which lasts as long as the block."""
        has_room = self._open[who] < self._each and self._open.total() < self._most
        self._open[who] += has_room
        try:
            yield has_room
        finally:
            self._open[who] -= has_room
            self._open += Counter()  # without those of nobody


@dataclass(frozen=True, slots=True)
class FormLimits:
    """Of the onboarding forms of a process.

    By customer: ``logins`` that are given, ``answers``, and ``uploads`` with other things that are kept.
    ``usernames``: logins of one user name at a utility, by whomever. By address: ``submitters`` of logins,
    ``strangers`` who come with a token that is none, forms that are ``begun`` with an e-mail address.
    """

    logins: Tries = field(default_factory=lambda: Tries(10, 10))
    answers: Tries = field(default_factory=lambda: Tries(30, 60))
    usernames: Tries = field(default_factory=lambda: Tries(10, 10))
    submitters: Tries = field(default_factory=lambda: Tries(200, 600))
    uploads: Tries = field(default_factory=lambda: Tries(20, 30))
    strangers: Tries = field(default_factory=lambda: Tries(60, 600))
    begun: Tries = field(default_factory=lambda: Tries(200, 600))
    streams: FollowedForms = field(default_factory=lambda: FollowedForms(4, 200))
