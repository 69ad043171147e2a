"""Log lines for people: time, level, event, key=value; folded to the terminal's width."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

from structlog.typing import EventDict, Processor, WrappedLogger

from meterfarm.formats.foreign_text import DOCUMENT, lines, one_line

_INDENT = " " * 4
_NARROWEST = 20
_LEVELS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}
_KEY = "36"
_FIRST = ("run", "utility", "customer")


def for_people(*, colour: bool) -> Processor:
    """A renderer of structlog's; ``colour`` by ANSI sequences, which nothing that is logged can bring."""

    def render(logger: WrappedLogger, method: str, event: EventDict) -> str:
        trace = event.pop("exception", None)
        width = max(shutil.get_terminal_size((80, 24)).columns, _NARROWEST)
        written = "\n".join(_folded(list(_words(event, colour=colour)), width))
        if not trace:
            return written
        return "\n".join([written, *(f"{_INDENT}{line}" for line in lines(str(trace)).splitlines())])

    return render


_Word = tuple[str, str]
"""What is shown, and the same with its colours."""


def _words(event: EventDict, *, colour: bool) -> Iterator[_Word]:
    clock = str(event.pop("timestamp", "")).partition("T")[2].partition(".")[0].rstrip("Z")
    level = str(event.pop("level", ""))
    yield _word(clock, "2", colour)
    yield _word(level.ljust(7), _LEVELS.get(level, ""), colour)
    for word in one_line(str(event.pop("event", "")), DOCUMENT).split():
        yield _word(word, "1", colour)
    for key in (*(key for key in _FIRST if key in event), *(key for key in event if key not in _FIRST)):
        name, value = one_line(str(key)), _value(event[key])
        first, *others = value.split(" ")
        yield f"{name}={first}", _word(f"{name}=", _KEY, colour)[1] + first
        yield from ((other, other) for other in others)


def _value(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ",".join(value)
    text = one_line(value if isinstance(value, str) else json.dumps(value, default=str), DOCUMENT)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=') else text


def _word(text: str, code: str, colour: bool) -> _Word:
    return text, f"\x1b[{code}m{text}\x1b[0m" if colour and code else text


def _folded(words: list[_Word], width: int) -> Iterator[str]:
    """Lines no wider than ``width``, all but the first indented; a word that is too long is broken."""
    line, taken = "", 0
    for text, shown in words:
        if taken and taken + 1 + len(text) > width:
            yield line
            line, taken = "", 0
        if taken:
            line, taken = f"{line} {shown}", taken + 1 + len(text)
            continue
        indent = _INDENT if text != words[0][0] else ""
        room = width - len(indent)
        while len(text) > room:
            yield indent + text[:room]
            text = shown = text[room:]
        line, taken = indent + shown, len(indent) + len(text)
    yield line
