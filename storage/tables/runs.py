"""Runs, what happened in them, and the ledger of what the portal listed against what is in store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Index, text
from sqlmodel import Field

from meterfarm.storage.tables.base import ForeignName, ForeignText, Keyed, Owned, Row, UtcDateTime, table_args

_ACTIVE = text("state IN ('queued', 'running', 'waiting')")
_HELD = text("state IN ('running', 'waiting')")


class RunRow(Owned, table=True):
    """``kind``: ``records.RunKind``; ``state``: ``records.RunState``; ``parts``: bills, intervals, or both.

    ``attempt`` counts the times it was handed out, ``fence`` the times it was taken: only who knows its
    present value may write for the run. ``worker`` holds it until ``lease_until``. ``notified_at`` is when
    workers were last notified of it. ``asked``: by a person, who has a password sent once more to which no
    answer is known; taken back when it is sent. ``session``: new, reused, challenged_again; ``seconds`` by
    step; ``pages`` are the browser pages it opened.
    """

    __table_args__ = table_args(
        Index(
            "uq_run_active",
            "customer_id",
            "kind",
            unique=True,
            sqlite_where=_ACTIVE,
            postgresql_where=_ACTIVE,
        ),
        Index("uq_run_held", "login_id", unique=True, sqlite_where=_HELD, postgresql_where=_HELD),
        Index("ix_run_state_not_before", "state", "not_before"),
        Index("ix_run_customer_id_id", "customer_id", "id"),
    )

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    login_id: int = Field(foreign_key="login.id")
    kind: str
    state: str
    parts: str = "bills intervals"
    why: str = ""
    attempt: int = 1
    fence: int = 0
    worker: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_before: datetime = Field(sa_type=UtcDateTime)
    notified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cancelled: bool = False
    asked: bool = False
    outcome: str = ""
    message: str = Field(default="", sa_type=ForeignText)
    session: str = ""
    pages: int = 0
    evidence: str = ""
    seconds: dict[str, float] = Field(default_factory=dict, sa_type=JSON)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RunStepRow(Keyed, table=True):
    """One transition of a run, for its story."""

    __table_args__ = table_args()

    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    step: str
    detail: str = Field(sa_type=ForeignText)


class LedgerItemRow(Owned, table=True):
    __table_args__ = table_args()

    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    account_number: str = Field(sa_type=ForeignName)
    item: str = Field(sa_type=ForeignName)
    stored: bool
    downloaded: bool
    unread: bool = False
    reason: str = Field(sa_type=ForeignText)


class PortalRow(Row, table=True):
    """The circuit breaker of a utility's portal.

    ``faults`` are the logins that met the portal's fault, one after the other with none that did not;
    while ``open_until`` is ahead no run goes there, then ``probe_run_id`` alone tries.
    """

    utility: str = Field(primary_key=True)
    faults: list[int] = Field(default_factory=list, sa_type=JSON)
    openings: int = 0
    open_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    probe_run_id: int | None = None
