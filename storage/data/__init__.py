"""What the store keeps of accounts, bills and readings: frozen records, handed out by its repositories."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from meterfarm.records import (
    Account,
    Address,
    Bill,
    BillReading,
    BillSource,
    BillStatus,
    Commodity,
    Direction,
    Document,
    ListedBill,
    Measure,
    Unit,
)


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account with its id in store."""

    id: int
    account: Account


@dataclass(frozen=True, slots=True)
class StoredBill:
    """The newest version of a bill; ``bill`` is None while its document is unread.

    ``has_file``: the document's bytes were there when it was read from the store. ``listed_amount`` is the
    total by the portal's list, in cents.
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
    reading: BillReading | None = None
    listed_amount: int | None = None


@dataclass(frozen=True, slots=True)
class ReadBill:
    """A bill as it was fetched, and what a version of a layout read from it; ``bill`` None is nothing.

    ``supported``: a layout might read it, as it is neither encrypted nor only pictures. ``reading`` has line
    items, checks and what was left out, also of a bill that is not read. ``tried``: of an upload all layouts
    that it was held against, with their versions.
    """

    listed: ListedBill
    document: Document
    bill: Bill | None
    layout: str
    layout_version: int
    problems: Sequence[str] = ()
    supported: bool = True
    reading: BillReading | None = None
    tried: Collection[tuple[str, int]] = ()

    @property
    def why_unread(self) -> str | None:
        """None if it is read."""
        return "; ".join(self.problems) if self.bill is None else None


@dataclass(frozen=True, slots=True)
class FoundBill:
    """A bill as a company asks for it, without its content: that is its version's.

    ``customer_id``, ``account_number`` and ``billed_on`` are None as long as nothing has read an upload.
    """

    id: int
    version_id: int
    external_id: str | None
    customer_id: int | None
    customer_external_id: str | None
    utility: str
    account_number: str | None
    billed_on: date | None
    source: BillSource
    status: BillStatus
    unlocked_at: datetime | None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What is charged for unlocking a bill, or some of its meters, at ``unlocked_at``.

    ``electric`` and ``gas`` count the meters, ``price`` is what one costs, in hundredths of the currency (ISO
    4217). Of a customer who was erased neither ``utility`` ("" then) nor the dates are known.
    """

    unlocked_at: datetime
    bill_id: int
    customer_id: int
    price: int
    currency: str
    electric: int
    gas: int
    customer_external_id: str | None
    utility: str
    billed_on: date | None
    billing_period_from: date | None
    billing_period_to: date | None

    @property
    def amount(self) -> int:
        """In hundredths of the currency."""
        return (self.electric + self.gas) * self.price


@dataclass(frozen=True, slots=True)
class CustomerCharge:
    """What is charged for a customer's bills in one currency; ``amount`` in hundredths of it."""

    customer_id: int
    customer_external_id: str | None
    currency: str
    bills: int
    electric: int
    gas: int
    amount: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A bill's document: its bytes' hash, what they are, and when the bill was issued."""

    sha256: str
    media_type: str
    billed_on: date | None


@dataclass(frozen=True, slots=True)
class UploadedBill:
    """A bill that somebody uploads, and what a utility's layout read from it; ``bill`` None is nothing.

    ``tried`` are the layouts with their versions that did not read it. ``customer_id`` and ``external_id``
    are what the uploader says.
    """

    document: Document
    source: BillSource
    bill: Bill | None = None
    utility: str = ""
    layout: str = ""
    layout_version: int = 0
    problems: Sequence[str] = ()
    supported: bool = True
    tried: Sequence[tuple[str, int]] = ()
    customer_id: int | None = None
    external_id: str | None = None
    reading: BillReading | None = None


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """An uploaded bill that nothing has read; ``tried`` are the layouts, with versions, that were."""

    id: int
    customer_id: int | None
    utility: str
    sha256: str
    name: str
    tried: Set[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class KeptBill:
    """A bill's newest document, to be read again. ``version_id`` is what was read from it last.

    ``uploaded``: no portal has handed it out.
    """

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
    uploaded: bool = False


@dataclass(frozen=True, slots=True)
class RereadBill:
    """What a version of a layout reads from a stored document; ``bill`` None is nothing.

    ``supported``, ``reading`` and ``tried`` are as of ``ReadBill``. ``utility`` is the one with the layout
    that read an upload.
    """

    kept: KeptBill
    bill: Bill | None
    layout: str
    layout_version: int
    problems: Sequence[str] = ()
    supported: bool = True
    reading: BillReading | None = None
    utility: str = ""
    tried: Collection[tuple[str, int]] = ()

    @property
    def listed(self) -> ListedBill:
        """The bill as the portal listed it."""
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
class PendingExport:
    """An export that the portal is still making: of which days of a meter, and what it calls it.

    ``not_before`` is when the portal is to be asked for it again, if known.
    """

    meter_id: str
    first: date
    last: date
    key: str
    requested_at: datetime
    not_before: datetime | None


class TariffPeriod(NamedTuple):
    """Days, both included, in which a meter was billed by a tariff."""

    tariff: str
    period_from: date
    period_to: date


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """A meter of electricity or gas, as its portal and its bills show it; ``tariffs`` oldest first."""

    id: str
    commodity: Commodity
    tariffs: Sequence[TariffPeriod]
    address: Address | None
    additional_attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account with all meters that it has or had, by number."""

    number: str
    meters: Sequence[MeterFacts]


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What is stored of a customer as a whole.

    ``bills_are_ready`` and ``intervals_are_ready``: the first fetch of them is complete. ``first_interval``
    and ``last_interval`` are when those begin, in epoch seconds; None if there is none.
    """

    bills_are_ready: bool
    intervals_are_ready: bool
    first_interval: int | None
    last_interval: int | None
    accounts: Sequence[AccountFacts]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is stored of a meter, all directions together; ``start`` and ``end`` in epoch seconds."""

    start: int
    end: int
    readings: int


@dataclass(frozen=True, slots=True)
class SeriesCoverage:
    """What is stored of one kind of reading of a meter, as far as it counts.

    ``seconds`` are the usual lengths of its readings, the shortest first; ``ranges`` the times without a
    gap, in order, in epoch seconds, the last not included. ``readings`` counts those of all lengths.
    """

    meter_id: str
    commodity: Commodity
    measure: Measure
    direction: Direction
    unit: Unit
    seconds: Sequence[int]
    readings: int
    ranges: Sequence[tuple[int, int]]

    @property
    def gaps(self) -> Sequence[tuple[int, int]]:
        """The times between the ranges."""
        return [(earlier[1], other[0]) for earlier, other in pairwise(self.ranges)]


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """Readings of one usual length; ``first`` and ``last`` are the starts of the first and the last of them.

    Epoch seconds, as all times of this group of records.
    """

    id: int
    seconds: int
    exponent: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ReadingChannel:
    """One kind of reading of a meter, the shortest readings first."""

    commodity: Commodity
    measure: Measure
    direction: Direction
    unit: Unit
    series: Sequence[StoredSeries]

    @property
    def exponent(self) -> int:
        """Of the mantissas that a page has."""
        return min(one.exponent for one in self.series)

    @property
    def first(self) -> int:
        """When the first reading begins."""
        return min(one.first for one in self.series)

    @property
    def last(self) -> int:
        """When the last reading begins."""
        return max(one.last for one in self.series)


@dataclass(frozen=True, slots=True)
class MeterReadings:
    """A meter that has readings, and its account."""

    account_id: int
    account_number: str
    meter_id: str
    commodity: Commodity
    channels: Sequence[ReadingChannel]


class ReadingSum(NamedTuple):
    """What readings of a time come to: how many, their mantissas' sum, the largest, their seconds in all."""

    readings: int
    total: int
    largest: int
    seconds: int
    estimated: bool


DatedReading = tuple[int, int, int, bool, int, int]
"""A ``Reading``'s fields, and when it was first seen and last changed."""


@dataclass(frozen=True, slots=True)
class ReadingsPage:
    """The readings that count and begin before ``until``, for each channel that was asked for, by start."""

    until: int
    readings: Sequence[Sequence[DatedReading]]


@dataclass(frozen=True, slots=True)
class IntervalFacts:
    """The starts of the first and the last interval of a customer, in epoch seconds."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ReadingCounts:
    """What became of an export's readings. ``held`` are zeros that did not replace a value."""

    inserted: int
    changed: int
    unchanged: int
    held: int = 0
