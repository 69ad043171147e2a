"""The limits of a portal as ``farm.redis.limits_script`` keeps them, with the time given from outside.

A test drives both with the same requests and compares.
"""

from __future__ import annotations

import math
from collections import deque

from meterfarm.farm.redis.limits import in_a_window


class Gate:
    """Places and tokens of one portal. ``waiting`` are those who wait, first come, first served.

    It also counts what the portal gets to see: ``most_at_once``, and ``most_in_a_window`` of requests sent.
    """

    __slots__ = (
        "_back",
        "_recent",
        "at_once",
        "flying",
        "most_at_once",
        "most_in_a_window",
        "per_window",
        "sent",
        "waiting",
        "window",
        "woken_at",
    )

    def __init__(self, at_once: int, per_second: float) -> None:
        self.at_once = at_once
        self.per_window, self.window = in_a_window(per_second)
        self.flying = 0
        self.sent = 0
        self.waiting: deque[int] = deque()
        self.woken_at = math.inf
        self._back: deque[float] = deque()
        self._recent: deque[float] = deque()
        self.most_at_once = self.most_in_a_window = 0

    def free_at(self, now: float) -> float:
        """When a request may be sent if nothing is given back until then; infinity if something must be."""
        back = self._back
        while back and back[0] <= now:
            back.popleft()
        if self.flying >= self.at_once:
            return math.inf
        if self.flying + len(back) < self.per_window:
            return now
        return back[0] if back else math.inf

    def send(self, now: float) -> None:
        """Count a request that is sent now."""
        self.flying += 1
        self.sent += 1
        recent, before = self._recent, now - self.window
        recent.append(now)
        while recent[0] <= before:
            recent.popleft()
        if self.flying > self.most_at_once:
            self.most_at_once = self.flying
        if len(recent) > self.most_in_a_window:
            self.most_in_a_window = len(recent)

    def answered(self, now: float) -> None:
        """The place is free at once, the token a window later."""
        self.flying -= 1
        self._back.append(now + self.window)

    def look_anew(self) -> None:
        """Restart the count of what the portal gets to see."""
        self.sent = self.most_at_once = self.most_in_a_window = 0
