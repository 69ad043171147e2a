"""When the nightly runs by itself."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta


def until(at: str, now: datetime) -> timedelta:
    """From ``now`` to the next such time of day, like 03:30, by the clock that ``now`` is of."""
    of_day = time.fromisoformat(at)
    today = now.replace(hour=of_day.hour, minute=of_day.minute, second=0, microsecond=0)
    then = today if today > now else today + timedelta(days=1)
    return then.astimezone(UTC) - now.astimezone(UTC)
