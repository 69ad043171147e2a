"""Structured logs, every secret scrubbed before it is written: JSON, at a terminal lines for people.

What is logged on behalf of a run, by whatever part and in whatever thread, names the run, the utility and the
customer's number. What other libraries have to say comes in the same form, from warnings up.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from meterfarm.support.foreign_text import DOCUMENT, SENTENCE, lines, one_line
from meterfarm.support.redact import Secrets

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
LOOKED_AT = 100_000
"""Characters of a portal's text in which secrets are looked for; a token that is cut in two is not found."""
_INDENT = " " * 4
_NARROWEST = 20
_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}
_KEY = "36"
_FIRST_KEYS = ("run", "utility", "customer")
_lock = threading.Lock()
_alive: weakref.WeakSet[Secrets] = weakref.WeakSet()
_OF_THE_RUN: ContextVar[Secrets | None] = ContextVar("secrets of the run", default=None)


def scrub_from_here(secrets: Secrets) -> None:
    """Scrub these from what the present task and those it starts log, and from what is logged for no run."""
    _OF_THE_RUN.set(secrets)
    with _lock:
        _alive.add(secrets)


def scrubbed_for_the_run(text: str) -> str:
    """``text`` as the present task may let it out."""
    secrets = _OF_THE_RUN.get()
    return secrets.scrub(text) if secrets is not None else text


def safe_for_the_run(text: str, most: int = SENTENCE) -> str:
    """A portal's ``text`` as a message may have it: without a secret first, then safe and short."""
    return one_line(scrubbed_for_the_run(text[:LOOKED_AT]), most)


@contextmanager
def logs_of(run: int, utility: str, customer: int) -> Iterator[None]:
    """What is logged meanwhile, by the present task and those it starts, is of this run."""
    with structlog.contextvars.bound_contextvars(run=run, utility=utility, customer=customer):
        yield


def request_id() -> str:
    """The id of the API's request that is being answered, by this task or in a thread of its; "" outside."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def log_to_stderr(secrets: Secrets, *, of_others: bool = True) -> None:
    """Log to standard error from ``METERFARM_LOG`` (debug, info, warning, error; default warning) up.

    ``METERFARM_LOG_FORMAT`` is ``text`` or ``json``; without it, it is text at a terminal and else JSON.
    ``of_others``: also what other libraries log.
    """
    asked = os.environ.get("METERFARM_LOG") or "warning"
    level = _LEVELS.get(asked.lower(), logging.WARNING)

    def scrubbed(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        those = (secrets, *_at_hand())
        return {key: _scrubbed(value, those) for key, value in event.items()}

    every: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        scrubbed,
    ]
    renderer = _renderer()
    structlog.configure(
        processors=[*every, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(
            cast(TextIO, _StderrNow())
        ),  # a line in one go: others write there too
        cache_logger_on_first_use=False,
    )
    if of_others:
        _log_others(level, every, renderer)
    if asked.lower() not in _LEVELS:
        advice = f"METERFARM_LOG is one of {', '.join(_LEVELS)}; without it, it is warning"
        structlog.get_logger("log").warning("log.level_unknown", asked=asked, advice=advice)


def _log_others(level: int, every: Sequence[Processor], renderer: Processor) -> None:
    """What logs by the standard library, from warnings up."""
    others = _ToStderr(max(level, logging.WARNING))
    others.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *every],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _ToStderr)]:
        root.removeHandler(handler)
    root.addHandler(others)


def log_within_program() -> None:
    """Log from within a program that uses Meterfarm, with nothing of its own changed.

    Where the program has configured structlog our lines go its way, scrubbed first; else to standard error.
    """
    if not structlog.is_configured():
        log_to_stderr(Secrets(), of_others=False)
    elif _scrubbed_event not in (processors := structlog.get_config()["processors"]):
        structlog.configure(processors=[_scrubbed_event, *processors])


def _scrubbed_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    those = _at_hand()
    return {key: _scrubbed(value, those) for key, value in event.items()} if those else event


def _renderer() -> Processor:
    form = os.environ.get("METERFARM_LOG_FORMAT", "").lower()
    at_terminal = sys.stderr.isatty()
    if form == "text" or (form != "json" and at_terminal):
        return _for_people(colour=at_terminal and not os.environ.get("NO_COLOR"))
    return structlog.processors.JSONRenderer(default=str)


class _StderrNow(io.TextIOBase):
    """Standard error as it is when something is written: a live display takes it over for a while."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _ToStderr(logging.Handler):
    """For what logs by the standard library. Its lines go where standard error is when they come."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - a log that cannot be written must not break off a run
            self.handleError(record)


def _at_hand() -> Sequence[Secrets]:
    """The run's secrets; for a line that is no run's, as of libraries' own tasks, those of all runs."""
    of_the_run = _OF_THE_RUN.get()
    if of_the_run is not None:
        return [of_the_run]
    with _lock:
        return list(_alive)


def _scrubbed(value: Any, those: Sequence[Secrets]) -> Any:
    """``value`` without secrets, however it is nested; what is no plain value as its text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _scrubbed(item, those) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(item, those) for item in value]
    text = str(value)
    for secrets in those:
        text = secrets.scrub(text)
    return text if len(text) <= DOCUMENT else f"{text[: DOCUMENT - 1]}…"


def _for_people(*, colour: bool) -> Processor:
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
    yield _word(level.ljust(7), _COLOURS.get(level, ""), colour)
    for word in one_line(str(event.pop("event", "")), DOCUMENT).split():
        yield _word(word, "1", colour)
    for key in (
        *(key for key in _FIRST_KEYS if key in event),
        *(key for key in event if key not in _FIRST_KEYS),
    ):
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
