"""Every line is JSON, is whose it says, and holds no secret, whoever wrote it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.support.logs import log_to_stderr, logs_of, scrub_from_here, scrubbed_for_the_run
from meterfarm.support.redact import Secrets
from meterfarm.support.tasks import detached_task

Lines = Callable[[], list[dict[str, Any]]]
Begin = Callable[[], Lines]
CANARY = "canary-5e1f"


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begins to log, at ``info`` and up; what it gave tells what was logged."""
    before = list(logging.getLogger().handlers)

    def begin_now() -> Lines:
        written = io.StringIO()
        monkeypatch.setenv("METERFARM_LOG", "info")
        monkeypatch.setattr(sys, "stderr", written)
        log_to_stderr(Secrets())
        return lambda: [json.loads(line) for line in written.getvalue().splitlines()]

    yield begin_now
    logging.getLogger().handlers[:] = before
    structlog.reset_defaults()


def _say(event: str, **fields: object) -> None:
    structlog.get_logger("any").info(event, **fields)


def test_a_level_that_there_is_not_is_told(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    begin()
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())
    monkeypatch.setenv("METERFARM_LOG", "verbose")
    log_to_stderr(Secrets())
    _say("not shown")
    [line] = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (line["event"], line["asked"]) == ("log.level_unknown", "verbose")
    assert "debug, info, warning, error" in line["advice"]


async def test_all_that_is_logged_for_a_run_names_it(begin: Begin) -> None:
    """In its task, in those it starts, in threads and in the reader's thread; and nothing else does."""
    lines = begin()
    with logs_of(run=7, utility="village", customer=3):
        _say("here")
        await asyncio.create_task(_in_a_task())
        await asyncio.to_thread(_say, "in a thread")
        await read_and_store(_say, "at the reader")
        logging.getLogger("some.library").warning("of a library: %s", "odd")
        await detached_task(_in_a_task())
    _say("afterwards")
    told = lines()
    whose = [(line.get("run"), line.get("utility"), line.get("customer")) for line in told]
    assert whose == [(7, "village", 3)] * 5 + [(None, None, None)] * 2
    assert [line["event"] for line in told[2:5]] == ["in a thread", "at the reader", "of a library: odd"]
    assert told[4]["logger"] == "some.library"
    assert {line["level"] for line in told} == {"info", "warning"}
    assert all(line["timestamp"].endswith("Z") for line in told)


async def _in_a_task(what: str = "") -> None:
    _say("in a task", what=what)


async def test_a_runs_secrets_are_scrubbed_wherever_it_logs(begin: Begin) -> None:
    """Nested, in exceptions, in the reader's thread, by other libraries, and by tasks that are no run's."""
    lines = begin()
    secrets = Secrets()
    secrets.add(CANARY)

    async def run() -> None:
        scrub_from_here(secrets)
        _say(f"at /login?password={CANARY}", tries=[{"typed": CANARY, "count": 1}], error=ValueError(CANARY))
        await read_and_store(_say, "read", what=CANARY)
        logging.getLogger("some.library").error("failed: %s", CANARY)
        try:
            int(CANARY)
        except ValueError:
            logging.getLogger("some.library").exception("with a trace")
            structlog.get_logger("any").exception("with a trace")
        assert CANARY not in scrubbed_for_the_run(f"typed {CANARY}")
        await detached_task(_in_a_task(CANARY))

    await asyncio.create_task(run())
    told = lines()
    assert CANARY not in json.dumps(told)
    assert len(told) == 6
    assert told[0]["tries"][0]["count"] == 1
    assert all("ValueError" in line["exception"] for line in told[3:5])


def test_what_libraries_say_below_a_warning_is_left_out(begin: Begin) -> None:
    lines = begin()
    logging.getLogger("some.library").setLevel(logging.DEBUG)
    logging.getLogger("some.library").info("connecting to /?token=1")
    assert lines() == []


def test_another_beginning_does_not_double_lines(begin: Begin) -> None:
    lines = begin()
    log_to_stderr(Secrets())
    logging.getLogger("some.library").warning("once")
    assert len(lines()) == 1


@pytest.mark.parametrize("width", [40, 80])
def test_at_a_terminal_lines_are_for_people(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Folded to its width, with nothing of a portal's that acts on it; in colour only if it is one."""
    lines = _as_text(monkeypatch, width, reason="\x1b]0;owned\x07 =1+1 " + "word " * 20, url="x" * 100)
    assert all(len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning page shown.*", lines[0])
    assert all(line.startswith("    ") for line in lines[1:])
    assert "run=7 utility=village customer=3" in " ".join(line.strip() for line in lines)
    assert "x" * 20 in lines[-1]


def test_a_stack_trace_comes_below_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        raise ValueError("odd")  # noqa: TRY301 - so that there is a trace
    except ValueError as exc:
        lines = _as_text(monkeypatch, 80, exc_info=exc)
    assert lines[1].strip() == "Traceback (most recent call last):"
    assert lines[-1].strip() == "ValueError: odd"


def test_a_flood_is_bounded_in_every_form(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = begin()
    _say("flood", title="x" * 10_000_000)
    (line,) = lines()
    assert len(line["title"]) <= 20_000
    assert sum(map(len, _as_text(monkeypatch, 80, title="x" * 10_000_000))) < 30_000


def _as_text(monkeypatch: pytest.MonkeyPatch, width: int, **fields: object) -> list[str]:
    monkeypatch.setenv("METERFARM_LOG_FORMAT", "text")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())
    log_to_stderr(Secrets())
    with logs_of(run=7, utility="village", customer=3):
        structlog.get_logger("any").warning("page shown", **fields)
    structlog.reset_defaults()
    return written.getvalue().splitlines()
