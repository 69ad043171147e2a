"""What a night came to: frozen records, and the JSON that they are kept as."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

PAIRED = " + "
"""Between the names of quirks that happen together."""


@dataclass(frozen=True, slots=True)
class VisitResult:
    """One visit for a customer, which may take two runs; ``seconds`` by step, as the runs measured.

    ``session`` is how the last run signed in.
    """

    meant: str
    outcome: str
    message: str
    seconds: Mapping[str, float]
    evidence: str = ""
    session: str = ""

    @property
    def took(self) -> float:
        """Seconds of all its steps."""
        return round(sum(self.seconds.values()), 3)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a customer. ``differences`` are from what they are for, a sentence each.

    ``way`` is on what they filled in their form, "" if they were entered. ``quirks`` is what happens to them.
    """

    portal: str
    username: str
    purpose: str
    visits: Sequence[VisitResult]
    differences: Sequence[str]
    way: str = ""
    quirks: str = ""

    @property
    def key(self) -> str:
        """The customer by portal and user name, and by the way of a form; or what happens to them."""
        if self.quirks:
            return f"{self.portal}: {self.quirks}"
        return f"{self.portal}/{self.username}" + (f" on {self.way}" if self.way else "")

    @property
    def is_well(self) -> bool:
        """Whether the customer is as meant."""
        return not self.differences

    @property
    def outcomes(self) -> Sequence[str]:
        """How each visit ended."""
        return [visit.outcome for visit in self.visits]

    @property
    def took(self) -> float:
        """Seconds of all visits."""
        return round(sum(visit.took for visit in self.visits), 3)


@dataclass(frozen=True, slots=True)
class PortalNight:
    """A portal of the matrix; ``violations`` are its own, of its visitors."""

    id: str
    name: str
    violations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NightlyRun:
    """All of it. ``seconds`` is how long it took from start to end. ``forms`` may have been left out."""

    at: datetime
    seconds: float
    portals: Sequence[PortalNight]
    results: Sequence[Result]
    forms: Sequence[Result] = ()
    quirks: Sequence[Result] = ()

    @property
    def is_well(self) -> bool:
        """Whether every customer, form and portal is as meant."""
        return not self.failed and not any(portal.violations for portal in self.portals)

    @property
    def every(self) -> Sequence[Result]:
        """Customers, those to whom quirks happen, and forms."""
        return [*self.results, *self.quirks, *self.forms]

    @property
    def failed(self) -> Sequence[Result]:
        """Those that are not as meant."""
        return [result for result in self.every if not result.is_well]


@dataclass(frozen=True, slots=True)
class Cell:
    """A customer's part of a night, as it is remembered."""

    outcomes: Sequence[str]
    is_well: bool
    took: float


@dataclass(frozen=True, slots=True)
class Remembered:
    """A night that was, in short: enough for comparing later ones."""

    at: datetime
    seconds: float
    is_well: bool
    cells: Mapping[str, Cell] = field(default_factory=dict)
    forms: Mapping[str, Cell] = field(default_factory=dict)
    quirks: Mapping[str, Cell] = field(default_factory=dict)

    def cell(self, key: str) -> Cell | None:
        """What became of this customer or form."""
        return self.cells.get(key) or self.quirks.get(key) or self.forms.get(key)


def remembered(night: NightlyRun) -> Remembered:
    """What is kept of it for the nights that follow."""
    parts = (_cells(part) for part in (night.results, night.forms, night.quirks))
    return Remembered(night.at, night.seconds, night.is_well, *parts)


def _cells(results: Sequence[Result]) -> Mapping[str, Cell]:
    return {result.key: Cell(tuple(result.outcomes), result.is_well, result.took) for result in results}


def as_json(night: Remembered) -> dict[str, Any]:
    """As the history file holds it."""
    return {**asdict(night), "at": night.at.isoformat()}


def from_json(kept: Mapping[str, Any]) -> Remembered:
    """Raises KeyError, TypeError or ValueError if it is none."""
    cells, forms, quirks = (
        {
            str(key): Cell(tuple(map(str, cell["outcomes"])), bool(cell["is_well"]), _seconds(cell["took"]))
            for key, cell in part.items()
        }
        for part in (kept["cells"], kept.get("forms", {}), kept.get("quirks", {}))
    )
    at, seconds = datetime.fromisoformat(kept["at"]), _seconds(kept["seconds"])
    return Remembered(at, seconds, bool(kept["is_well"]), cells, forms, quirks)


def _seconds(kept: Any) -> float:
    """Python's reader of JSON takes NaN and Infinity, with which nothing can be compared."""
    seconds = float(kept)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{seconds} seconds")
    return seconds
