"""What is simulated, and what it needs: figures that were measured or that the farm is set to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from meterfarm.records import Part

CUSTOMERS_A_PORTAL = 9_000
"""Refreshed hourly, with bills daily, at 4 requests at once and 20 a second."""
CUSTOMERS_A_WORKER = 3_000
"""Likewise, with three places for refreshes in a worker process."""


class Down(StrEnum):
    """What has the outage: all portals, or the farm itself."""

    PORTALS = "portals"
    FARM = "farm"


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """``own_seconds`` is how long a process is at work for one refresh, as it was first measured
    (docs/scale.md); a process does one such thing at a time. ``latency`` is how long a portal takes to answer
    a request, ``requests`` how many a refresh makes, one after the other. ``find_out`` is how long a visit
    takes to find a portal down. ``*_hours`` are how long each phase lasts.
    """

    customers: int
    portals: int
    workers: int
    slots: int = 3
    at_once: int = 4
    per_second: float = 20
    own_seconds: float = 0.15
    latency: float = 0.2
    requests: int = 5
    find_out: float = 5.0
    intervals_every: float = 3_600
    bills_every: float = 86_400
    before_hours: float = 1.0
    outage_hours: float = 2.0
    after_hours: float = 2.0
    down: Down = Down.PORTALS
    seed: int = 1

    @property
    def every(self) -> Mapping[Part, timedelta]:
        """How often each part is refreshed."""
        return {
            Part.BILLS: timedelta(seconds=self.bills_every),
            Part.INTERVALS: timedelta(seconds=self.intervals_every),
        }


def portals_for(customers: int) -> int:
    """How many portals, alike and at their default limits, so many customers need."""
    return max(1, math.ceil(customers / CUSTOMERS_A_PORTAL))


def workers_for(customers: int) -> int:
    """How many worker processes so many customers need."""
    return max(1, math.ceil(customers / CUSTOMERS_A_WORKER))
