"""A real IMAP server with one mailbox, and a real SMTP server that delivers into it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from imapclient import IMAPClient  # type: ignore[import-untyped]

USER = "codes@company.example"
PASSWORD = "mailbox canary 7f3a"
SENDER = "Speculoos Power <no-reply@speculoos.example>"
SUBJECT = "Your Speculoos Power verification code"
_START_SECONDS = 20.0


class Post:
    """``imap`` and ``smtp`` are ports on 127.0.0.1. Mails that are ``held`` wait to be let go."""

    def __init__(self, imap: int) -> None:
        self.imap = imap
        self.smtp = 0
        self.held: list[bytes] | None = None
        self._lock = threading.Lock()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        if not isinstance(content, bytes):
            return "554 no content"
        if self.held is not None:
            self.held.append(content)
        else:
            self.put(content)
        return "250 OK"

    def put(self, content: bytes, at: datetime | None = None) -> None:
        """A mail into the mailbox, as if it had arrived then."""
        with self._lock, closing_client(self.imap) as client:
            client.append("INBOX", content, msg_time=at or datetime.now(UTC))

    def let_go(self) -> None:
        held, self.held = self.held or [], None
        for content in held:
            self.put(content)

    def mails(self) -> list[dict[bytes, Any]]:
        """All mails with their flags, without touching these."""
        with closing_client(self.imap) as client:
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search("ALL"), ["FLAGS", "BODY.PEEK[]"])
            return [found[uid] for uid in sorted(found)]


@contextmanager
def closing_client(port: int) -> Iterator[Any]:
    client = IMAPClient("127.0.0.1", port, ssl=False, timeout=10)
    try:
        client.login(USER, PASSWORD)
        yield client
    finally:
        client.logout()


@contextmanager
def post(*extra: str) -> Iterator[Post]:
    """Both servers, for as long as the block lasts."""
    with ExitStack() as stack:
        imap = stack.enter_context(imap_server(*extra))
        house = Post(imap)
        controller = Controller(house, hostname="127.0.0.1", port=free_port())
        controller.start()
        stack.callback(controller.stop)
        house.smtp = controller.port
        yield house


@contextmanager
def imap_server(*extra: str, port: int = 0) -> Iterator[int]:
    """An IMAP server's port; TLS as the extra arguments say, else none."""
    port = port or free_port()
    command = [str(Path(sys.executable).with_name("pymap")), "--no-service", "admin"]
    command += ["--no-service", "managesieve", "--host", "127.0.0.1", "--port", str(port)]
    command += [*(extra or ("--no-tls",)), "dict", "--demo-user", USER, "--demo-password", PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until, pause = time.monotonic() + _START_SECONDS, threading.Event()
    while True:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > until:
            raise AssertionError("the IMAP server did not start")
        pause.wait(0.05)


def code_mail(
    to: str,
    code: str,
    *,
    sender: str = SENDER,
    subject: str = SUBJECT,
    at: datetime | None = None,
    message_id: str = "",
) -> bytes:
    """A mail as the portal sends it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = format_datetime(at or datetime.now(UTC))
    if message_id:
        mail["Message-ID"] = message_id
    mail.set_content(f"Hello,\n\nYour Speculoos Power verification code is {code}\n")
    mail.add_alternative(f"<p>Your verification code is</p><p><b>{code}</b></p>", subtype="html")
    return mail.as_bytes()
