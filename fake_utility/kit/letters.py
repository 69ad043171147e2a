"""Messages that carry a code, in a portal's own words."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.outbox import Message


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: the company's name, the number of its text messages and the address of its mails."""

    name: str
    number: str
    address: str

    def text_message(self, customer: Customer, code: str, body: str, now: datetime) -> Message:
        """A code as a text message."""
        return Message(
            id=secrets.token_hex(16),
            username=customer.username,
            kind="sms",
            to=customer.phone,
            sender=self.number,
            sender_name=self.name,
            subject="",
            body=body,
            html="",
            code=code,
            sent_at=now,
        )

    def mail(
        self, customer: Customer, code: str, subject: str, body: str, html: str, now: datetime
    ) -> Message:
        """A code as a mail."""
        return Message(
            id=secrets.token_hex(16),
            username=customer.username,
            kind="email",
            to=customer.username,
            sender=self.address,
            sender_name=self.name,
            subject=subject,
            body=body,
            html=html,
            code=code,
            sent_at=now,
        )
