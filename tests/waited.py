"""Time as it is without the machine's other work: what threads wait for a processor is not counted."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path


class Stopwatch:
    """Runs from when it is made. All threads of this process count, since they wait for each other too."""

    def __init__(self) -> None:
        self._began, self._waited = time.monotonic(), _waited()

    @property
    def seconds(self) -> float:
        """How long it runs, less what threads waited for a processor meanwhile."""
        return time.monotonic() - self._began - max(0.0, _waited() - self._waited)


def _waited() -> float:
    """Seconds that the threads of this process have been ready to run and did not, by the kernel's count."""
    nanoseconds = 0
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended, or this kernel does not count
            nanoseconds += int((thread / "schedstat").read_text().split()[1])
    return nanoseconds / 1e9
