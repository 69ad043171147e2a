"""When a delivery or a mail that failed is tried again: sooner at first, for three days. Pure."""

from __future__ import annotations

import random
from datetime import timedelta

from meterfarm.farm.webhooks.posting import Posted

_DELAYS = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600)
"""Seconds after the first, the second, ... attempt; the last ever after."""
_JITTER = 0.1
KEPT_FOR = timedelta(days=3)
_LONGEST_REST = timedelta(days=1)
_TOO_MANY = 429


def next_attempt(attempt: int, age: timedelta, retry_after: int | None = None) -> timedelta | None:
    """How long after the ``attempt``-th attempt the next one is made, ``age`` after it was first asked for;
    None if none is. No sooner than the receiver's Retry-After in seconds, which counts up to a day."""
    if age >= KEPT_FOR:
        return None
    planned = _DELAYS[min(attempt, len(_DELAYS)) - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, guards nothing
    asked = min(timedelta(seconds=retry_after or 0), _LONGEST_REST)
    return min(max(timedelta(seconds=planned), asked), KEPT_FOR - age)


def rest(posted: Posted) -> timedelta | None:
    """How long the endpoint as a whole is to be left alone: if it says that it gets too many requests."""
    if posted.result.status != _TOO_MANY or not posted.retry_after:
        return None
    return min(timedelta(seconds=posted.retry_after), _LONGEST_REST)
