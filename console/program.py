"""How this program is started, for hints that name a command."""

from __future__ import annotations

from pathlib import Path

_RUN = Path(__file__).resolve().parents[1] / "run"


def program() -> str:
    """`./run` in a checkout, `meterfarm` where it is installed."""
    return "./run" if _RUN.is_file() else "meterfarm"
