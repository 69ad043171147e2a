"""What follows from a run's end: who acts next, and when; and how many are queued at once. Pure."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from meterfarm.records import Outcome, Part, RunKind, WhoActs
from meterfarm.scrapers.page.sending import InDoubt
from meterfarm.scrapers.runs.run_executor import RunResult
from meterfarm.scrapers.utility import Utility
from meterfarm.storage.runs import AT_ONCE, REFRESH_JITTER, Claim, FollowUp, PortalHealth, next_time

_FIRST_RETRY = timedelta(seconds=60)
_LONGEST_RETRY = timedelta(hours=6)
_JITTER = 0.2
_MENDED_SOONER = timedelta(hours=1)
SCHEDULED_EVERY = 2
"""Seconds from one look for customers who are due to the next."""
BY_SCHEDULE = ", when the next refresh is due"
"""How the reason of a retry ends that sends a password again to which no answer is known."""
_WITH_PASSWORD = timedelta(days=1)
_REQUESTS_AT_LEAST = 2
"""A refresh makes at least so many."""


def follow_up(
    claim: Claim,
    result: RunResult,
    at: datetime,
    every: Mapping[Part, timedelta],
    *,
    asks_somebody: bool = False,
) -> FollowUp:
    """What a run that ended with ``result`` leads to.

    ``every`` has the time between refreshes of each part that the utility offers. ``asks_somebody``: the
    portal is known to ask at this login for a code or an answer, so that no sign-in begins by itself later.
    """
    acts = result.outcome.who_acts
    portal = PortalHealth.HEALTHY if result.asked_portal else PortalHealth.UNSEEN
    if acts is WhoActs.CUSTOMER:
        return FollowUp(must_reauthenticate=f"{result.outcome}: {result.message}", portal=portal)
    if acts is WhoActs.PORTAL and result.in_doubt is not InDoubt.NO:
        return _after_doubt(claim, result, at, every)
    if acts is WhoActs.PORTAL:
        return FollowUp(
            next_kind=claim.kind,
            next_at=at + back_off(claim.faults, result.retry_after),
            next_why=f"retry after {result.outcome}",
            next_parts=claim.parts,
            portal=PortalHealth.AT_FAULT if result.asked_portal else PortalHealth.UNSEEN,
            portal_rests=float(result.retry_after or 0),
        )
    if claim.kind is RunKind.CONNECT:
        may_pass = result.asked_portal or result.outcome is Outcome.INTERNAL
        if acts is WhoActs.US and may_pass and not asks_somebody:
            return FollowUp(
                next_kind=RunKind.CONNECT,
                next_at=next_time(at, min(every.values())),
                next_why=f"retry after {result.outcome}",
                next_parts=claim.parts,
                portal=portal,
            )
        if result.outcome is not Outcome.COMPLETE:
            return FollowUp(portal=portal)
        return FollowUp(
            is_back=True,
            next_kind=RunKind.COLLECT,
            next_why="signed in",
            next_parts=frozenset(every),
            due=_next_times(at, every, frozenset(every)),
            portal=portal,
        )
    sooner = {part: min(period, _MENDED_SOONER) for part, period in every.items()}
    periods = sooner if result.outcome is Outcome.PARTIAL else every
    due = dict(_next_times(at, periods, claim.parts))
    if result.again_at is not None and Part.INTERVALS in due:
        again_at = max(result.again_at, at + _FIRST_RETRY)
        due[Part.INTERVALS] = min(due[Part.INTERVALS], again_at)
    return FollowUp(due=due, ready=result.finished, portal=portal)


def offered(every: Mapping[Part, timedelta], utility: Utility) -> Mapping[Part, timedelta]:
    """The times between refreshes, of the parts that the utility offers.

    Where each visit sends the password it is not more than once a day: portals count sign-ins.
    """
    least = timedelta() if utility.keeps_session else _WITH_PASSWORD
    return {part: max(period, least) for part, period in every.items() if part in utility.capabilities.parts}


def resend_after(every: Mapping[Part, timedelta]) -> timedelta:
    """How long a password that was sent without a known answer is kept back: till the next refresh is due."""
    return min(every.values()) * (1 - REFRESH_JITTER)


def _after_doubt(claim: Claim, result: RunResult, at: datetime, every: Mapping[Part, timedelta]) -> FollowUp:
    """A password may have reached the portal: no quick retry, but what is scheduled next."""
    sooner = at + timedelta(seconds=result.retry_after or 0)
    health = PortalHealth.HEALTHY if result.asked_portal else PortalHealth.UNSEEN
    portal = PortalHealth.AT_FAULT if result.in_doubt is InDoubt.SENT else health
    rests = float(result.retry_after or 0)
    if claim.kind is RunKind.CONNECT:
        return FollowUp(
            next_kind=RunKind.CONNECT,
            next_at=max(next_time(at, min(every.values())), sooner),
            next_why=f"retry after {result.outcome}{BY_SCHEDULE}",
            next_parts=claim.parts,
            portal=portal,
            portal_rests=rests,
        )
    due = {part: max(when, sooner) for part, when in _next_times(at, every, claim.parts).items()}
    return FollowUp(due=due, portal=portal, portal_rests=rests)


def capacity(at_once: int, per_second: float) -> int:
    """How many refreshes of a portal with this rate limit are queued or at work at once, at most.

    It is what keeps the portal busy until the scheduler looks again. More would take workers' places only
    to wait for this portal there, while others could be served.
    """
    in_between = math.ceil(per_second * SCHEDULED_EVERY / _REQUESTS_AT_LEAST)
    return min(2 * at_once + in_between, AT_ONCE)


def back_off(faults: int, retry_after: int | None) -> timedelta:
    """How long to leave a portal alone after ``faults`` before this one: doubling, and never too soon."""
    doubled = min(_FIRST_RETRY * 2 ** min(faults, 16), _LONGEST_RETRY)
    spread: timedelta = doubled * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, guards nothing
    return max(spread, timedelta(seconds=retry_after or 0))


def _next_times(
    at: datetime, every: Mapping[Part, timedelta], parts: frozenset[Part]
) -> Mapping[Part, datetime]:
    return {part: next_time(at, every[part]) for part in parts & every.keys()}


_VISITS = 20
_UNKNOWN = frozenset({Outcome.LAYOUT_CHANGED, Outcome.UNKNOWN_PAGE})


class TracePolicy:
    """Of one process: after such a page the next 20 visits with a browser keep every page in their trace."""

    def __init__(self) -> None:
        self._left: Counter[str] = Counter()

    def keeps_snapshots(self, utility: str) -> bool:
        """Whether a visit that begins now keeps every page."""
        return self._left[utility] > 0

    def record(self, utility: str, outcome: Outcome, pages: int) -> None:
        """How a run at that portal ended that opened so many browser pages."""
        if outcome in _UNKNOWN:
            self._left[utility] = _VISITS
        elif pages:
            self._left[utility] = max(0, self._left[utility] - 1)
