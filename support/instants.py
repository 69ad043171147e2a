"""Instants and durations as commands print them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """An instant for programs."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp(at: int) -> str:
    """An instant in epoch seconds, for programs."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def shown(at: datetime | None) -> str:
    """An instant for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


def lasted(seconds: float) -> str:
    """A duration in one or two units."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    for unit, size, smaller in (("d", 86_400, "h"), ("h", 3_600, "min"), ("min", 60, "s")):
        if whole >= size:
            rest = whole % size // {"h": 3_600, "min": 60, "s": 1}[smaller]
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def roughly(seconds: float) -> str:
    """A duration in its largest unit, for a narrow column."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(round(seconds), 0)} s"
