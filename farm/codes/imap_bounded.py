"""imapclient on a connection that has its time and its size: what a server sends is counted, drop by drop.

imaplib waits for each piece by itself and reads a literal of any size, so a server that drips or floods would
hold whoever asks it for ever.
"""

from __future__ import annotations

import imaplib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Literal

from imapclient import IMAPClient  # type: ignore[import-untyped]

from meterfarm.storage.channels import MailAccount

_PIECE = 64 * 1024
_LONGEST_LINE = 256 * 1024
_MOST_LINES = 20_000


class TooMuch(OSError):
    """The server sends more than was asked for."""


@dataclass(slots=True)
class Budget:
    """What is left for the present exchange: time, bytes and lines. ``literal``: the most bytes of a mail."""

    literal: int
    until: float = 0.0
    bytes: int = 0
    lines: int = 0

    def begin(self, seconds: float, size: int) -> None:
        """Begin an exchange of at most so many seconds and bytes."""
        self.until, self.bytes, self.lines = time.monotonic() + seconds, size, _MOST_LINES

    def left(self) -> float:
        """Seconds. Raises TimeoutError if there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the exchange took too long")
        return left

    def spend(self, size: int) -> None:
        """Count bytes that came. Raises TooMuch if there were more than asked for."""
        self.bytes -= size
        if self.bytes < 0:
            raise TooMuch("more bytes than were asked for")


class _Imap4(imaplib.IMAP4):
    """``context`` is for TLS from the start."""

    def __init__(self, account: MailAccount, budget: Budget, context: ssl.SSLContext | None) -> None:
        self._budget = budget
        self._context = context
        self._buffer = bytearray()
        super().__init__(account.host, account.port)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        last: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM
        ):
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(self._budget.left())
                made.connect(address)
                if self._context is None:
                    return made
                made.settimeout(self._budget.left())
                return self._context.wrap_socket(made, server_hostname=self.host)
            except OSError as exc:
                made.close()
                last = exc
                if isinstance(exc, ssl.SSLError):
                    break
        raise last or OSError("no address")

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[Literal["OK"], list[None]]:
        self.sock.settimeout(self._budget.left())
        answer = super().starttls(ssl_context)
        if self._buffer:
            raise TooMuch("something came in clear after the answer to STARTTLS")
        return answer

    def send(self, data: bytes) -> None:  # type: ignore[override] # typeshed has a buffer
        self.sock.settimeout(self._budget.left())
        super().send(data)

    def read(self, size: int) -> bytes:
        if size > self._budget.literal:
            raise TooMuch("a literal that is longer than was asked for")
        while len(self._buffer) < size:
            if not self._receive():
                break
        return self._take(size)

    def readline(self) -> bytes:
        self._budget.lines -= 1
        if self._budget.lines < 0:
            raise TooMuch("more lines than were asked for")
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > _LONGEST_LINE:
                raise TooMuch("a line that is too long")
            if not self._receive():
                end = searched - 1
                break
        return self._take(end + 1)

    def _receive(self) -> bool:
        """Another piece; False at the end of the connection."""
        self.sock.settimeout(self._budget.left())
        piece = self.sock.recv(_PIECE)
        self._budget.spend(len(piece))
        self._buffer += piece
        return bool(piece)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


class BoundedClient(IMAPClient):  # type: ignore[misc] # untyped
    """Made when connected. Each exchange has what ``budget`` was given at its beginning."""

    def __init__(self, account: MailAccount, budget: Budget, context: ssl.SSLContext | None) -> None:
        self._account = account
        self._budget = budget
        super().__init__(account.host, account.port, ssl=context is not None, ssl_context=context)

    def _create_IMAP4(self) -> _Imap4:
        return _Imap4(self._account, self._budget, self.ssl_context if self.ssl else None)
