"""What the store has of mailboxes and numbers that receive codes, and of mail that goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from meterfarm.records import EventKind, Mail, MailSecurity

WAITS_FOR_MAIL = "waits for the mail"
WAITS_FOR_TEXT = "waits for the text message"
NO_INBOX = "no inbox takes in text messages now; start `inbox`, or answer it yourself"


@dataclass(frozen=True, slots=True)
class MailAccount:
    """Where a mailbox is. Its password is only to be had by itself."""

    host: str
    port: int
    security: MailSecurity
    username: str
    folder: str = "INBOX"

    def __str__(self) -> str:
        return f"{self.username} at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    """A mailbox as it stands, well or with a ``fault``; ``customers`` are empty for ``everybody``."""

    id: int
    company_id: int
    account: MailAccount
    everybody: bool
    customers: Sequence[int]
    fault: str
    since: datetime
    checked_at: datetime | None

    @property
    def is_well(self) -> bool:
        """Whether it was looked at, and without a fault."""
        return not self.fault and self.checked_at is not None


@dataclass(frozen=True, slots=True)
class NumberInfo:
    """A phone number, and the customers that it receives codes for."""

    id: int
    number: str
    customers: Sequence[int]


@dataclass(frozen=True, slots=True)
class SmsReceiverInfo:
    """A process that takes in text messages, and when it was last heard of."""

    worker: str
    address: str
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class Receivers:
    """What receives codes for a customer. ``mail_came`` and ``text_came``: one was received there before.

    ``sms_receiver_runs``: some process takes in text messages now.
    """

    mailbox: MailboxInfo | None = None
    number: str = ""
    mail_came: bool = False
    text_came: bool = False
    sms_receiver_runs: bool = False


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text message; ``key`` is Twilio's id for it."""

    key: str
    number: str
    sender: str


class DeliveryStatus(StrEnum):
    """What became of a text message."""

    ANSWERED = "answered"
    BUFFERED = "kept for the challenge that is about to be asked"
    REPLAYED = "seen before"
    UNKNOWN = "to a number that receives for nobody"
    NO_CODE = "not one that a portal sends its codes in"
    UNSOLICITED = "nobody waits for it"
    UNCERTAIN = "several customers wait for one"
    COPY = "its code was used already"
    OTHER_DESTINATION = "the portal sent its code to another number"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a text message, and the challenge that it answered."""

    status: DeliveryStatus
    challenge_id: int | None = None


USER_MAIL = "user"
"""What mails to users are about, for the operator: invitations, links to a new password."""


class MailState(StrEnum):
    """What became of a mail that goes out. ``given_up``: no attempt is made any more."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class MailFigures:
    """Of the whole farm: how many mails are in each state, how many of the pending failed at their latest
    attempt, and how long the oldest is pending."""

    mails: Mapping[MailState, int]
    failing: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class MailNotice:
    """What a mail announces of a customer; it is written when it is sent."""

    kind: EventKind
    customer_id: int


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that a sender has taken, for its ``attempt``-th attempt, ``age`` after it was entered.

    ``message_id`` is the same in each. It is ready as ``mail``, or the ``notice`` to write one of for ``to``.
    """

    id: int
    company_id: int
    attempt: int
    age: timedelta
    message_id: str
    to: str
    mail: Mail | None
    notice: MailNotice | None


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A mail as the outbox has it, without what it says. ``fault`` is why its latest attempt failed."""

    id: int
    company_id: int
    about: str
    to: str
    state: MailState
    attempts: int
    fault: str
    since: datetime
    next_at: datetime | None
    ended_at: datetime | None
