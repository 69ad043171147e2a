"""The memory of the browser that a process has started, as the kernel counts it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PARENT = 1
"""The parent's place in a process's ``stat``, after its name."""
NO_DRIVERS: set[int] = set()
"""Processes that this one has started for something else: neither they nor what is below them counts."""


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes. ``rss`` counts pages that several processes share once for each, ``pss`` a share of each."""

    rss: int = 0
    pss: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.rss + other.rss, self.pss + other.pss)


def browser_memory(root: int | None = None) -> dict[str, Memory]:
    """Of the ``driver``, which ``root`` (this process) has started, and of ``chromium``, all below that."""
    parents = _parents()
    found = {"driver": Memory(), "chromium": Memory()}
    for driver in set(_children(root or os.getpid(), parents)) - NO_DRIVERS:
        found["driver"] += _of(driver)
        for pid in _below(driver, parents):
            found["chromium"] += _of(pid)
    return found


def _below(pid: int, parents: dict[int, int]) -> Iterator[int]:
    for child in _children(pid, parents):
        yield child
        yield from _below(child, parents)


def _children(pid: int, parents: dict[int, int]) -> list[int]:
    return [child for child, parent in parents.items() if parent == pid]


def _parents() -> dict[int, int]:
    """Every process's parent."""
    found = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[_PARENT])
    return found


def _of(pid: int) -> Memory:
    """Nothing of a process that has ended, or that is another user's."""
    counted = {"Rss": 0, "Pss": 0}
    with suppress(OSError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in counted:
                counted[name] = int(rest.split()[0]) * 1024
    return Memory(counted["Rss"], counted["Pss"])
