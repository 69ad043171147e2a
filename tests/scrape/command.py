"""The real command in a process of its own, answered at its prompts."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.forked import Forked
from tests.scrape.portal import Answer

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
BRIEFLY = ("--since", "2026-10-01")
"""For tests that are not about the documents: two bills and some weeks of readings."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How the command ended; ``prompts`` are the JSON lines it asked with."""

    status: int
    stdout: str
    stderr: str
    prompts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self.stdout)
        return summary


def environment(home: Path, **extra: str) -> dict[str, str]:
    return os.environ | {"METERFARM_HOME": str(home), "PYTHONPATH": str(ROOT)} | extra


def start(home: Path, *arguments: str, **extra: str) -> Forked:
    """Start the command."""
    return Forked(arguments, environment(home, **extra), home.parent)


def meterfarm(home: Path, *arguments: str, stdin: str = "", **extra: str) -> Ran:
    """Run any command to its end."""
    with start(home, *arguments, **extra) as process:
        stdout, stderr = process.communicate(stdin)
        return Ran(process.wait(), stdout, stderr)


def scrape(
    home: Path,
    out: Path,
    username: str,
    *arguments: str,
    password: str = PASSWORD,
    secrets: tuple[str, ...] = (),
    answer: Answer | None = None,
    utility: str = "speculoos_power",
    **extra: str,
) -> Ran:
    """`scrape UTILITY --json` with secrets on stdin; each prompt gets ``answer``'s line."""
    fixed = (
        "scrape",
        utility,
        "--username",
        username,
        "--password-stdin",
        "--json",
        "--out",
        str(out),
    )
    mfa = ("--mfa-stdin",) if answer else ()
    with start(home, *fixed, *mfa, *arguments, **extra) as process:
        if process.stderr is None:
            raise RuntimeError("no pipe")
        process.tell("\n".join((password, *secrets)))
        prompts, said = [], []
        for line in process.stderr:
            said.append(line)
            if answer and line.startswith('{"event": "mfa"'):
                prompts.append(json.loads(line))
                process.tell(answer(prompts[-1]))
        stdout = process.stdout.read()
        return Ran(process.wait(100), stdout, "".join(said), prompts)
