"""A real SMTP server that keeps what it takes, and answers as it is asked to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.farm.post import free_port

USER, PASSWORD = "meter farm", "p@ss/canary:5e1f"


@dataclass(frozen=True)
class Taken:
    """A mail that was taken: its envelope, and itself."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.content, policy=default)
        assert isinstance(message, EmailMessage)
        return message


class Sink:
    """``answers`` are given to DATA one after the other, then ``250``; ``to_recipients`` likewise to RCPT."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[Taken] = []
        self.tried: list[bytes] = []
        self.answers: list[str] = []
        self.to_recipients: list[str] = []
        self.came = threading.Event()
        self.users: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to_recipients.pop(0) if self.to_recipients else "250 OK"
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.tried.append(envelope.content)
        if self.answers:
            return self.answers.pop(0)
        self.taken.append(Taken(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content))
        self.came.set()
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.users.append((given.login, given.password))
        is_known = (given.login.decode(), given.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=is_known, handled=False)


@contextmanager
def smtp_sink(tls: ssl.SSLContext | None = None, *, from_start: bool = False) -> Iterator[Sink]:
    """The server, for as long as the block lasts. With ``tls`` it wants a user and password."""
    sink = Sink()
    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=tls if from_start else None,
        tls_context=None if from_start else tls,
        require_starttls=tls is not None and not from_start,
        authenticator=sink.authenticate,
        auth_required=tls is not None and not from_start,
        auth_require_tls=not from_start,
    )
    controller.start()
    sink.port = controller.port
    try:
        yield sink
    finally:
        controller.stop()
