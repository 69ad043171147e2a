"""Which processes a process has started, as the kernel has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def below(root: int) -> Iterator[int]:
    """Every process that ``root`` and its children have started."""
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        with suppress(OSError):
            for pid in map(int, children.read_text().split()):
                yield pid
                yield from below(pid)
