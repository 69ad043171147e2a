"""How long readings usually are: what days of 23 hours, and months, have in common."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from itertools import pairwise
from math import sqrt

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_USUAL = (
    *(1, 5, 10, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 20 * _MINUTE),
    *(30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 4 * _HOUR, 6 * _HOUR, 8 * _HOUR, 12 * _HOUR),
    *(_DAY, 7 * _DAY, 30 * _DAY, 60 * _DAY, 91 * _DAY, 365 * _DAY),
)
_BETWEEN = [sqrt(shorter * other) for shorter, other in pairwise(_USUAL)]


@lru_cache(4096)
def resolution(seconds: int) -> int:
    """The usual length that is nearest: days of 23 hours are days, and months are of 30 days. 0 stays 0."""
    return _USUAL[bisect_left(_BETWEEN, seconds)] if seconds > 0 else 0
