"""A state directory whose database has its tables already: to make them takes longer than most tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from meterfarm.storage.settings import DATABASE, Settings
from meterfarm.storage.store import Store


def ready_home(home: Path) -> None:
    """Make it, unless there is one."""
    if not home.exists():
        home.mkdir(mode=0o700)
        (home / DATABASE).write_bytes(_database())


@cache
def _database() -> bytes:
    with TemporaryDirectory() as scratch:
        Store.open(Settings(home=Path(scratch))).close()
        return (Path(scratch) / DATABASE).read_bytes()
