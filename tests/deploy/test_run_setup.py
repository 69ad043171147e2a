"""`./run` says what it installs: lines in a pipe, the time since at a terminal; and once only."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PYTHON = """#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    *"pip install"*) [ ! -p "$PIP_WAITS" ] || read -r _ <"$PIP_WAITS"; exit "${PIP_STATUS:-0}" ;;
esac
"""
_STEPS = ["Python's virtual environment", "Python packages", "what Playwright's driver needs",
          "a headless Chromium", "a Redis server"]  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """With a Python that installs nothing."""
    folder = tmp_path / "checkout"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "run", folder / "run")
    (folder / "bin" / "python3").write_text(_PYTHON)
    (folder / "bin" / "python3").chmod(0o755)
    for name in ("requirements.txt", "pyproject.toml"):
        (folder / name).write_text("x\n")
    return folder


def _environment(checkout: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{checkout / 'bin'}:{os.environ['PATH']}", "HOME": str(checkout), **more}


def test_in_a_pipe_each_step_is_a_line_when_it_begins(checkout: Path) -> None:
    command: list[str | Path] = ["sh", checkout / "run", "setup"]
    for expected in (
        ["run: setting up, once", *(f"run: step {n} of 5: {what}" for n, what in enumerate(_STEPS, 1))],
        [],
    ):
        ran = subprocess.run(
            command, env=_environment(checkout), capture_output=True, text=True, check=True, timeout=60
        )
        assert (ran.stdout, ran.stderr.splitlines()) == ("", expected)


def test_what_fails_is_said_after_its_step(checkout: Path) -> None:
    ran = subprocess.run(
        ["sh", checkout / "run", "setup"],
        env=_environment(checkout, PIP_STATUS="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "step 2 of 5: Python packages" in ran.stderr.splitlines()[-3]
    assert "the packages in requirements.txt could not be installed" in ran.stderr.splitlines()[-1]


def test_at_a_terminal_the_time_since_is_shown(checkout: Path) -> None:
    waits = checkout / "pip waits"
    os.mkfifo(waits)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["sh", checkout / "run", "setup"],
        env=_environment(checkout, PIP_WAITS=str(waits)),
        stderr=theirs,
        stdin=subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        shown = b""
        while not re.search(rb"step 2 of 5: Python packages, [1-9]", shown):
            shown += os.read(ours, 4096)
        waits.write_text("go on\n")
        try:
            while some := os.read(ours, 4096):
                shown += some
        except OSError:
            pass  # how a terminal says that all others have left
        assert process.wait(30) == 0
    os.close(ours)
    lines = [line.rpartition("\033[K")[2] for line in shown.decode().split("\n") if line.strip()]
    assert [line.rpartition(",")[0] for line in lines[1:]] == [
        f"run: step {n} of 5: {what}" for n, what in enumerate(_STEPS, 1)
    ]
