"""Messages reach a real web server and a real mail server; a failure never reaches the page."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qsl

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from meterfarm.fake_utility.kit.delivery import BadDestination, Delivery, MailServer, Webhook
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from tests.fake_utility.visitor import House, heading

TEXT = "ineedmfa+text_message@bayou.energy"
MAIL = "ineedmfa+email@bayou.energy"


@contextmanager
def webhook(status: int = 204) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A web server's address, and the forms posted to it."""
    forms: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signature = self.headers.get("X-Twilio-Signature")
            signed = {"signature": signature} if signature else {}
            forms.append(dict(parse_qsl(body.decode())) | {"path": self.path} | signed)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", forms
        finally:
            server.shutdown()
            thread.join()


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append((envelope.rcpt_tos, message_from_bytes(content, policy=policy.default)))
        return "250 OK"


async def send_code(delivery: Delivery, email: str) -> House:
    """Sign in as far as the page that asks for the code."""
    house = House(random_codes=True, delivery=delivery)
    async with house.visitor() as visitor:
        await visitor.sign_in(email)
        page = await visitor.post("/mfa/send")
    assert heading(page) == "Enter your verification code"
    await delivery.finished()
    return house


async def test_a_text_message_arrives_in_twilios_form() -> None:
    with webhook() as (address, forms):
        house = await send_code(Delivery(webhook=Webhook.parse(f"{address}/sms?from=speculoos")), TEXT)
    (form,) = forms
    assert form["path"] == "/sms?from=speculoos"
    assert form["Body"] == (
        f"Speculoos Power: your verification code is {house.newest_code()}. Don't share it with anyone."
    )
    assert form["To"] == CUSTOMERS[TEXT].phone
    assert form["NumMedia"] == "0"
    assert form["MessageSid"] == form["SmsMessageSid"] == form["SmsSid"]
    assert re.fullmatch(r"SM[0-9a-f]{32}", form["MessageSid"])
    assert re.fullmatch(r"AC[0-9a-f]{32}", form["AccountSid"])


async def test_a_text_message_is_signed_as_twilio_does() -> None:
    """By its own checker."""
    with webhook() as (address, forms):
        url = f"{address}/sms?from=speculoos"
        await send_code(Delivery(webhook=Webhook.parse(url, "token")), TEXT)
        await send_code(Delivery(webhook=Webhook.parse(url)), TEXT)
    signed, unsigned = ({**form} for form in forms)
    del signed["path"]
    signature = signed.pop("signature")
    assert RequestValidator("token").validate(url, signed, signature)
    assert "signature" not in unsigned


async def test_a_mail_arrives_as_text_and_html() -> None:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        house = await send_code(Delivery(mail_server=MailServer.parse(f"127.0.0.1:{port}")), MAIL)
    finally:
        controller.stop()
    ((recipients, mail),) = mailbox.mails
    assert recipients == [MAIL]
    assert mail["Subject"] == "Your Speculoos Power verification code"
    assert mail["From"] == "Speculoos Power <no-reply@speculoos.example>"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        assert house.newest_code() in part.get_content()


async def test_a_failed_delivery_is_told_and_the_page_does_not_mind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with webhook(500) as (address, _):
        await send_code(Delivery(webhook=Webhook.parse(address)), TEXT)
    told = capsys.readouterr().err
    assert "could not be delivered: the webhook answered 500" in told
    await send_code(Delivery(webhook=Webhook.parse(address)), TEXT)
    assert "could not be delivered" in capsys.readouterr().err


async def test_the_outbox_shows_what_was_sent(house: House) -> None:
    async with house.visitor() as visitor:
        await visitor.sign_in(MAIL)
        await visitor.post("/mfa/send")
        (message,) = (await visitor.get("/outbox.json")).json()["messages"]
        page = await visitor.get("/outbox")
    assert message["code"] == "1234"
    assert (message["kind"], message["to"], message["username"]) == ("email", MAIL, MAIL)
    assert message["sent_at"].startswith("2026-11-21T15:00:00")
    assert "Your Speculoos Power verification code is 1234" in page.text


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/sms", "127.0.0.1:9000", "http://", "http://h:port/"])
def test_a_webhook_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(BadDestination, match="--sms-webhook"):
        Webhook.parse(url)


@pytest.mark.parametrize("address", ["127.0.0.1", ":25", "mail:0", "mail:x", "mail:70000"])
def test_a_mail_server_needs_host_and_port(address: str) -> None:
    with pytest.raises(BadDestination, match="--smtp"):
        MailServer.parse(address)
