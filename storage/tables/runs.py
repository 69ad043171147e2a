"""Runs, and the ledger of what the portal listed against what is in store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field

from storage.tables.base import Owned, UtcDateTime, table_args


class RunRow(Owned, table=True):
    """``state``: running, ended, abandoned;
    ``session``: new, reused, challenged_again; ``seconds`` by step."""

    __table_args__ = table_args()

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    kind: str
    state: str
    outcome: str = ""
    message: str = ""
    session: str = ""
    seconds: dict[str, float] = Field(default_factory=dict, sa_type=JSON)
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LedgerItemRow(Owned, table=True):
    __table_args__ = table_args()

    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    account_number: str
    item: str
    stored: bool
    downloaded: bool
    reason: str
