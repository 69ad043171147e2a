"""Redis servers as somebody else may run them, and what is no Redis but listens."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from meterfarm.farm.redis.private import redis_server
from tests.farm.post import free_port

_START_SECONDS = 10.0
_LOOK = threading.Event()


@contextmanager
def redis_at(folder: Path, *options: str) -> Iterator[int]:
    """A server on 127.0.0.1 with these options; the port, once it answers there."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(redis_server()), "--save", "", "--dir", str(folder), "--bind", "127.0.0.1"]
    with subprocess.Popen([*command, "--port", str(port), *options], stdout=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + _START_SECONDS
            while not _listens(port):
                if time.monotonic() > until:
                    raise AssertionError("the Redis server did not start")
                _LOOK.wait(0.02)
            yield port
        finally:
            server.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def told(port: int, *commands: str, password: str | None = None) -> None:
    """Have a server do these, each a line of words."""
    with Redis(port=port, password=password) as redis:
        for command in commands:
            redis.execute_command(*command.split())


def answered(port: int) -> bool:
    """Whether it answers at all."""
    with Redis(port=port) as redis, suppress(NotThere):
        return bool(redis.ping())
    return False


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of TCP that does ``serve`` with each connection, in a thread of its own; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_ones: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                open_ones.append(line)
                threading.Thread(target=_quietly, args=(serve, line), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for line in open_ones:
        line.close()


def _quietly(serve: Callable[[socket.socket], None], line: socket.socket) -> None:
    with suppress(OSError):
        serve(line)
