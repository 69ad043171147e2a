"""What a run reports of itself while it lasts."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Somebody who watches a run."""

    def step(self, text: str) -> None:
        """The run does this now: ``signing in``, ``bills of account 123``..."""

    def count(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` are in store, of ``what``: ``bills``, ``intervals E1234567``..."""


class NoProgress:
    """Nobody watches."""

    def step(self, text: str) -> None:
        """See ``Progress``."""

    def count(self, what: str, done: int, total: int) -> None:
        """See ``Progress``."""
