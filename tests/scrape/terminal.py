"""A terminal that a test types into and reads from."""

from __future__ import annotations

import os
import select


class Terminal:
    """Reads what a terminal shows, a piece at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unread = b""
        self.shown = ""

    def expect(self, text: str) -> None:
        """Read on to the end of the next ``text``; what comes after it is left for the next call."""
        sought = text.encode()
        while sought not in self._unread:
            ready, _, _ = select.select([self._descriptor], [], [], 60)
            if not ready:
                raise AssertionError(f"no {text!r} within a minute, but: {self._unread!r}")
            self._unread += os.read(self._descriptor, 4096)
        before, found, self._unread = self._unread.partition(sought)
        self.shown += (before + found).decode(errors="replace")
