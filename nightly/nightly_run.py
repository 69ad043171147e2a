"""What a night came to: frozen records, and the JSON that they are kept as."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from meterfarm.records import Outcome

PAIRED = " + "
"""Between the names of quirks that happen together."""
MISSING, UNSEEN = "not started", "not looked at"
"""What is remembered in an outcome's place: of a portal that was not there, and of a live one."""


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
        return key_of(self.portal, self.username, way=self.way, quirks=self.quirks)

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


def key_of(portal: str, username: str, *, way: str = "", quirks: str = "") -> str:
    """What no other result of a night is called."""
    if quirks:
        return f"{portal}: {quirks}"
    return f"{portal}/{username}" + (f" on {way}" if way else "")


@dataclass(frozen=True, slots=True)
class NightPart:
    """A night is one, or several if it was interrupted and taken up: from when, and how long."""

    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class PortalNight:
    """A portal of the matrix; ``violations`` are its own, of visitors, ``missing`` why it is not there."""

    id: str
    name: str
    violations: Sequence[str] = ()
    missing: str = ""

    @property
    def key(self) -> str:
        """Apart from those of its customers."""
        return f"{self.id} itself"

    @property
    def complaints(self) -> Sequence[str]:
        """What is wrong with it, whoever its customers are."""
        return [*filter(None, [self.missing]), *self.violations]


@dataclass(frozen=True, slots=True)
class LiveLook:
    """What a look at the sign-in page of a utility's live portal came to.

    ``outcome`` is ``complete`` if it is as the script declares, "" if it could not be looked at.
    """

    portal: str
    name: str
    address: str
    outcome: str
    message: str
    took: float
    evidence: str = ""

    @property
    def key(self) -> str:
        """Apart from those of customers."""
        return f"{self.portal} live"

    @property
    def is_as_declared(self) -> bool:
        """Whether all was found that the script signs in by."""
        return self.outcome == Outcome.COMPLETE

    @property
    def is_drift(self) -> bool:
        """Whether the page is another than the script declares."""
        return self.outcome in {Outcome.LAYOUT_CHANGED, Outcome.UNKNOWN_PAGE}

    @property
    def is_outage(self) -> bool:
        """Whether the portal does not answer, or is closed for a while."""
        return self.outcome in {Outcome.PORTAL_DOWN, Outcome.MAINTENANCE}


@dataclass(frozen=True, slots=True)
class NightlyRun:
    """All of it. ``seconds`` is how long its ``parts`` took. ``forms`` and ``quirks`` may have been left out;
    ``live`` has a look for each live portal."""

    at: datetime
    seconds: float
    portals: Sequence[PortalNight]
    results: Sequence[Result]
    forms: Sequence[Result] = ()
    quirks: Sequence[Result] = ()
    live: Sequence[LiveLook] = ()
    parts: Sequence[NightPart] = ()

    @property
    def is_well(self) -> bool:
        """Whether all is as meant, but for live portals that are out: nobody here can mend those."""
        return not (
            self.failed
            or any(portal.complaints for portal in self.portals)
            or any(not (look.is_as_declared or look.is_outage) for look in self.live)
        )

    @property
    def counts(self) -> Mapping[str, tuple[int, int]]:
        """How many are as meant, of how many, by part."""
        parts = {"customers": self.results, "with quirks": self.quirks, "forms": self.forms}
        found = {name: (sum(one.is_well for one in part), len(part)) for name, part in parts.items()}
        return {**found, "live portals": (sum(look.is_as_declared for look in self.live), len(self.live))}

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
    """A customer's part of a night, or a portal's, as it is remembered."""

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
    live: Mapping[str, Cell] = field(default_factory=dict)
    portals: Mapping[str, Cell] = field(default_factory=dict)

    def cell(self, key: str) -> Cell | None:
        """What became of this customer, form or portal."""
        parts = (self.cells, self.quirks, self.forms, self.live, self.portals)
        return next((part[key] for part in parts if key in part), None)


def remembered(night: NightlyRun) -> Remembered:
    """What is kept of it for the nights that follow."""
    cells, forms, quirks = (_cells(part) for part in (night.results, night.forms, night.quirks))
    live = {look.key: Cell((look.outcome or UNSEEN,), look.is_as_declared, look.took) for look in night.live}
    portals = {
        portal.key: Cell((_of_portal(portal),), not portal.complaints, 0.0) for portal in night.portals
    }
    return Remembered(night.at, night.seconds, night.is_well, cells, forms, quirks, live, portals)


def _of_portal(portal: PortalNight) -> str:
    return MISSING if portal.missing else "complains" if portal.complaints else "well"


def _cells(results: Sequence[Result]) -> Mapping[str, Cell]:
    return {result.key: Cell(tuple(result.outcomes), result.is_well, result.took) for result in results}


def as_json(night: Remembered) -> dict[str, Any]:
    """As the history file holds it."""
    return {**asdict(night), "at": night.at.isoformat()}


def from_json(kept: Mapping[str, Any]) -> Remembered:
    """Raises KeyError, TypeError or ValueError if it is none."""
    cells, forms, quirks, live, portals = (
        {
            str(key): Cell(tuple(map(str, cell["outcomes"])), bool(cell["is_well"]), seconds_of(cell["took"]))
            for key, cell in part.items()
        }
        for part in (kept["cells"], *(kept.get(name, {}) for name in ("forms", "quirks", "live", "portals")))
    )
    at, seconds = datetime.fromisoformat(kept["at"]), seconds_of(kept["seconds"])
    return Remembered(at, seconds, bool(kept["is_well"]), cells, forms, quirks, live, portals)


def seconds_of(kept: Any) -> float:
    """Python's reader of JSON takes NaN and Infinity, with which nothing can be compared."""
    seconds = float(kept)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{seconds} seconds")
    return seconds
