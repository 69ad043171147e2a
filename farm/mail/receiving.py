"""An SMTP server for mail that a mail server hands on: nobody else, in bounds of number, time and size.

aiosmtpd speaks the protocol. What is refused is refused with a reason in the reply, and a mail is taken only
once it is kept.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, AnyStr, Protocol

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from meterfarm.storage import StorageError
from meterfarm.support.foreign_text import one_line

LARGEST_MAIL = 32 * 1024 * 1024
_SECONDS = 120.0
"""For each command, and for all of a mail with what is done with it."""
_MOST_CONNECTIONS = 40
_MOST_MAILS = 4
"""That are received at once; each may take three times its size in memory."""
_MOST_COMMANDS = 50
_LONGEST_LINE = 64 * 1024
_LONGEST_REPLY = 400
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_TOO_LARGE = (
    f"552 5.3.4 The mail is larger than {LARGEST_MAIL // 1024**2} MiB; "
    "send fewer bills in a mail, or upload them"
)
_LATER = "451 4.3.0 The mail cannot be kept now; it may be sent again later"


class MailTaker(Protocol):
    """Decides what becomes of a mail. Each gives the reply to refuse with, "" to go on."""

    async def recipient(self, sender: str, recipient: str) -> str:
        """Whether there is somebody of this address for this sender. Raises StorageError."""

    async def mail(self, sender: str, recipient: str, content: bytes) -> str:
        """Keep it. Raises StorageError: it cannot be kept now."""


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """What a server allows; ``seconds`` for a command or a mail, ``mails`` that are received at once."""

    seconds: float = _SECONDS
    connections: int = _MOST_CONNECTIONS
    mails: int = _MOST_MAILS
    size: int = LARGEST_MAIL


@dataclass(slots=True)
class MailRate:
    """At most ``most`` of each name in ``seconds``."""

    most: int
    seconds: float
    _seen: dict[str, deque[float]] = field(default_factory=dict)

    def allows(self, name: str) -> bool:
        """Count one more of this name; False if these are too many."""
        at = time.monotonic()
        seen = self._seen.setdefault(name, deque())
        while seen and seen[0] < at - self.seconds:
            seen.popleft()
        if len(seen) >= self.most:
            return False
        seen.append(at)
        return True


class MailReceiver:
    """Serves on sockets that listen. ``peers`` are addresses and networks that may connect."""

    def __init__(
        self,
        taker: MailTaker,
        name: str,
        peers: Sequence[str],
        *,
        tls: ssl.SSLContext | None = None,
        limits: ReceiverLimits | None = None,
    ) -> None:
        self._handler = _MailHandler(taker)
        self._name = name
        self._peers = [ipaddress.ip_network(each) for each in peers]
        self._tls = tls
        self._limits = limits or ReceiverLimits()
        self._open: set[_Conversation] = set()
        self._mails = asyncio.Semaphore(self._limits.mails)
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)  # it has addresses and content

    async def serve(self, listener: socket.socket) -> None:
        """Until cancelled; then conversations end."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._conversation, sock=listener)
        try:
            async with server:
                await server.serve_forever()
        finally:
            for each in tuple(self._open):
                each.end()

    def _conversation(self) -> _Conversation:
        return _Conversation(self._handler, self._name, self._tls, self._limits, self)

    def why_not(self, conversation: _Conversation, peer: object) -> str:
        """The reply to who may not connect now; "" to who may."""
        if not self._is_peer(peer):
            return "554 5.7.1 Only the operator's mail server hands in mail here"
        if len(self._open) >= self._limits.connections:
            return "421 4.3.2 Too many connections; try again later"
        self._open.add(conversation)
        return ""

    def forget(self, conversation: _Conversation) -> None:
        """It is over."""
        self._open.discard(conversation)

    @property
    def mails(self) -> asyncio.Semaphore:
        """Places for mails that are being received."""
        return self._mails

    def _is_peer(self, peer: object) -> bool:
        if not isinstance(peer, tuple) or not peer:
            return False
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self._peers)


class _Conversation(SMTP):
    """One connection. Whoever may not connect gets the reason instead of a greeting."""

    line_length_limit = _LONGEST_LINE

    def __init__(
        self,
        handler: _MailHandler,
        name: str,
        tls: ssl.SSLContext | None,
        limits: ReceiverLimits,
        receiver: MailReceiver,
    ) -> None:
        super().__init__(
            handler,
            data_size_limit=limits.size,
            hostname=name,
            ident="Meterfarm",
            tls_context=tls,
            timeout=limits.seconds,
            command_call_limit=_MOST_COMMANDS,
            loop=asyncio.get_running_loop(),
        )
        self._receiver = receiver
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        """See ``asyncio.Protocol``; again after STARTTLS."""
        if self._original_transport is None:
            refusal = self._receiver.why_not(self, transport.get_extra_info("peername"))
            if refusal:
                self._refused = True
                transport.write(f"{refusal}\r\n".encode())
                transport.close()
                return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._receiver.forget(self)
        if not self._refused:
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        """See ``asyncio.Protocol``."""
        return None if self._refused else super().eof_received()

    def end(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()

    async def push(self, status: AnyStr) -> None:
        """Reply; too large a mail with what to do about it."""
        text = status.decode() if isinstance(status, bytes) else status
        await super().push(_TOO_LARGE if text.startswith("552 Error") else text)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """A sender who is nobody is a mail that a server wrote, which brings no bills."""
        if arg is not None and re.match(r"FROM:\s*<>", arg, re.IGNORECASE):
            await self.push("550 5.7.1 A mail without a sender brings no bills")
            return
        await super().smtp_MAIL(arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Few at once: each has its whole mail in memory."""
        async with self._receiver.mails:
            await super().smtp_DATA(arg)


class _MailHandler:
    """aiosmtpd's hooks."""

    def __init__(self, taker: MailTaker) -> None:
        self._taker = taker
        self._log: Any = structlog.get_logger("mail_in")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        """One recipient a mail, so that each gets its own reply."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient a mail; send the others in another"
        try:
            refusal = await self._taker.recipient(envelope.mail_from or "", address)
        except StorageError as exc:
            self._log.warning("mail.postponed", reason=str(exc))
            return _LATER
        if refusal:
            return _reply(refusal)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The mail is whole."""
        content = envelope.original_content or b""
        envelope.content = envelope.original_content = None
        try:
            refusal = await self._taker.mail(envelope.mail_from or "", envelope.rcpt_tos[0], content)
        except StorageError as exc:
            self._log.warning("mail.postponed", reason=str(exc))
            return _LATER
        return _reply(refusal) if refusal else "250 2.0.0 The bills were taken"

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours: the mail server keeps the mail."""
        self._log.error("mail.broken", fault=type(error).__name__)
        return _LATER


def _reply(text: str) -> str:
    """One line that SMTP can carry."""
    return _NOT_ASCII.sub(
        "?", one_line(text.replace("“", '"').replace("”", '"'), _LONGEST_REPLY).replace("…", "...")
    )
