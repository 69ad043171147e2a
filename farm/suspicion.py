"""Which portals are looked at more closely, because their script lately met a page that it does not know."""

from __future__ import annotations

from collections import Counter

from meterfarm.records import Outcome

_VISITS = 20
_UNKNOWN = frozenset({Outcome.LAYOUT_CHANGED, Outcome.UNKNOWN_PAGE})


class Suspicion:
    """Of one process: after such a page the next 20 visits with a browser keep every page in their trace."""

    def __init__(self) -> None:
        self._left: Counter[str] = Counter()

    def of(self, utility: str) -> bool:
        """Whether a visit that begins now keeps every page."""
        return self._left[utility] > 0

    def learn(self, utility: str, outcome: Outcome, pages: int) -> None:
        """How a run at that portal ended that opened so many browser pages."""
        if outcome in _UNKNOWN:
            self._left[utility] = _VISITS
        elif pages:
            self._left[utility] = max(0, self._left[utility] - 1)
