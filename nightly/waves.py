"""Which customers meet a broken script first: those that it is broken for, then the most telling. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from meterfarm.nightly.subjects import Subject

_SIZES = (1, 2, 4)
"""How many customers the first waves have; the last one has the others."""


def waves(subjects: Sequence[Subject], names: Collection[str]) -> Sequence[Sequence[Subject]]:
    """All subjects. ``names`` are outcomes: those who are to end in one come first."""
    named = [one for one in subjects if one.first in names or one.again in names]
    others = most_telling([one for one in subjects if one not in named])
    found: list[Sequence[Subject]] = [named] if named else []
    begin = 0
    for size in _SIZES:
        found.append(others[begin : begin + size])
        begin += size
    return [wave for wave in [*found, others[begin:]] if wave]


def most_telling(subjects: Sequence[Subject]) -> Sequence[Subject]:
    """In such an order that each has as many traits as can be that none before had."""
    left, seen = list(subjects), set[str]()
    ordered = []
    while left:
        best = max(left, key=lambda one: len(one.traits - seen))
        left.remove(best)
        seen |= best.traits
        ordered.append(best)
    return ordered
