"""Content-addressed files: ``<root>/ab/<sha256>``, written aside, synced and renamed into place."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from storage.errors import StorageError
from storage.home import write_synced, written_aside


class Files:
    """Bytes by their hash. An interrupted write leaves no file under its hash."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the file is there, by its name alone."""
        try:
            return self.path(sha256).is_file()
        except OSError:
            return False

    def put(self, content: bytes) -> str:
        """Keep ``content``; returns its SHA-256 in hex. Bytes already there are not written again."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.put_as(sha256, content)
        return sha256

    def put_as(self, sha256: str, content: bytes) -> None:
        """Keep ``content`` under its hash, already known."""
        target = self.path(sha256)
        try:
            if target.exists():
                os.utime(target)
                return
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with written_aside(target) as aside:
                write_synced(aside, content)
                aside.rename(target)
            _sync_directory(target.parent)
        except OSError as exc:
            raise StorageError(
                f"A file could not be written to {self.root} ({exc.strerror}); "
                "free some space or make it writable, then run again."
            ) from exc

    def read(self, sha256: str) -> bytes:
        try:
            return self.path(sha256).read_bytes()
        except OSError as exc:
            raise StorageError(
                f"The stored file {self.path(sha256)} cannot be read ({exc.strerror}); "
                "restore it from a backup."
            ) from exc

    def delete(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)

    def leftovers(self, older_than: float) -> Iterator[Path]:
        """Files, whole or interrupted, last touched over ``older_than`` seconds ago."""
        before = time.time() - older_than
        for path in self.root.glob("??/*"):
            try:
                if path.stat().st_mtime < before:
                    yield path
            except FileNotFoundError:
                continue


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
