"""One run at a time for a login."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from storage.errors import StorageError


class LoginLock:
    """A lock on a login that one ``LoginLock`` holds at a time, of all in all processes.

    The kernel releases it (``flock``) when the process ends, however it ends. It holds on one machine;
    several machines will need a lease in the database. Raises StorageError if the lock file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def try_acquire(self) -> bool:
        """Whether it is held by this one now, without waiting."""
        try:
            self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self) -> None:
        """Wait until it is held. Nothing calls the wait off: do it in a thread that may be left behind."""
        self._take(fcntl.LOCK_EX)

    def release(self) -> None:
        """Let go; nothing happens if it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> LoginLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take(self, how: int) -> None:
        if self._handle is not None:
            return
        handle: int | None = None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(handle, how)
        except OSError as exc:
            if handle is not None:
                os.close(handle)
            if isinstance(exc, BlockingIOError):
                raise
            raise StorageError(
                f"The lock file {self._path} cannot be used ({exc.strerror}); "
                "make its directory writable or set METERFARM_HOME to another one."
            ) from exc
        self._handle = handle
