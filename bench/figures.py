"""The file that a benchmark's figures go to, if one is named."""

from __future__ import annotations

import json
from pathlib import Path

from meterfarm.console.errors import UsageError


def check_writable(file: Path | None) -> None:
    """Find out before the measuring, which takes minutes.

    Raises:
        UsageError: the file cannot be written.
    """
    _write(file, "", "a")


def write_figures(file: Path | None, figures: object) -> None:
    """Write them as JSON; without a file do nothing.

    Raises:
        UsageError: the file cannot be written.
    """
    _write(file, json.dumps(figures, indent=2) + "\n", "w")


def _write(file: Path | None, text: str, mode: str) -> None:
    if file is None:
        return
    try:
        with file.open(mode, encoding="utf-8") as opened:
            opened.write(text)
    except OSError as exc:
        raise UsageError(f"{file} cannot be written ({exc.strerror}); name another file.") from exc
