"""What a process and all that it started use: processor time and memory.

Processor time counts every process of the tree, also those that have ended: whoever calls ``adopt_orphans``
becomes the parent of descendants that lost theirs, so that nothing of the tree escapes the count.
Memory is the proportional set size (PSS): what several processes share is counted once.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psutil

_SUBREAPER = 36
_SAMPLE_SECONDS = 0.5


def adopt_orphans() -> None:
    """Make this process the parent of descendants that outlive their own."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def cpu_seconds(root: int) -> float:
    """Of the tree so far. A process that ended is counted by its parent, or as the zombie it is."""
    seconds = 0.0
    for process in _tree(root):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def memory_mib(root: int) -> float:
    """Of the tree now."""
    size = 0
    for process in _tree(root):
        with suppress(psutil.Error):
            size += process.memory_full_info().pss
    return size / 1024**2


@dataclass(slots=True)
class Peak:
    """The most memory that a process tree had at once, in MiB."""

    mib: float = 0.0

    def look(self, root: int) -> None:
        """Measure now."""
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


def _tree(root: int) -> Sequence[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(root)
        return [first, *first.children(recursive=True)]
    return []
