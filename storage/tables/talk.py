"""What is asked of customers, and what is told to whoever listens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from meterfarm.storage.tables.base import ForeignName, ForeignText, Owned, UtcDateTime, table_args


class ChallengeRow(Owned, table=True):
    """A portal's challenge of a run. ``state``: ``records.ChallengeState``.

    ``factor`` is "" for a choice among ``options``. ``channel`` is what answers by itself, and how that goes.
    ``answer`` is sealed with the customer's data key.
    """

    __table_args__ = table_args(Index(None, "state", "expires_at"))

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    state: str
    factor: str
    prompt: str = Field(sa_type=ForeignText)
    destination: str = Field(sa_type=ForeignName)
    options: list[dict[str, str]] = Field(sa_type=JSON)
    error: str = Field(sa_type=ForeignText)
    attempts_left: int | None
    can_resend: bool
    channel: str = Field(default="", sa_type=ForeignText)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer: bytes | None = Field(default=None, sa_type=LargeBinary)


class EventRow(Owned, table=True):
    """The outbox: written in the transaction that makes it true. ``key`` tells one apart of its kind."""

    __table_args__ = table_args(UniqueConstraint("customer_id", "kind", "key"))

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    run_id: int | None = Field(default=None, foreign_key="run.id", ondelete="SET NULL")
    kind: str
    key: str
    payload: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=UtcDateTime)
