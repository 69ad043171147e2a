"""Everything the portals sent: text messages and e-mails, as their recipient would see them."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["sms", "email"]


@dataclass(frozen=True, slots=True)
class Message:
    """One text message or e-mail. `html` is an e-mail's second body; `sent_at` is by the portals' clock."""

    id: str
    username: str
    kind: Kind
    to: str
    sender: str
    sender_name: str
    subject: str
    body: str
    html: str
    code: str
    sent_at: datetime

    def as_json(self) -> dict[str, str]:
        """As ``/outbox.json`` shows it."""
        return {
            "id": self.id,
            "username": self.username,
            "kind": self.kind,
            "to": self.to,
            "from": self.sender,
            "subject": self.subject,
            "body": self.body,
            "code": self.code,
            "sent_at": self.sent_at.isoformat(),
        }


class Outbox:
    """The newest messages, oldest first."""

    def __init__(self, keep: int = 5000) -> None:
        self.messages: deque[Message] = deque(maxlen=keep)

    def add(self, message: Message) -> None:
        """Keep a message."""
        self.messages.append(message)

    def to(self, username: str) -> list[Message]:
        """The messages to a customer."""
        return [message for message in self.messages if message.username == username]
