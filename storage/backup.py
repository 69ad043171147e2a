"""A copy of the state while it is in use: the database as of one moment, and every file that it names.

Files are copied first and once more after the database, since runs go on meanwhile. The vault's key is not
part of it: who finds a backup must not be able to open what is sealed in it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from meterfarm.storage.errors import StorageError
from meterfarm.storage.home import DATABASE, FILES, LOCK, sync


def back_up(home: Path, target: Path) -> int:
    """Copy a state on this machine to ``target``, which is new or an earlier backup; how many files it has.

    A file that is there already is not copied again. Raises StorageError.
    """
    source = home / DATABASE
    if not source.is_file():
        raise StorageError(f"There is no database in {home} to back up.")
    if target.resolve().is_relative_to(home.resolve()):
        raise StorageError(f"A backup within the state directory {home} would be lost with it; name another.")
    if (target / LOCK).exists():
        raise StorageError(
            f"{target} is a state directory itself, which a backup would overwrite; name another."
        )
    with _explained(target):
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy_files(home / FILES, target / FILES)
        _copy_database(source, target / DATABASE)
        _copy_files(home / FILES, target / FILES)
        missing = [name for name in _named(target / DATABASE) if not _place(target / FILES, name).is_file()]
    if missing:
        raise StorageError(f"{len(missing)} files that the database names are missing in {home / FILES}.")
    return sum(1 for _ in (target / FILES).glob("??/*"))


def _copy_database(source: Path, target: Path) -> None:
    """By SQLite itself, with its locks and its write-ahead log; the former copy stays until this is whole."""
    aside = target.with_name(f".{target.name}.new")
    aside.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(source, timeout=30)) as here, closing(sqlite3.connect(aside)) as there:
        here.backup(there)
        there.execute("PRAGMA journal_mode = DELETE")
        [(said,)] = there.execute("PRAGMA integrity_check").fetchall()[:1]
    if said != "ok":
        raise StorageError(f"The database {source} is damaged ({said}); the backup before is kept.")
    sync(aside)
    aside.rename(target)
    sync(target.parent)


def _copy_files(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    for path in sorted(source.glob("??/*")):
        copy = _place(target, path.name)
        if path.name.startswith(".") or copy.exists():
            continue
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        aside = copy.with_name(f".{copy.name}")
        try:
            shutil.copyfile(path, aside)
        except FileNotFoundError:
            continue  # swept meanwhile
        aside.chmod(0o600)
        sync(aside)
        aside.rename(copy)


def _named(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        yield from (name for (name,) in connection.execute("SELECT sha256 FROM file WHERE refs > 0"))


def _place(root: Path, name: str) -> Path:
    return root / name[:2] / name


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise StorageError(
            f"The backup to {target} did not succeed ({reason}); see to it, then again."
        ) from exc
