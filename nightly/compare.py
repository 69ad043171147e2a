"""Where what is differs from what is meant, a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meterfarm.nightly.test_cases import Tree

MOST = 12
"""So many differences of a customer are listed."""


def differences(meant: Tree, seen: Tree, where: str = "") -> Sequence[str]:
    """All of them, in order of their places."""
    if isinstance(meant, Mapping) and isinstance(seen, Mapping):
        found: list[str] = []
        for key in [*meant, *(key for key in seen if key not in meant)]:
            place = f"{where}, {key}" if where else key
            if key not in seen:
                found.append(f"{place} is missing")
            elif key not in meant:
                found.append(f"{place} should not be there")
            else:
                found += differences(meant[key], seen[key], place)
        return found
    return [] if meant == seen else [f"{where}: {_shown(seen)} instead of {_shown(meant)}"]


def first_of(found: Sequence[str]) -> Sequence[str]:
    """The first few, and how many more there are."""
    return found if len(found) <= MOST else [*found[:MOST], f"and {len(found) - MOST} more differences"]


def _shown(value: Tree) -> str:
    if isinstance(value, Mapping):
        return f"{len(value)} entries"
    return "nothing" if value is None or value == "" else str(value)
