"""What the generic reader settles on: values with the checks that agree on them, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Occurrence(Generic[T]):
    """A value that stands on the bill: where, beside what label, and how the two stand to each other."""

    value: T
    line: int
    cell: int
    label: str
    how: str


def by_value(sightings: Iterable[Occurrence[T]]) -> dict[T, list[Occurrence[T]]]:
    """The sightings of each value at different places, the most often seen first."""
    groups: dict[T, dict[tuple[int, int], Occurrence[T]]] = {}
    for each in sightings:
        groups.setdefault(each.value, {}).setdefault((each.line, each.cell), each)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return {value: list(places.values()) for value, places in ordered}


@dataclass(slots=True)
class Settled:
    """``values`` by field; ``left_out`` has the reason for each that was seen and not kept, or is missing."""

    values: dict[str, object] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    proofs: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, name: str, value: object, *proofs: str) -> None:
        """Keep a value, and by what it is proved."""
        self.values[name] = value
        self.proofs[name] = list(proofs)
        self.left_out.pop(name, None)

    def drop(self, name: str, why: str) -> None:
        """Leave a value out that was kept, or would be."""
        known = self.values.pop(name, None) is not None or name in self.left_out
        self.values.pop(f"{name}_unit", None)
        self.proofs.pop(name, None)
        if known:
            self.left_out[name] = why

    def leave(self, name: str, why: str) -> None:
        """Leave a value out; what was kept stays."""
        if name not in self.values:
            self.left_out.setdefault(name, why)
