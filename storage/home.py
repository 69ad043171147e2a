"""The directory that holds the state: private to its owner, files written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meterfarm.storage.errors import StorageError

DATABASE = "meterfarm.db"
KEY_FILE = "vault.key"
FILES = "files"
LOCK = "setup.lock"
_OTHERS = 0o077


def prepare_home(home: Path) -> Path:
    """Make ``home`` (0700), or take group's and others' rights from one that exists, and from its files."""
    home = home.absolute()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / FILES).mkdir(mode=0o700, exist_ok=True)
        for path in (home, home / FILES, home / KEY_FILE, *home.glob(f"{DATABASE}*")):
            _tighten(path)
    except OSError as exc:
        raise StorageError(
            f"The state directory {home} cannot be used ({exc.strerror}); "
            "make it writable or set METERFARM_HOME to another one."
        ) from exc
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise StorageError(
            f"The state directory {home} is not writable; "
            "change its owner or set METERFARM_HOME to another one."
        )
    return home


def _tighten(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if mode & _OTHERS:
        path.chmod(mode & 0o777 & ~_OTHERS)


@contextmanager
def setup_lock(home: Path) -> Iterator[None]:
    """Held by the one process that sets up or migrates the state in ``home``; others wait."""
    handle = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` to write to (0600); gone afterwards unless it was moved."""
    handle, name = tempfile.mkstemp(prefix=".tmp-", dir=target.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def write_synced(path: Path, content: bytes) -> None:
    """Write ``content`` and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until what was written to a file, or what a directory lists, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
