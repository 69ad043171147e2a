"""Starting processes by forking one that has imported all they need.

Importing all that a worker needs takes more than a second of processor time, a fork some milliseconds, and
what was imported is in memory once. Only the thread that forks goes on in the new process: so a command
enters a ``Zygote`` before its event loop and any thread begin, and the zygote has no thread.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import structlog

from meterfarm.farm.workers.forking import forked
from meterfarm.support.environment import python_path


class Child:
    """A process that a zygote was ordered to fork. It stops when its pipe closes, as it does when we end."""

    def __init__(self, lines: asyncio.StreamReader, pipe: asyncio.StreamWriter) -> None:
        self._lines = lines
        self._pipe = pipe
        self.pid = 0
        """0 until it is known."""

    async def began(self) -> int:
        """Its id, once it has begun; 0 if it did not."""
        if not self.pid:
            self.pid = int(await self._line() or 0)
        return self.pid

    async def ended(self) -> int | None:
        """Its exit status once it has ended, as ``subprocess`` has it; None if its zygote ended before it."""
        await self.began()
        line = await self._line()
        return int(line) if line else None

    async def _line(self) -> bytes:
        try:
            return await self._lines.readline()
        except ConnectionError:
            return b""

    def stop(self) -> None:
        """Ask it to stop, by closing our end of its pipe for writing."""
        with suppress(OSError):
            self._pipe.write_eof()

    def kill(self) -> None:
        """Only for one that has not ended."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the pipe: a process that still lives stops."""
        self._pipe.close()


class Zygote:
    """In its ``with`` block processes can be started that run ``main`` of a module, which is named.

    The zygote ends with us, however we end, and its children then stop. If it is killed they go on: they hang
    on their pipes, not on it. The next one then comes from a new zygote, which has to import all again.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._line: tuple[int, socket.socket] | None = None

    def __enter__(self) -> Zygote:
        self._begin(by_fork=len(list(Path("/proc/self/task").iterdir())) == 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    async def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        """A new process, with these arguments and ``--parent-fd``, its pipe's descriptor.

        The environment may hold secrets: others cannot see it.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._order(theirs)
            lines, pipe = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        order = {"arguments": list(arguments), "environment": dict(environment)}
        pipe.write(json.dumps(order).encode() + b"\n")
        return Child(lines, pipe)

    def _order(self, pipe: socket.socket) -> None:
        try:
            self._send(pipe)
        except ConnectionError:
            log = structlog.get_logger("supervisor")
            log.warning("zygote.replaced", reason="it was killed")
            self._end()
            self._begin(by_fork=False)
            self._send(pipe)

    def _send(self, pipe: socket.socket) -> None:
        if self._line is None:
            raise RuntimeError("enter the zygote before you start anything")
        socket.send_fds(self._line[1], [b"+"], [pipe.fileno()])

    def _begin(self, *, by_fork: bool) -> None:
        """By fork it has at once what we have imported; with threads about, that is not safe."""
        ours, theirs = socket.socketpair()
        with theirs:
            pid = forked(self._module, theirs) if by_fork else _spawned(self._module, theirs)
        self._line = pid, ours

    def _end(self) -> None:
        """It has nothing to finish: its children have ended, or are about to."""
        if self._line is not None:
            (pid, line), self._line = self._line, None
            line.close()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _spawned(module: str, orders: socket.socket) -> int:
    orders.set_inheritable(True)
    command = [sys.executable, "-m", "meterfarm.farm.workers.forking", module, str(orders.fileno())]
    return os.posix_spawn(sys.executable, command, {**os.environ, "PYTHONPATH": python_path()}, setsid=True)
