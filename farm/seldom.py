"""Log lines that anybody on the network can cause: the first at once, the others counted."""

from __future__ import annotations

import asyncio
from typing import Any

_SECONDS = 60.0
_MOST = 50


class Seldom:
    """Around a logger. Of each event with a reason a line at once, and then at most one in ``seconds``.

    Reasons are ours, never what came in: more than fifty of them are kept apart from nothing.
    """

    def __init__(self, log: Any, seconds: float = _SECONDS) -> None:
        self._log = log
        self._seconds = seconds
        self._counts: dict[tuple[str, str], int] = {}

    def warning(self, event: str, *, reason: str) -> None:
        key = (event, reason)
        if key in self._counts:
            self._counts[key] += 1
            return
        self._log.warning(event, reason=reason)
        if len(self._counts) < _MOST:
            self._counts[key] = 0
            asyncio.get_running_loop().call_later(self._seconds, self._tell, key)

    def _tell(self, key: tuple[str, str]) -> None:
        """How often it was since; an interval without any ends the counting."""
        count = self._counts.pop(key)
        if count:
            self._log.warning(key[0], reason=key[1], times=count, seconds=round(self._seconds))
            self._counts[key] = 0
            asyncio.get_running_loop().call_later(self._seconds, self._tell, key)
