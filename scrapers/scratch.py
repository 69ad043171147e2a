"""Where the browser keeps what must not outlive a run: its profile, and the trace before it is scrubbed.

The folder belongs to the process, only its owner can read it, and what a killed process left is removed by
the next one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meterfarm.storage.settings import prepare_home


@contextmanager
def scratch_folder(home: Path) -> Iterator[Path]:
    """A folder below ``home`` for as long as the block lasts."""
    everybody = prepare_home(home) / "tmp"
    everybody.mkdir(mode=0o700, exist_ok=True)
    _sweep(everybody)
    own = everybody / str(os.getpid())
    own.mkdir(mode=0o700, exist_ok=True)
    try:
        yield own.absolute()
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _sweep(everybody: Path) -> None:
    for folder in everybody.iterdir():
        if folder.name.isdigit() and not _lives(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
