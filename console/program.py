"""How this program is started, for hints that name a command."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

_RUN = Path(__file__).resolve().parents[1] / "run"


def program() -> str:
    """`./run` in a checkout, `meterfarm` where it is installed."""
    return "./run" if _RUN.is_file() else "meterfarm"


def version() -> str:
    """That of the installed package; in a checkout the one it declares."""
    if not _RUN.is_file():
        return metadata.version("meterfarm")
    with (_RUN.parent / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])
