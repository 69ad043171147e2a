"""What commands print: tables and lines for people, JSON for programs."""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType

from console.errors import ReaderGone

_WIDTH_OF_A_FILE = 200


def say(line: str) -> None:
    """A line on standard output, at once. Raises ReaderGone."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError as exc:
        raise ReaderGone from exc


def say_json(value: object, *, indent: int | None = 2) -> None:
    """A JSON document on standard output. Raises ReaderGone."""
    say(json.dumps(plain(value), indent=indent, ensure_ascii=False))


def show(*what: RenderableType) -> None:
    """Tables and marked-up text on standard output; wide where that is a file or a pipe."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_OF_A_FILE)
    with console.capture() as captured:
        for one in what:
            console.print(one)
    say(captured.get().removesuffix("\n"))


def must_have_a_reader() -> None:
    """Raises ReaderGone if nobody reads standard output any more, without writing to it."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    if any(happened & select.POLLERR for _, happened in watch.poll(0)):
        raise ReaderGone


def plain(value: object) -> Any:
    """Records as JSON has them: instants in UTC by ISO 8601, sets in order."""
    if isinstance(value, datetime):
        return instant(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def instant(at: datetime) -> str:
    """An instant for programs."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
