"""Content-addressed files: ``<root>/ab/<sha256>``, written aside, synced and renamed into place."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from meterfarm.storage import StorageError
from meterfarm.storage.settings import sync, written_aside


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file, whole or interrupted, that nothing may refer to. ``name`` is its hash, if it is whole."""

    name: str
    remove: Callable[[], None]


class AnyFiles(Protocol):
    """Bytes by their hash, wherever they are kept."""

    def where(self, sha256: str) -> str:
        """Its name, for people."""

    def has(self, sha256: str) -> bool:
        """Whether it is there."""

    def those_there(self, hashes: Iterable[str]) -> Set[str]:
        """Which of these are there."""

    def put(self, content: bytes) -> str:
        """Keep ``content``; its SHA-256 in hex."""

    def put_all(self, contents: Sequence[bytes]) -> list[str]:
        """Keep several; their hashes in order."""

    def put_as(self, contents: Mapping[str, bytes]) -> None:
        """Keep contents under their hashes, already known."""

    def read(self, sha256: str) -> bytes:
        """Its bytes. Raises StorageError."""

    def delete(self, sha256: str) -> None:
        """Delete it; nothing happens if it is not there."""

    def leftovers(self, older_than: float) -> Iterator[Leftover]:
        """What was last written over ``older_than`` seconds ago."""


class Files:
    """Bytes by their hash. An interrupted write leaves no file under its hash."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where it is, or would be."""
        return self.root / sha256[:2] / sha256

    def where(self, sha256: str) -> str:
        """Its name, for people."""
        return str(self.path(sha256))

    def those_there(self, hashes: Iterable[str]) -> Set[str]:
        """Which of these are there."""
        return {sha256 for sha256 in hashes if self.has(sha256)}

    def has(self, sha256: str) -> bool:
        """Whether the file is there, by its name alone."""
        try:
            return self.path(sha256).is_file()
        except OSError:
            return False

    def put(self, content: bytes) -> str:
        """Keep ``content``; returns its SHA-256 in hex. Bytes already there are not written again."""
        return self.put_all([content])[0]

    def put_all(self, contents: Sequence[bytes]) -> list[str]:
        """Keep several; their hashes. Each is on the disk before any is there under its hash."""
        hashes = [hashlib.sha256(content).hexdigest() for content in contents]
        self.put_as(dict(zip(hashes, contents, strict=True)))
        return hashes

    def put_as(self, contents: Mapping[str, bytes]) -> None:
        """Keep contents under their hashes, already known.

        All are written before the first is waited for: the disk then has much of the rest already.

        Raises:
            StorageError: they cannot be written.
        """
        try:
            with ExitStack() as stack:
                moves: list[tuple[Path, Path]] = []
                for sha256, content in contents.items():
                    target = self.path(sha256)
                    if target.exists():
                        os.utime(target)
                        continue
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    aside = stack.enter_context(written_aside(target))
                    aside.write_bytes(content)
                    moves.append((aside, target))
                for aside, _ in moves:
                    sync(aside)
                for aside, target in moves:
                    aside.rename(target)
                for directory in {target.parent for _, target in moves}:
                    sync(directory)
        except OSError as exc:
            raise StorageError(
                f"A file could not be written to {self.root} ({exc.strerror}); "
                "free some space or make it writable, then run again."
            ) from exc

    def read(self, sha256: str) -> bytes:
        """Its bytes.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            return self.path(sha256).read_bytes()
        except OSError as exc:
            raise StorageError(
                f"The stored file {self.path(sha256)} cannot be read ({exc.strerror}); "
                "restore it from a backup."
            ) from exc

    def delete(self, sha256: str) -> None:
        """Delete it; nothing happens if it is not there."""
        self.path(sha256).unlink(missing_ok=True)

    def leftovers(self, older_than: float) -> Iterator[Leftover]:
        """Files, whole or interrupted, last touched over ``older_than`` seconds ago."""
        before = time.time() - older_than
        for path in self.root.glob("??/*"):
            try:
                if path.stat().st_mtime < before:
                    yield Leftover(path.name, partial(path.unlink, missing_ok=True))
            except FileNotFoundError:
                continue
