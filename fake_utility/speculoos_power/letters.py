"""The words of the messages that carry a code."""

from datetime import datetime

from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.letters import Sender
from meterfarm.fake_utility.kit.outbox import Message

SENDER = Sender("Speculoos Power", "+18885550142", "no-reply@speculoos.example")


def text_message(customer: Customer, code: str, now: datetime) -> Message:
    """A code as a text message."""
    body = f"Speculoos Power: your verification code is {code}. Don't share it with anyone."
    return SENDER.text_message(customer, code, body, now)


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
    return SENDER.mail(customer, code, "Your Speculoos Power verification code", body, html, now)
