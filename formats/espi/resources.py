"""The resources of an ESPI file, as the walk over it hands them out."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from meterfarm.formats.espi.links import Links
from meterfarm.formats.espi.reading import Oddities, RawReading
from meterfarm.formats.espi.run_columns import RunColumns, columns
from meterfarm.formats.espi.runs import Run

OURS = "urn:meterfarm:series"
"""The namespace of what our writer adds to ESPI's codes, so that nothing is lost on the way back."""
FACTS = frozenset({"LocalTimeParameters", "UsageSummary", "ElectricPowerUsageSummary"})
"""Resources (NAESB REQ.21, espi.xsd) that are read beside those with readings."""
WITHOUT_READINGS = frozenset(
    {
        "ApplicationInformation",
        "Authorization",
        "Customer",
        "CustomerAccount",
        "CustomerAgreement",
        "ElectricPowerQualitySummary",
        "ElectricPowerUsageSummary",
        "EndDevice",
        "LocalTimeParameters",
        "ProgramDateIdMappings",
        "RetailCustomer",
        "ServiceLocation",
        "ServiceStatus",
        "ServiceSupplier",
        "UsageSummary",
    }
)
"""Resources of espi.xsd and of retailcustomer.xsd that hold no readings."""


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """``meter`` is the meter's id as our own writer states it, None in other files."""

    service_kind: str
    serial: str
    meter: str | None
    links: Links

    @property
    def content(self) -> Hashable:
        """What makes it the same as another of its href."""
        return self.service_kind, self.serial, self.meter, self.links.title


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What ties interval blocks to a usage point and a reading type."""

    links: Links

    @property
    def content(self) -> Hashable:
        """What makes it the same as another of its href."""
        return frozenset(self.links.related)


@dataclass(frozen=True, slots=True)
class ReadingType:
    """The codes as the file has them, by element name; ``ours`` is what our own writer adds."""

    codes: Mapping[str, str]
    ours: Mapping[str, str]
    links: Links

    @property
    def content(self) -> Hashable:
        """What makes it the same as another of its href."""
        return frozenset(self.codes.items()), frozenset(self.ours.items())


@dataclass(frozen=True, slots=True)
class Fact:
    """LocalTimeParameters or a summary of billing periods: the texts of elements by name, by their parent."""

    name: str
    elements: Mapping[str, Mapping[str, str]]
    links: Links


class Edge(NamedTuple):
    """An interval block: the starts of its first and last reading, and how long the last one is."""

    first: int
    last: int
    seconds: int


@dataclass(slots=True)
class RawBatch:
    """Readings of one interval block or of several in one entry, in order, not yet taken apart."""

    parts: list[Run | RawReading] = field(default_factory=list)
    weight: int = 0
    """About how many readings there are, or more than none of which nothing was kept."""
    oddities: Oddities = field(default_factory=Oddities)
    edges: list[Edge] = field(default_factory=list)

    def add(self, part: Run | RawReading, keep: bool) -> None:
        """Count a reading or a run of them, and ``keep`` it or not."""
        self.weight += part.weight if isinstance(part, Run) else 1
        if keep:
            self.parts.append(part)

    def extend(self, other: RawBatch) -> None:
        """Append another batch's readings; its oddities and edges stay its own."""
        self.parts += other.parts
        self.weight += other.weight

    def columns(self, oddities: Oddities) -> Iterator[RunColumns]:
        """The readings by column, run by run."""
        for prefix, parts in groupby(self.parts, lambda part: part.prefix if isinstance(part, Run) else None):
            if prefix is None:
                yield _columns([part for part in parts if isinstance(part, RawReading)])
            else:
                text = b"".join(part.text for part in parts if isinstance(part, Run))
                yield columns(prefix, text, oddities)


def _columns(readings: list[RawReading]) -> RunColumns:
    starts, seconds, values, costs, estimated, periods = map(list, zip(*readings, strict=True))
    return RunColumns(starts, seconds, values, costs, estimated, periods if any(periods) else None)


@dataclass(frozen=True, slots=True)
class Block:
    """The readings of one or more interval blocks that have these links."""

    raw_batch: RawBatch
    links: Links


Resource = UsagePoint | MeterReading | ReadingType | Fact
Item = Resource | Block
Amounts = list[int | Decimal | None]
