"""Nights as a test states them, and a portal of which only some customers take part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from meterfarm.fake_utility.speculoos_power import PORTAL
from meterfarm.nightly.nightly_run import (
    Cell,
    LiveLook,
    NightlyRun,
    PortalNight,
    Remembered,
    Result,
    VisitResult,
)
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase

AT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def result(username: str, *outcomes: str, differences: Sequence[str] = (), took: float = 2.0) -> Result:
    visits = [
        VisitResult(outcome, outcome, f"It was {outcome}.", {"sign_in": took / 2, "collect": took / 2})
        for outcome in outcomes
    ]
    return Result("a_portal", username, f"what {username} is for", visits, differences)


def night(*results: Result, violations: Sequence[str] = ()) -> NightlyRun:
    return NightlyRun(AT, 61.5, [PortalNight("a_portal", "A NightlyPortal", violations)], results)


def look(portal: str, outcome: str, evidence: str = "") -> LiveLook:
    name, message = portal.replace("_", " ").title(), f"It was <b>{outcome}</b>."
    return LiveLook(portal, name, f"https://{portal}.example", outcome, message, 2.5, evidence)


def was(seconds: float = 2.0, **outcomes: str) -> Remembered:
    """An earlier night in which all was well; an outcome that begins with ! was not as meant."""
    cells = {
        f"a_portal/{name}": Cell((outcome.removeprefix("!"),), not outcome.startswith("!"), seconds)
        for name, outcome in outcomes.items()
    }
    return Remembered(AT, 60.0, all(cell.is_well for cell in cells.values()), cells)


class Few(NightlyPortal):
    """Some of the fake utility's customers, by user name; ``changed`` states other things of one."""

    def __init__(self, *usernames: str, changed: Callable[[CustomerCase], CustomerCase] = replace) -> None:
        super().__init__(PORTAL)
        self._usernames = usernames
        self._changed = changed

    def test_cases(self, number: int = 0) -> Sequence[CustomerCase]:
        every = super().test_cases(number)
        return [self._changed(one) for one in every if one.username in self._usernames]
