"""How long the readings of a series are, and what counts where the same was told at several lengths.

An instant's energy may be in store twice: in a quarter of an hour and in the day. Each length has a series of
its own, and where they meet the finest counts: a coarser reading counts only where no finer one covers any of
its time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from operator import itemgetter

from meterfarm.formats.time_ranges import TimeRanges
from meterfarm.records import Reading
from meterfarm.storage.stretches import Stretch

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_USUAL = (
    *(1, 5, 10, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 20 * _MINUTE),
    *(30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 4 * _HOUR, 6 * _HOUR, 8 * _HOUR, 12 * _HOUR),
    *(_DAY, 7 * _DAY, 30 * _DAY, 60 * _DAY, 91 * _DAY, 365 * _DAY),
)
_BETWEEN = [sqrt(one * other) for one, other in pairwise(_USUAL)]


@lru_cache(4096)
def grain(seconds: int) -> int:
    """The usual length that is nearest: days of 23 hours are days, and months are of 30 days. 0 stays 0."""
    return _USUAL[bisect_left(_BETWEEN, seconds)] if seconds > 0 else 0


def by_grain(readings: Sequence[Reading]) -> Mapping[int, Sequence[Reading]]:
    """Readings that belong to one series, mostly all of them, in their order."""
    grains = {length: grain(length) for length in set(map(itemgetter(1), readings))}
    found = set(grains.values())
    if len(found) == 1:
        return {found.pop(): readings}
    return {one: [reading for reading in readings if grains[reading[1]] == one] for one in sorted(found)}


def finest(parts: Iterable[Sequence[Reading]]) -> Sequence[Reading]:
    """The readings that count, by start, of parts that come the finest first.

    Zeros in the time of a coarser reading that is none are no values yet: it counts instead of them.
    """
    kept: Sequence[Reading] = ()
    for part in parts:
        kept = _with(kept, part) if kept and part else kept or part
    return kept


def _with(finer: Sequence[Reading], coarser: Sequence[Reading]) -> Sequence[Reading]:
    all_of_it, values = _times(finer), _times(one for one in finer if one[2])
    more = [
        one
        for one in coarser
        if not all_of_it.touches(*_time(one)) or (one[2] and not values.touches(*_time(one)))
    ]
    if any(all_of_it.touches(*_time(one)) for one in more):
        instead = _times(more)
        finer = [one for one in finer if one[2] or not instead.touches(*_time(one))]
    return sorted([*finer, *more])


def _times(readings: Iterable[Reading]) -> TimeRanges:
    return TimeRanges(map(_time, readings))


def _time(reading: Reading) -> Stretch:
    return reading[0], reading[0] + reading[1]
