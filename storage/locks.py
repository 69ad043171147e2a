"""One run at a time for a login."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType

from storage.errors import StorageError

_ASK_AGAIN = 0.1


class LoginLock:
    """A lock on a login that one ``LoginLock`` holds at a time, of all in all processes.

    The kernel releases it (``flock``) when the process ends, however it ends. It holds on one machine;
    several machines will need a lease in the database. Raises StorageError if the lock file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._mutex = threading.Lock()
        self._given_up = threading.Event()

    def try_acquire(self) -> bool:
        """Whether it is held by this one now, without waiting."""
        with self._mutex:
            return self._take()

    def acquire(self) -> None:
        """Wait until it is held. ``release`` from another thread ends the wait with a StorageError.

        The wait asks again and again, because a thread that waits in ``flock`` itself cannot be called off.
        """
        self._given_up.clear()
        while True:
            with self._mutex:
                if self._given_up.is_set():
                    raise StorageError("The wait for another run of this login was called off; run again.")
                if self._take():
                    return
            self._given_up.wait(_ASK_AGAIN)

    def release(self) -> None:
        """Let go, or stop waiting; nothing happens if it is neither held nor waited for."""
        with self._mutex:
            self._given_up.set()
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

    def _take(self) -> bool:
        if self._handle is not None:
            return True
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                raise
        except BlockingIOError:
            return False
        except OSError as exc:
            raise StorageError(
                f"The lock file {self._path} cannot be used ({exc.strerror}); "
                "make its directory writable or set METERFARM_HOME to another one."
            ) from exc
        self._handle = handle
        return True
