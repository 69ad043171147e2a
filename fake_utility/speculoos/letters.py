"""The words of the messages that carry a code."""

import secrets
from datetime import datetime

from meterfarm.fake_utility.outbox import Message
from meterfarm.fake_utility.speculoos.customers import Customer

SMS_SENDER = "+18885550142"
MAIL_SENDER = "no-reply@speculoos.example"
NAME = "Speculoos Power"


def text_message(customer: Customer, code: str, now: datetime) -> Message:
    """A code as a text message."""
    return Message(
        id=secrets.token_hex(16),
        username=customer.username,
        kind="sms",
        to=customer.phone,
        sender=SMS_SENDER,
        sender_name=NAME,
        subject="",
        body=f"Speculoos Power: your verification code is {code}. Don't share it with anyone.",
        html="",
        code=code,
        sent_at=now,
    )


def mail(customer: Customer, code: str, now: datetime) -> Message:
    """A code as a mail."""
    body = (
        f"Hello {customer.name},\n\n"
        f"Your Speculoos Power verification code is {code}\n\n"
        "Enter it on the page where you are signing in. It is good for 10 minutes.\n"
        "If you did not try to sign in, call us at 1-800-555-0142.\n\n"
        "Speculoos Power, 1 Biscuit Plaza, Albany, NY 12207\n"
    )
    html = (
        '<html><body style="font-family:Helvetica,Arial,sans-serif;color:#2b2233">'
        '<h2 style="color:#8f4a1d">Speculoos Power</h2>'
        f"<p>Hello {customer.name},</p><p>Your verification code is</p>"
        f'<p style="font-size:28px;letter-spacing:6px"><b>{code}</b></p>'
        "<p>Enter it on the page where you are signing in. It is good for 10 minutes.</p>"
        "<p>If you did not try to sign in, call us at 1-800-555-0142.</p>"
        '<p style="color:#777">Speculoos Power, 1 Biscuit Plaza, Albany, NY 12207</p></body></html>'
    )
    return Message(
        id=secrets.token_hex(16),
        username=customer.username,
        kind="email",
        to=customer.username,
        sender=MAIL_SENDER,
        sender_name=NAME,
        subject="Your Speculoos Power verification code",
        body=body,
        html=html,
        code=code,
        sent_at=now,
    )
