"""What a phase of a simulation came to."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class SimulationTally:
    """What is counted while a phase lasts. ``late`` are seconds from a refresh's being due to its end."""

    phase: str
    began: float
    late: array[float] = field(default_factory=lambda: array("f"))
    ended_at: array[float] = field(default_factory=lambda: array("d"))
    failed: int = 0
    claims: int = 0
    most_claims_a_second: int = 0
    overdue: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds."""

    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class PortalPeaks:
    """What portals saw: the busiest one's requests at once, within a window, and a second on average."""

    most_at_once: int
    most_in_a_window: int
    a_second: float
    a_second_of_the_busiest: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase in figures. ``overdue`` are customers with a refresh due and not begun, ``queued`` the rows
    of the queue, both at most; ``busy`` the share of workers' places in use, on average.
    """

    phase: str
    hours: float
    refreshes: int
    failed: int
    late: Lateness
    overdue: int
    queued: int
    busy: float
    claims_a_second: float
    most_claims_a_second: int
    seen: PortalPeaks


def lateness(late: Sequence[float]) -> Lateness:
    """Nearest-rank percentiles."""
    if not late:
        return Lateness(0, 0, 0, 0)
    ordered = sorted(late)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    return Lateness(at(0.5), at(0.95), at(0.99), round(ordered[-1], 1))


def in_time_again(tally: SimulationTally, limit: float, step: float = 60.0) -> float | None:
    """Seconds into the phase from which on, minute by minute, the 99th percentile stays within ``limit``."""
    minutes: dict[int, list[float]] = {}
    for at, late in zip(tally.ended_at, tally.late, strict=True):
        minutes.setdefault(int((at - tally.began) // step), []).append(late)
    since = None
    for minute in sorted(minutes):
        if lateness(minutes[minute]).p99 > limit:
            since = None
        elif since is None:
            since = minute * step
    return since
