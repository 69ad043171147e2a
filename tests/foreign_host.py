"""A host that no portal is: it notes whatever reaches it, by TCP or as a datagram."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.local_site import listening

_LONGEST = 4096
_SECONDS = 5.0


class ForeignHost:
    """Listens on one port of ``host`` for both. ``asked`` are the paths asked for, "" of what is no HTTP."""

    def __init__(self, host: str) -> None:
        self._tcp = listening(host)
        port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((host, port))
        self._udp.setblocking(False)
        self.address = f"{host}:{port}"
        self.asked: list[str] = []
        self._asked = threading.Condition()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def missing(self, paths: set[str], seconds: float) -> set[str]:
        """Which of the paths nobody asked for, so many seconds long at most."""
        with self._asked:
            self._asked.wait_for(lambda: paths <= set(self.asked), seconds)
            return paths - set(self.asked)

    def datagrams(self) -> int:
        """How many have come since this was asked last."""
        number = 0
        with suppress(BlockingIOError):
            while True:
                self._udp.recv(_LONGEST)
                number += 1
        return number

    def has_datagram(self, seconds: float) -> bool:
        """Whether one comes within so many seconds."""
        return bool(select.select([self._udp], [], [], seconds)[0])

    def close(self) -> None:
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()
        self._udp.close()
        self._thread.join()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(_SECONDS)
            words = connection.recv(_LONGEST).split(b" ")
            with self._asked:
                self.asked.append(words[1].decode("latin-1") if words[1:] and words[1][:1] == b"/" else "")
                self._asked.notify_all()
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@contextmanager
def foreign_host(host: str = "127.0.0.2") -> Iterator[ForeignHost]:
    found = ForeignHost(host)
    try:
        yield found
    finally:
        found.close()
