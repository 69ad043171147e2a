"""What the store hands out: frozen records, beside those of ``records``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from pydantic import SecretStr

from meterfarm.records import (
    Account,
    Bill,
    Commodity,
    CustomerState,
    Direction,
    Document,
    EventKind,
    ListedBill,
    Measure,
    Outcome,
    RunKind,
    SecretKind,
    Unit,
)


@dataclass(frozen=True, slots=True)
class Customer:
    """A login at a utility held for a company; ``username`` as it was last given."""

    id: int
    company_id: int
    login_id: int
    utility: str
    username: str

    @classmethod
    def of(cls, row: Any) -> Customer:
        """The customer of a row of ``customer``, or of one that has those columns and its login's utility."""
        return cls(row.id, row.company_id, row.login_id, row.utility, row.username)


@dataclass(frozen=True, slots=True)
class Company:
    """Whose customers these are: a company is the tenant within whose scope everything is read and done."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class EndedRun:
    """How a run ended."""

    id: int
    kind: RunKind
    outcome: Outcome
    message: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerInfo:
    """How a customer stands. ``secrets`` are the kinds that are stored.

    ``accounts``, ``bills`` and ``readings`` count what is stored, None in a list of many.
    """

    id: int
    external_id: str | None
    utility: str
    username: str
    state: CustomerState
    reason: str
    since: datetime
    secrets: frozenset[SecretKind]
    session_saved_at: datetime | None
    trusted_since: datetime | None
    last_run: EndedRun | None
    bills_due_at: datetime | None
    intervals_due_at: datetime | None
    accounts: int | None = None
    bills: int | None = None
    readings: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the outbox; ``payload`` has its name and its object."""

    id: int
    customer_id: int
    run_id: int | None
    kind: EventKind
    key: str
    payload: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Rejection:
    """How and when the portal refused a password."""

    outcome: Outcome
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """A password that was sent ``sends`` times, the latest ``at``, without an answer that is known.

    No run sends it again by itself before ``again_at``.
    """

    sends: int
    at: datetime
    again_at: datetime


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A portal session as it was saved; ``version`` counts the saves."""

    state: bytes = field(repr=False)
    version: int
    saved_at: datetime
    trusted_since: datetime | None


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a run needs to know at its start. ``session_fault`` is why a saved session does not open.

    ``factor`` is what the portal last challenged the login with, "" if it never did.
    """

    may_collect: bool
    secrets: Mapping[SecretKind, SecretStr]
    factor: str
    session: SavedSession | None
    session_fault: str = ""


@dataclass(frozen=True, slots=True)
class StoredAccount:
    id: int
    account: Account


@dataclass(frozen=True, slots=True)
class StoredBill:
    """The newest version of a bill; ``bill`` is None while its document is unread.

    ``has_file`` tells whether the document's bytes were there when it was read from the store.
    """

    id: int
    key: str
    billed_on: date
    document_id: int
    sha256: str
    name: str
    media_type: str
    layout: str
    layout_version: int
    problems: Sequence[str]
    bill: Bill | None
    has_file: bool


@dataclass(frozen=True, slots=True)
class ReadBill:
    """A bill as it was fetched, and what a version of a layout read from it; ``bill`` None is nothing."""

    listed: ListedBill
    document: Document
    bill: Bill | None
    layout: str
    layout_version: int
    problems: Sequence[str] = ()

    @property
    def why_unread(self) -> str | None:
        """None if it is read."""
        return "; ".join(self.problems) if self.bill is None else None


@dataclass(frozen=True, slots=True)
class KeptBill:
    """A bill's newest document, to be read again. ``version_id`` is what was read from it last."""

    id: int
    customer_id: int
    account_id: int
    account_number: str
    listed: ListedBill
    version_id: int
    document_id: int
    sha256: str
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class RereadBill:
    """What a version of a layout reads from a stored document; ``bill`` None is nothing."""

    kept: KeptBill
    bill: Bill | None
    layout: str
    layout_version: int
    problems: Sequence[str] = ()

    @property
    def listed(self) -> ListedBill:
        return self.kept.listed


class Reread(StrEnum):
    """What became of a document that was read again.

    ``unchanged``, ``updated``, ``newly_read`` and ``unread`` are as the bill is now. The others left it as it
    was: ``no_longer_read`` by the new version, ``contradicted`` by the very version that read it before, and
    ``overtaken`` by a run that stored something newer meanwhile.
    """

    UNCHANGED = "unchanged"
    UPDATED = "updated"
    NEWLY_READ = "newly_read"
    UNREAD = "unread"
    NO_LONGER_READ = "no_longer_read"
    CONTRADICTED = "contradicted"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class StoredExport:
    """An interval export kept as it was received."""

    document_id: int
    key: str
    sha256: str
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is stored of a meter, all directions together; ``start`` and ``end`` in epoch seconds."""

    start: int
    end: int
    readings: int


@dataclass(frozen=True, slots=True)
class SeriesCoverage:
    """What is stored of one kind of reading of a meter, as far as it counts.

    ``seconds`` are the usual lengths of its readings, the shortest first; ``stretches`` the times without a
    gap, in order, in epoch seconds, the last not included. ``readings`` counts those of all lengths.
    """

    meter_id: str
    commodity: Commodity
    measure: Measure
    direction: Direction
    unit: Unit
    seconds: Sequence[int]
    readings: int
    stretches: Sequence[tuple[int, int]]

    @property
    def gaps(self) -> Sequence[tuple[int, int]]:
        """The times between the stretches."""
        return [(one[1], other[0]) for one, other in pairwise(self.stretches)]


@dataclass(frozen=True, slots=True)
class ReadingCounts:
    """What became of an export's readings. ``held`` are zeros that did not replace a value."""

    inserted: int
    changed: int
    unchanged: int
    held: int = 0
