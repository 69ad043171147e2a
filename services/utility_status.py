"""How each utility does here: what was declared, what was measured, what goes on, what is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from meterfarm.records import Outcome, WhoActs
from meterfarm.services.troubles import troubles
from meterfarm.services.utilities import UtilityInfo, UtilityStatus, list_utilities
from meterfarm.storage.customers import UtilityWish
from meterfarm.storage.runs import OutcomesOfUtility, TroubleNotice
from meterfarm.storage.store import Store
from meterfarm.utilities.catalogue import as_key

_MOST_WISHES = 50


@dataclass(frozen=True, slots=True)
class UtilityStanding:
    """A utility with a script. ``half`` and ``most``: in how many seconds half of the sign-ins that were
    ``measured``, and 19 of 20, had their data; None of none. ``resting``: until when it is left alone."""

    info: UtilityInfo
    measured: int
    half: float | None
    most: float | None
    outcomes: OutcomesOfUtility | None
    resting: datetime | None
    troubles: Sequence[TroubleNotice]

    @property
    def by_actor(self) -> Mapping[WhoActs, int]:
        """How many runs ended so that nobody, the customer, the portal or we have to act."""
        counts = dict.fromkeys(WhoActs, 0)
        for outcome, count in (self.outcomes.counts if self.outcomes else {}).items():
            counts[outcome.who_acts] += count
        return counts

    @property
    def by_outcome(self) -> Sequence[tuple[Outcome, int]]:
        """The most frequent first."""
        counts = self.outcomes.counts if self.outcomes else {}
        return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


@dataclass(frozen=True, slots=True)
class CountedWish:
    """A utility that ``customers`` asked for, as it was last spelt."""

    name: str
    customers: int
    last: datetime


def utility_standings(farm: Store, *, live: bool) -> Sequence[UtilityStanding]:
    """All utilities with a script, those with trouble first, then by name; ``live``: without fake ones."""
    outcomes, seconds, resting = farm.runs.outcomes(), farm.runs.seconds_to_data(), farm.breakers.open()
    notices: dict[str, list[TroubleNotice]] = {}
    for notice in troubles(farm):
        notices.setdefault(notice.utility, []).append(notice)
    found = []
    for info in list_utilities(farm, live=live):
        if info.status is UtilityStatus.NOT_SUPPORTED:
            continue
        code = info.entry.id
        took = seconds.get(code, [])
        found.append(
            UtilityStanding(
                info,
                len(took),
                median(took) if took else None,
                took[math.ceil(0.95 * len(took)) - 1] if took else None,
                outcomes.get(code),
                resting.get(code),
                notices.get(code, []),
            )
        )
    return sorted(found, key=lambda each: (not each.troubles and each.resting is None, each.info.entry.name))


def counted_wishes(wishes: Iterable[UtilityWish]) -> Sequence[CountedWish]:
    """``wishes``, newest first, by name however it is spelt; what most customers asked for first."""
    names: dict[str, UtilityWish] = {}
    customers: dict[str, set[int]] = {}
    for wish in wishes:
        key = as_key(wish.name) or wish.name
        names.setdefault(key, wish)
        customers.setdefault(key, set()).add(wish.customer_id)
    counted = [CountedWish(wish.name, len(customers[key]), wish.at) for key, wish in names.items()]
    return sorted(counted, key=lambda each: (-each.customers, each.name))[:_MOST_WISHES]
