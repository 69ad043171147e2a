"""The portals' clock: the real time, or one that starts at a chosen instant and runs on."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

HOME_ZONE = ZoneInfo("America/New_York")
EARLIEST, LATEST = 2015, 2050


class BadTime(ValueError):
    """A time that cannot be read or lies outside the portals' years; its text is for the user."""


class Clock:
    """Tells aware instants in UTC. `elapsed` says how many seconds went by since the start."""

    def __init__(self, start: datetime | None = None, elapsed: Callable[[], float] | None = None) -> None:
        begun = time.monotonic()
        self._start = start
        self._elapsed = elapsed or (lambda: time.monotonic() - begun)
        self._ahead = 0.0

    def split(self) -> "Clock":
        """Another that shows the same, and can be put forward by itself."""
        split = Clock(self._start, self._elapsed)
        split._ahead = self._ahead
        return split

    def forward(self, seconds: float) -> None:
        """Put it forward."""
        self._ahead += seconds

    def now(self) -> datetime:
        """The time that it is in the portal, in UTC."""
        if self._start is None:
            return datetime.now(UTC) + timedelta(seconds=self._ahead)
        return self._start.astimezone(UTC) + timedelta(seconds=self._elapsed() + self._ahead)

    def today(self, zone: ZoneInfo) -> date:
        """The day that it is in a zone."""
        return self.now().astimezone(zone).date()


def parse_time(text: str, zone: ZoneInfo = HOME_ZONE) -> datetime:
    """An ISO date (its midnight) or datetime; without an offset it is local to `zone`. Raises BadTime."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise BadTime(
            f"--now: cannot read {text!r} as a time; write a date such as 2026-03-08 or 2026-03-08T14:30."
        ) from exc
    if not EARLIEST <= moment.year <= LATEST:
        raise BadTime(
            f"--now: {text!r} is outside the years {EARLIEST} to {LATEST}; choose a time in between."
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
