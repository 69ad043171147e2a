"""A real IMAP server with one mailbox, and a real SMTP server that delivers into it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
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
def imap_server(*extra: str, port: int = 0, user: str = USER) -> Iterator[int]:
    """An IMAP server's port; TLS as the extra arguments say, else none."""
    port = port or free_port()
    command = [str(Path(sys.executable).with_name("pymap")), "--no-service", "admin"]
    command += ["--no-service", "managesieve", "--host", "127.0.0.1", "--port", str(port)]
    command += [*(extra or ("--no-tls",)), "dict", "--demo-user", user, "--demo-password", PASSWORD]
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


class Between:
    """A way to a server that one can make speak TLS, change what it answers, or cut.

    ``made`` connections have gone this way.
    """

    def __init__(
        self,
        port: int,
        tls: ssl.SSLContext | None = None,
        change: Callable[[bytes], bytes] = lambda answer: answer,
    ) -> None:
        self._target = port
        self._tls = tls
        self.change = change
        self.made = 0
        self._pairs: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Between:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End all connections there are."""
        for each in self._pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._pairs.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self._target), 10)
            server.settimeout(None)
            self._pairs += [client, server]
            self.made += 1
            threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            _pump(server, client, lambda answer: self.change(answer))
        client.close()


def _pump(
    source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes] = lambda some: some
) -> None:
    with suppress(OSError):
        while some := source.recv(65536):
            target.sendall(change(some))
        target.shutdown(socket.SHUT_WR)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that only who is told to trusts, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert, key
