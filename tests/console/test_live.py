"""The live display of a run: what failed has no tick, and log lines go above it."""

from __future__ import annotations

import io
import sys

import pytest
import structlog
from rich.console import Console

from meterfarm.console.scraping.live import LiveProgress
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, height=24, color_system=None)


def _last(console: Console) -> list[str]:
    """The display as it stood at the end."""
    written = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    return [line.strip() for line in written.rpartition("\x1b[2K")[2].splitlines()]


def test_the_step_that_a_run_ended_in_has_no_tick(console: Console) -> None:
    with LiveProgress(console) as live:
        live.step("accounts")
        live.step("signing in")
        live.fail()
        live.step("writing files")
    assert _mark(_last(console), "accounts") == "✓"
    assert _mark(_last(console), "signing in") == "✗"
    assert _mark(_last(console), "writing files") == "✓"


def test_a_step_that_an_exception_left_has_no_tick(console: Console) -> None:
    def trip() -> None:
        with LiveProgress(console) as live:
            live.step("signing in")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is our own
        trip()
    assert _mark(_last(console), "signing in") == "✗"


def test_an_account_of_which_something_is_missing_has_no_tick(console: Console) -> None:
    with LiveProgress(console) as live:
        live.step("account 1")
        live.count("bills", 2, 3)
        live.step("account 2")
        live.count("bills", 3, 3)
        live.step("account 3")
        live.count("bills", 3, 3)
        live.fail({"account 3"})
    shown = _last(console)
    assert [_mark(shown, f"account {number}") for number in (1, 2, 3)] == ["✗", "✓", "✗"]
    assert [line[0] for line in shown if "bills" in line] == ["✗", "✓", "✓"]


def test_a_step_of_a_portals_words_is_no_markup(console: Console) -> None:
    with LiveProgress(console) as live:
        live.step("account [/evil]\x1b]0;owned\x07")
    assert "account [/evil]" in "\n".join(_last(console))
    assert "\x1b]0" not in str(getattr(console.file, "getvalue", str)())


def test_log_lines_go_above_the_display(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERFARM_LOG_FORMAT", "text")
    log_to_stderr(Secrets())
    with LiveProgress(console) as live:
        live.step("signing in")
        structlog.get_logger("any").warning("slow", what="portal")
    structlog.reset_defaults()
    written = str(getattr(console.file, "getvalue", str)())
    assert "warning slow what=portal" in written
    assert "slow" not in "\n".join(_last(console))
    assert sys.stderr is not console.file


def _mark(shown: list[str], step: str) -> str:
    (line,) = [line for line in shown if line[2:].strip() == step]
    return line[0]
