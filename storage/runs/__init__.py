"""What the queue hands out: claims on runs, what their end leads to, and how they stand."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from meterfarm.records import Challenge, ChallengeState, LedgerItem, Outcome, Part, RunKind, RunState
from meterfarm.storage.customers import Customer

ACTIVE = (RunState.QUEUED.value, RunState.RUNNING.value, RunState.WAITING.value)
HELD = (RunState.RUNNING.value, RunState.WAITING.value)
NEW_CREDENTIALS = "new credentials"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for a run, until it lapses or another takes the run with a higher ``fence``."""

    run_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that was taken. ``faults`` counts the portal's faults that the customer met in a row.

    ``asked``: a person asked for it, and so for the password to be sent once more if it is in doubt.
    """

    lease: Lease
    customer: Customer
    kind: RunKind
    parts: frozenset[Part]
    attempt: int
    faults: int
    asked: bool = False


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run that is still held; ``cancelled`` if it is to stop."""

    lease: Lease
    cancelled: bool


QUEUES = {RunKind.CONNECT: "interactive", RunKind.COLLECT: "data"}
"""By what name workers serve runs of a kind."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process, by the name that runs have of it, and the queues it serves."""

    process: str
    queues: Sequence[str]
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class RunNotification:
    """A queued run of which workers are to be notified."""

    run_id: int
    attempt: int
    kind: RunKind


class PortalHealth(StrEnum):
    """How the portal did in a run, for its circuit breaker; ``unseen`` if it was not asked."""

    HEALTHY = "healthy"
    AT_FAULT = "at fault"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What a run's end leads to, written with it.

    ``must_reauthenticate`` is why the customer has to come back, "" if they need not; ``is_back`` that they
    are. ``next_kind`` is queued, for ``next_at``. ``due`` sets when the parts are next refreshed. ``ready``
    are the parts of which everything the portal listed was gone through. ``portal_rests`` is for how many
    seconds the portal asked to be left alone.
    """

    next_kind: RunKind | None = None
    next_at: datetime | None = None
    next_why: str = ""
    next_parts: frozenset[Part] = frozenset(Part)
    must_reauthenticate: str = ""
    is_back: bool = False
    due: Mapping[Part, datetime] = field(default_factory=dict)
    ready: frozenset[Part] = frozenset()
    portal: PortalHealth = PortalHealth.UNSEEN
    portal_rests: float = 0.0


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as it stands. ``listed``, ``stored`` and ``unread`` count its ledger, ``seconds`` are by step."""

    id: int
    customer_id: int
    external_id: str | None
    utility: str
    username: str
    kind: RunKind
    state: RunState
    parts: str
    why: str
    attempt: int
    worker: str
    outcome: Outcome | None
    message: str
    session: str
    pages: int
    evidence: str
    seconds: Mapping[str, float]
    requested_at: datetime
    not_before: datetime
    started_at: datetime | None
    ended_at: datetime | None
    listed: int
    stored: int
    unread: int


@dataclass(frozen=True, slots=True)
class RunStep:
    """A step in the life of a run, such as queued, taken, asked or ended."""

    at: datetime
    step: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChallengeInfo:
    """A challenge as it stands. ``channel`` is what answers by itself and how that goes, "" if nothing."""

    id: int
    run_id: int
    customer_id: int
    utility: str
    username: str
    state: ChallengeState
    challenge: Challenge
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    channel: str = ""


@dataclass(frozen=True, slots=True)
class RunStory:
    """All that is known of a run."""

    run: RunInfo
    steps: Sequence[RunStep]
    challenges: Sequence[ChallengeInfo]
    ledger: Sequence[LedgerItem]


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Queued runs of a kind: ``ready`` could begin now, the oldest of them since ``oldest_seconds``."""

    ready: int = 0
    later: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """``held`` counts runs by utility, kind and state (running, waiting). ``resting`` are the portals with
    an open circuit breaker. ``late_seconds`` is since when the longest due customer of a utility is due,
    ``pending_exports`` how many exports its portal is still making, ``unread_bills`` how many bills no layout
    has read. Both name utilities that have any.
    """

    queues: Mapping[RunKind, QueueFigures]
    held: Mapping[tuple[str, RunKind, RunState], int]
    resting: frozenset[str]
    late_seconds: Mapping[tuple[str, Part], float]
    pending_exports: Mapping[str, int] = field(default_factory=dict)
    unread_bills: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How the farm's latest runs at a utility went, by who had to act at their end.

    ``succeeded``: nobody; ``failed``: the portal, or we. ``median_seconds`` is how long those took that
    succeeded, from taking up to end, None of none. ``failing_since`` is when the first failed run after
    ``last_success`` ended.
    """

    succeeded: int = 0
    failed: int = 0
    last_success: datetime | None = None
    failing_since: datetime | None = None
    median_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class OutcomesOfUtility:
    """How many runs at a utility ended how, from the day ``since`` (of UTC) on."""

    since: date
    counts: Mapping[Outcome, int]


@dataclass(frozen=True, slots=True)
class TroubleNotice:
    """What is announced of a utility; ``id`` 0: by its circuit breaker, which has been open since
    ``begins_at``. ``ends_at`` None: nobody knows."""

    id: int
    utility: str
    text: str
    begins_at: datetime
    ends_at: datetime | None
    posted_by: str = ""

    def is_current(self, at: datetime) -> bool:
        """Whether it has begun."""
        return self.begins_at <= at


REFRESH_JITTER = 0.1
AT_ONCE = 1000
"""How many customers a transaction queues."""


def next_time(at: datetime, every: timedelta) -> datetime:
    """When to come again, a little sooner or later, so that customers who began together spread out."""
    return at + every * random.uniform(1 - REFRESH_JITTER, 1 + REFRESH_JITTER)  # noqa: S311 - spreads load, guards nothing
