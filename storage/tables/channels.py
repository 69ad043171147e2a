"""What receives codes for customers by itself: mailboxes and numbers, and what came in there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field

from meterfarm.storage.tables.base import ForeignText, Keyed, Owned, Row, UtcDateTime, table_args


class MailboxRow(Owned, table=True):
    """An IMAP mailbox. Its password is sealed with a data key of its own, wrapped by the key ``key_id``.

    ``security``: ``records.MailSecurity``. ``everybody``: it receives codes for all customers. ``fault`` is
    why it cannot be used, since ``since``; ``checked_at`` is when somebody last tried.
    """

    __table_args__ = table_args(UniqueConstraint("company_id", "host", "port", "username", "folder"))

    host: str
    port: int
    security: str
    username: str
    folder: str
    everybody: bool
    key_id: str
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    fault: str = Field(default="", sa_type=ForeignText)
    since: datetime = Field(sa_type=UtcDateTime)
    checked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class MailboxCustomerRow(Row, table=True):
    """A customer whose codes come to the mailbox."""

    mailbox_id: int = Field(foreign_key="mailbox.id", ondelete="CASCADE", primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", primary_key=True, index=True)


class NumberRow(Owned, table=True):
    """A telephone number of ours (+15185550123) that receives text messages."""

    __table_args__ = table_args(UniqueConstraint("company_id", "number"))

    number: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class NumberCustomerRow(Row, table=True):
    """A customer whose codes come to the number."""

    number_id: int = Field(foreign_key="number.id", ondelete="CASCADE", primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", primary_key=True, index=True)


class AwaitedCodeRow(Row, table=True):
    """A run that is having its portal send a code: only what came in after ``since`` is for it.

    ``factor`` is "" until it is known which. ``fence`` is the run's of then. ``came``: one was handed on.
    """

    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    fence: int
    factor: str
    since: datetime = Field(sa_type=UtcDateTime)
    came: bool = False


class ReceivedRow(Keyed, table=True):
    """A message that came in: every text message, and of mails those whose code was used.

    ``company_id`` is known once it was handed to a customer. ``kind``: ``records.Factor``; ``key`` tells it
    from all others: Twilio's id, or a mail's fingerprint. ``place`` is the number or mailbox. ``code`` is
    sealed with the customer's data key until a challenge takes it; ``digest`` is its keyed hash, by which a
    copy of it is known.
    """

    __table_args__ = table_args(UniqueConstraint("kind", "place", "key"))

    company_id: int | None = Field(default=None, foreign_key="company.id", nullable=True)
    kind: str
    key: str
    place: str
    customer_id: int | None = Field(
        default=None, foreign_key="customer.id", ondelete="CASCADE", index=True, nullable=True
    )
    challenge_id: int | None = Field(
        default=None, foreign_key="challenge.id", ondelete="SET NULL", nullable=True
    )
    at: datetime = Field(sa_type=UtcDateTime)
    status: str
    code: bytes | None = Field(default=None, sa_type=LargeBinary)
    digest: bytes | None = Field(default=None, sa_type=LargeBinary)


class InboxRow(Row, table=True):
    """A process that takes in text messages; ``worker`` as runs name theirs."""

    worker: str = Field(primary_key=True)
    address: str
    beat_at: datetime = Field(sa_type=UtcDateTime)
