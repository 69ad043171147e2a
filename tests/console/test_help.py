"""What `--help` shows of every command at 80 columns, `--version`, and completion in bash for `./run`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.core import TyperGroup
from typer.main import get_command

from meterfarm import cli
from meterfarm.console.program import program

ROOT = Path(__file__).parents[2]


def _commands(command: object, *names: str) -> Iterator[tuple[str, ...]]:
    yield names
    if isinstance(command, TyperGroup):
        for name, of_it in command.commands.items():
            yield from _commands(of_it, *names, name)


ALL = [names for names in _commands(get_command(cli.app)) if names != ("fake",)]


def _help(names: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    cli.app([*names, "--help"], prog_name="meterfarm", standalone_mode=False)
    return capsys.readouterr().out


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_help_fits_80_columns_and_shows_no_types(
    names: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    shown = _help(names, capsys)
    assert all(cell_len(line) <= 80 for line in shown.splitlines())
    assert not re.search(r"<(bool|str|int|float|path|file)\b|\blist\[", shown)
    if "COMMAND [ARGS]" not in shown:
        assert f"$ {program()} {' '.join(names)}" in " ".join(shown.split()) or "| " in shown
        assert "Examples:" in shown


def test_commands_are_in_panels_and_run_names_what_it_adds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    shown = _help((), capsys)
    assert "─ Commands ─" not in shown
    for panel in ("Fetch and read", "Customers, runs and challenges", "Workers and this machine"):
        assert f"─ {panel} ─" in shown
    cases = re.findall(r"^    ([a-z-]+)\)", (ROOT / "run").read_text(), re.MULTILINE)
    assert {"setup", "test", "fuzz", "bench", "check-external"} <= set(cases)
    for case in cases:
        assert re.search(rf"^ {case} ", shown, re.MULTILINE), case


def test_it_says_its_version() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ran = subprocess.run(
        [sys.executable, "-m", "meterfarm.cli", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (0, f"meterfarm {declared}\n")


def test_bash_completes_run(tmp_path: Path) -> None:
    """By the script that it prints, in a real bash; only `./run` is not the one that sets up."""
    run = tmp_path / "run"
    run.write_text(f'#!/bin/sh\nexec {sys.executable} -m meterfarm.cli "$@"\n')
    run.chmod(0o755)
    script = """
        eval "$(./run --show-completion bash)"
        COMP_WORDS=(./run customer im) COMP_CWORD=2
        _run_completion ./run
        printf '%s' "${COMPREPLY[*]}"; complete -p run
    """
    environment = {**os.environ, "SHELL": "/bin/bash"}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.stdout == "importcomplete -o default -F _run_completion run\n", ran.stderr
