"""Mails with bills as people and their servers send them, and as those do who mean harm."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

DOMAIN = "acme.example"
SENDER = f"Ada@{DOMAIN}"
AUTHSERV = "mx.farm.example"
PASSED = f"dkim=pass header.d={DOMAIN}; spf=pass smtp.mailfrom={SENDER}; dmarc=pass header.from={DOMAIN}"


def mail(
    *files: tuple[str, str, bytes],
    author: str = f"Ada <{SENDER}>",
    results: str | None = PASSED,
    text: str = "Here you are.",
    **fields: str,
) -> bytes:
    """A mail with files, each a name, a type and its bytes; ``results`` as the operator's server has them."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = author, "bills@in.farm.example", "Bills"
    message["Message-ID"] = fields.pop("message_id", "<1@acme.example>")
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    for name, kind, content in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    head = f"Authentication-Results: {AUTHSERV};\r\n {results}\r\n" if results is not None else ""
    return head.encode() + b"Received: from mail.acme.example\r\n" + message.as_bytes()


def forwarding(inner: bytes, *, as_attachment: bool = False) -> bytes:
    """A mail that has another in it."""
    kind = "message/rfc822"
    disposition = "attachment" if as_attachment else "inline"
    head = mail().split(b"\r\n\r\n", 1)[0]
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-", b"mime-"))]
    return b"\r\n".join(
        [
            *kept,
            b"MIME-Version: 1.0",
            b'Content-Type: multipart/mixed; boundary="outer"',
            b"",
            b"--outer",
            b"Content-Type: text/plain",
            b"",
            b"See below.",
            b"--outer",
            f"Content-Type: {kind}".encode(),
            f"Content-Disposition: {disposition}; filename=forwarded.eml".encode(),
            b"",
            inner,
            b"--outer--",
            b"",
        ]
    )


def zipped(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()
