"""Sends messages on: a text message as an HTTP POST in Twilio's inbound form, an e-mail by SMTP."""

import asyncio
import base64
import hashlib
import hmac
import http.client
import smtplib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from functools import partial
from urllib.parse import urlencode, urlsplit

from meterfarm.fake_utility.kit.outbox import Message

TIMEOUT = 10.0


class BadDestination(ValueError):
    """A webhook or SMTP address that cannot be used; its text is for the user."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where text messages are posted; signed as Twilio does, if there is an auth token."""

    secure: bool
    host: str
    port: int
    target: str
    url: str = ""
    auth_token: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, auth_token: str = "") -> "Webhook":
        """Raises BadDestination."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as exc:
            raise BadDestination(f"--sms-webhook: {url!r} is not a URL ({exc}).") from exc
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadDestination(
                f"--sms-webhook: {url!r} is not a URL; write one such as http://127.0.0.1:9000/sms."
            )
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme == "https", parts.hostname, port, target, url, auth_token)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mails are handed in."""

    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> "MailServer":
        """Raises BadDestination."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise BadDestination(f"--smtp: {address!r} is not HOST:PORT; write one such as 127.0.0.1:2525.")
        return cls(host, int(port))


class Delivery:
    """Sends in the background: a page never waits for a message, and a failed one is only reported."""

    def __init__(self, webhook: Webhook | None = None, mail_server: MailServer | None = None) -> None:
        self._webhook = webhook
        self._mail_server = mail_server
        self._under_way: set[asyncio.Task[None]] = set()

    def send(self, message: Message) -> None:
        """Deliver a message by text or mail, without waiting for it."""
        if message.kind == "sms" and self._webhook:
            self._start(partial(post_text_message, self._webhook, message), message)
        elif message.kind == "email" and self._mail_server:
            self._start(partial(hand_in_mail, self._mail_server, message), message)

    async def finished(self) -> None:
        """Wait until all that was sent so far has arrived or failed."""
        await asyncio.gather(*self._under_way)

    def _start(self, send: Callable[[], None], message: Message) -> None:
        task = asyncio.get_running_loop().create_task(_send(send, message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


async def _send(send: Callable[[], None], message: Message) -> None:
    try:
        await asyncio.to_thread(send)
    except (OSError, http.client.HTTPException, smtplib.SMTPException) as exc:
        what = "text message" if message.kind == "sms" else "e-mail"
        sys.stderr.write(f"The {what} to {message.to} could not be delivered: {exc}\n")


def post_text_message(webhook: Webhook, message: Message) -> None:
    """POST the form Twilio posts for an inbound message. Raises OSError, HTTPException."""
    connect = http.client.HTTPSConnection if webhook.secure else http.client.HTTPConnection
    connection = connect(webhook.host, webhook.port, timeout=TIMEOUT)
    try:
        form = twilio_form(message)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "TwilioProxy/1.1"}
        if webhook.auth_token:
            headers["X-Twilio-Signature"] = twilio_signature(webhook, form)
        connection.request("POST", webhook.target, urlencode(form), headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status >= 400:
        raise http.client.HTTPException(f"the webhook answered {status}")


def twilio_form(message: Message) -> dict[str, str]:
    """A text message as Twilio posts it."""
    digest = hashlib.blake2b(message.id.encode(), digest_size=16).hexdigest()
    account = hashlib.blake2b(message.sender.encode(), digest_size=16).hexdigest()
    return {
        "ToCountry": "US",
        "SmsMessageSid": f"SM{digest}",
        "NumMedia": "0",
        "SmsSid": f"SM{digest}",
        "FromCountry": "US",
        "Body": message.body,
        "SmsStatus": "received",
        "To": message.to,
        "NumSegments": "1",
        "MessageSid": f"SM{digest}",
        "AccountSid": f"AC{account}",
        "From": message.sender,
        "ApiVersion": "2010-04-01",
    }


def twilio_signature(webhook: Webhook, form: dict[str, str]) -> str:
    """The address and all fields by name, under the account's auth token."""
    signed = webhook.url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(webhook.auth_token.encode(), signed.encode(), "sha1")).decode()


def hand_in_mail(server: MailServer, message: Message) -> None:
    """Raises OSError, SMTPException."""
    mail = EmailMessage()
    mail["From"] = formataddr((message.sender_name, message.sender))
    mail["To"] = message.to
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.sent_at)
    mail["Message-ID"] = f"<{message.id}@{message.sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body)
    mail.add_alternative(message.html, subtype="html")
    with smtplib.SMTP(server.host, server.port, timeout=TIMEOUT) as smtp:
        smtp.send_message(mail)
