"""Where events are delivered by webhook, each delivery, and each attempt at it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from meterfarm.storage.tables.base import ForeignText, Keyed, Owned, UtcDateTime, table_args

_PENDING = text("state = 'pending'")


class WebhookEndpointRow(Owned, table=True):
    """An address that a company's events are posted to. ``state``: ``storage.webhooks.EndpointState``.

    ``kinds``: ``records.EventKind``, separated by spaces. ``allows_private``: the operator allows it to be
    on this machine or a private network. ``looked_at`` is the id of the last event that deliveries were
    made for. ``fault`` is why its latest delivery failed, since ``since``; it is left alone until
    ``rests_until``. Its signing secrets, and until when each is good, are sealed as JSON with a data key of
    their own, wrapped by the key ``key_id``; ``version`` counts their changes.
    """

    __table_args__ = table_args()

    url: str
    kinds: str
    allows_private: bool
    state: str
    looked_at: int
    fault: str = Field(default="", sa_type=ForeignText)
    since: datetime = Field(sa_type=UtcDateTime)
    rests_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1
    key_id: str
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=UtcDateTime)


class WebhookDeliveryRow(Owned, table=True):
    """An event on its way to an endpoint. ``state``: ``storage.webhooks.DeliveryState``.

    ``next_at`` is empty while an earlier event of the customer is pending there. ``attempts`` counts the
    times it was taken by a sender, and is its fence; ``lease_until`` is how long the present one has.
    Attempts are made for three days from ``since``, when it was entered or asked for again.
    """

    __table_args__ = table_args(
        UniqueConstraint("endpoint_id", "event_id"),
        Index(
            "ix_webhook_delivery_due",
            "endpoint_id",
            "next_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        Index(
            "ix_webhook_delivery_line",
            "endpoint_id",
            "customer_id",
            "event_id",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
    )

    endpoint_id: int = Field(foreign_key="webhook_endpoint.id", ondelete="CASCADE")
    event_id: int = Field(foreign_key="event.id", ondelete="CASCADE", index=True)
    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    state: str
    attempts: int = 0
    since: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WebhookAttemptRow(Keyed, table=True):
    """One attempt at a delivery: ``status`` is the answer's, empty where there was none.

    ``answer`` has the first bytes of what the receiver sent, ``fault`` why the attempt failed.
    """

    __table_args__ = table_args()

    delivery_id: int = Field(foreign_key="webhook_delivery.id", ondelete="CASCADE", index=True)
    number: int
    at: datetime = Field(sa_type=UtcDateTime)
    milliseconds: int
    status: int | None = None
    answer: str = Field(default="", sa_type=ForeignText)
    fault: str = Field(default="", sa_type=ForeignText)
