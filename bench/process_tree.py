"""What a process and all that it started use: processor time and memory, from /proc.

Processor time counts every process of the tree, also those that have ended: whoever calls ``adopt_orphans``
becomes the parent of descendants whose own parent has ended, so that nothing of the tree escapes the count.
Memory is the proportional set size (PSS): what several processes share is counted once.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SUBREAPER = 36
_TICK = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.5
_PARENT, _FIRST_TIME, _AFTER_TIMES = 1, 11, 15
"""Fields of /proc/PID/stat behind the name: the parent, and utime, stime, cutime, cstime."""


def adopt_orphans() -> None:
    """Make this process the parent of its descendants whose parent ends before them."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def cpu_seconds(root: int) -> float:
    """Of the tree so far. A process that ended is counted by its parent, or as the zombie it is."""
    stats = _stats()
    times = (sum(map(int, stats[pid][_FIRST_TIME:_AFTER_TIMES])) for pid in _tree(root, stats))
    return sum(times) / _TICK


def memory_mib(root: int) -> float:
    """Of the tree now."""
    return sum(map(_pss_kib, _tree(root, _stats()))) / 1024


@dataclass(slots=True)
class Peak:
    mib: float = 0.0

    def look(self, root: int) -> None:
        self.mib = max(self.mib, memory_mib(root))


@asynccontextmanager
async def peak_of(root: int) -> AsyncIterator[Peak]:
    """The most memory the tree had at any of the looks meanwhile, two a second."""
    peak = Peak()

    async def looks() -> None:
        while True:
            await asyncio.to_thread(peak.look, root)
            await asyncio.sleep(_SAMPLE_SECONDS)

    looking = asyncio.create_task(looks())
    try:
        yield peak
    finally:
        looking.cancel()


def _tree(root: int, stats: dict[int, list[str]]) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[_PARENT]), []).append(pid)
    left = [root] if root in stats else []
    while left:
        pid = left.pop()
        yield pid
        left += children.get(pid, [])


def _stats() -> dict[int, list[str]]:
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found[int(file.parent.name)] = file.read_text().rpartition(")")[2].split()
    return found


def _pss_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
