"""Where the state lives: settings of the environment, a directory private to its owner, its backup."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from meterfarm.storage import StorageError
from meterfarm.support.environment import state_directory


class Settings(BaseSettings):
    """Frozen. ``database_url`` may carry a password, so it masks itself like the keys.

    ``secret_keys`` are urlsafe base64 keys of 32 bytes, comma separated: the first encrypts, all decrypt.
    They are required with ``database_url``; without it a key file in ``home`` is made at first use.
    ``files_url`` is s3://bucket/prefix for files in a bucket, "" for files in ``home``.
    ``home`` has its ``~`` expanded; MachineError if that names no user's home. ``local_hosts`` is the file
    with host names that stand for this machine (``support.local_hosts``), if there are any.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="METERFARM_",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        extra="ignore",
    )

    home: Path = Path(".meterfarm")
    database_url: SecretStr = Field(default=SecretStr(""), validation_alias="DATABASE_URL")
    secret_keys: SecretStr = SecretStr("")
    files_url: str = Field(default="", validation_alias="FILES_URL")
    local_hosts: Path | None = None

    @field_validator("home")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        return state_directory(home)


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


def back_up(home: Path, target: Path) -> int:
    """Copy a state on this machine to ``target``, which is new or an earlier backup; how many files it has.

    A file that is there already is not copied again.

    Raises:
        StorageError: there is nothing to copy, or it cannot be written there.
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
        [(verdict,)] = there.execute("PRAGMA integrity_check").fetchall()[:1]
    if verdict != "ok":
        raise StorageError(f"The database {source} is damaged ({verdict}); the backup before is kept.")
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
