"""The file with the vault's keys, a line each, newest first: written whole, and synced, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from meterfarm.storage.errors import StorageError
from meterfarm.storage.home import sync, write_synced, written_aside
from meterfarm.storage.vault import MasterKey, new_key, parse_keys


class KeyFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[MasterKey]:
        """Newest first; none if there is no such file."""
        text = self._text()
        if text is None:
            return []
        keys = parse_keys(text, str(self.path))
        if not keys:
            raise StorageError(f"The vault key {self.path} is empty; restore it from a backup.")
        return keys

    def make(self) -> None:
        """Write a new key, unless another process has just done so."""
        try:
            with written_aside(self.path) as aside:
                write_synced(aside, f"{new_key()}\n".encode())
                self.path.hardlink_to(aside)
        except FileExistsError:
            return
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def put_new_key_first(self) -> None:
        self._write([new_key(), *self._lines()])

    def keep_only(self, key_ids: Collection[str]) -> None:
        """Drop the keys, but the first, that are not among these."""
        first, *rest = self._lines()
        kept = [line for line in rest if parse_keys(line, str(self.path))[0].id in key_ids]
        if kept != rest:
            self._write([first, *kept])

    def clear_leftovers(self) -> None:
        """Remove what a killed process wrote aside: there may be keys in it."""
        for path in self.path.parent.glob(".tmp-*"):
            path.unlink(missing_ok=True)

    def _lines(self) -> list[str]:
        return [line for line in (self._text() or "").split() if line]

    def _text(self) -> str | None:
        try:
            return self.path.read_text("ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise StorageError(
                f"The vault key {self.path} cannot be read; restore it from a backup."
            ) from exc

    def _write(self, lines: Sequence[str]) -> None:
        try:
            with written_aside(self.path) as aside:
                write_synced(aside, "".join(f"{line}\n" for line in lines).encode())
                aside.rename(self.path)
            sync(self.path.parent)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _unwritable(self, exc: OSError) -> StorageError:
        return StorageError(
            f"The vault key {self.path} cannot be written ({exc.strerror}); "
            "free some space or set METERFARM_HOME to another directory."
        )
