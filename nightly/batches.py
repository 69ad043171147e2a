"""Which customers meet a broken script first: those that it is broken for, then the most telling. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from meterfarm.nightly.test_cases import CustomerCase

_SIZES = (1, 2, 4)
"""How many customers the first batches have; the last one has the others."""


def batches(test_cases: Sequence[CustomerCase], names: Collection[str]) -> Sequence[Sequence[CustomerCase]]:
    """All test_cases. ``names`` are outcomes: those who are to end in one come first."""
    named = [case for case in test_cases if case.first in names or case.again in names]
    others = most_telling([case for case in test_cases if case not in named])
    found: list[Sequence[CustomerCase]] = [named] if named else []
    begin = 0
    for size in _SIZES:
        found.append(others[begin : begin + size])
        begin += size
    return [batch for batch in [*found, others[begin:]] if batch]


def most_telling(test_cases: Sequence[CustomerCase]) -> Sequence[CustomerCase]:
    """In such an order that each has as many traits as can be that none before had."""
    left, seen = list(test_cases), set[str]()
    ordered = []
    while left:
        best = max(left, key=lambda case: len(case.traits - seen))
        left.remove(best)
        seen |= best.traits
        ordered.append(best)
    return ordered
