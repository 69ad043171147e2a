"""Runs, what they ask, what happened, to whom that is posted or mailed, and the processes of the farm."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import DDL, JSON, Index, LargeBinary, UniqueConstraint, event, text
from sqlmodel import Field

from meterfarm.storage.tables.base import (
    ForeignName,
    ForeignText,
    Keyed,
    Owned,
    Row,
    UtcDateTime,
    metadata,
    table_args,
)

_ACTIVE = text("state IN ('queued', 'running', 'waiting')")
_HELD = text("state IN ('running', 'waiting')")
_PENDING = text("state = 'pending'")
_CONNECT = text("kind = 'connect'")


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
        Index("ix_run_connect", "id", sqlite_where=_CONNECT, postgresql_where=_CONNECT),
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
    """What a run listed, and what became of it (``records.LedgerItem``)."""

    __table_args__ = table_args()

    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    account_number: str = Field(sa_type=ForeignName)
    item: str = Field(sa_type=ForeignName)
    stored: bool
    downloaded: bool
    unread: bool = False
    pending: bool = False
    reason: str = Field(sa_type=ForeignText)


class CircuitBreakerRow(Row, table=True):
    """The circuit breaker of a utility's portal.

    ``faults`` are the logins that met the portal's fault, one after the other with none that did not;
    while ``open_until`` is ahead no run goes there, then ``probe_run_id`` alone tries. ``opened_at`` is when
    it opened first, and has not closed since.
    """

    utility: str = Field(primary_key=True)
    faults: list[int] = Field(default_factory=list, sa_type=JSON)
    openings: int = 0
    open_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    probe_run_id: int | None = None
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class OutcomeCountRow(Row, table=True):
    """How many runs of a utility ended with an outcome on a day of UTC: counted when they end."""

    day: date = Field(primary_key=True)
    utility: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    count: int


class TroubleNoticeRow(Keyed, table=True):
    """What an operator announces of a utility; ``ends_at`` is empty until that is known."""

    __table_args__ = table_args(Index(None, "ends_at"))

    utility: str
    text: str = Field(sa_type=ForeignText)
    begins_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posted_by: str
    posted_at: datetime = Field(sa_type=UtcDateTime)


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
    """The outbox: written in the transaction that makes it true. ``key`` is unique within its kind."""

    __table_args__ = table_args(
        UniqueConstraint("customer_id", "kind", "key"), Index(None, "company_id", "id")
    )

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    run_id: int | None = Field(default=None, foreign_key="run.id", ondelete="SET NULL")
    kind: str
    key: str
    facts: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=UtcDateTime)


class RemovedCustomerRow(Owned, table=True):
    """A customer who was deleted with all that was stored; ``customer_id`` refers to nothing any more."""

    __table_args__ = table_args(Index(None, "company_id", "id"))

    customer_id: int = Field(index=True)
    external_id: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)


class FarmRow(Row, table=True):
    """The one row says by which ``key`` this database's farm is known beside others; ``number`` is 1."""

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key: str


class WorkerRow(Row, table=True):
    """A worker process as runs name theirs, and the ``queues`` that it serves, separated by spaces."""

    process: str = Field(primary_key=True)
    queues: str
    beat_at: datetime = Field(sa_type=UtcDateTime)


_KEPT = "rows of vault_read are neither changed nor, for a year, deleted"
_YOUNG = "WHEN OLD.at >= datetime('now', '-365 days')"


class VaultReadRow(Owned, table=True):
    """One opening of secrets. The database refuses to change a row, and for a year to delete it.

    They outlive what they record, so ``customer_id``, ``mailbox_id`` and ``run_id`` refer to nothing by
    force. ``process`` is user, host and process id; ``command`` what it was started as; ``kinds`` what was
    opened, separated by spaces.
    """

    __table_args__ = table_args(Index("ix_vault_read_customer_id_id", "customer_id", "id"))

    at: datetime = Field(sa_type=UtcDateTime, index=True)
    process: str
    command: str
    run_id: int | None = None
    customer_id: int | None = None
    mailbox_id: int | None = None
    kinds: str


for act, which in (("update", ""), ("delete", f"{_YOUNG} ")):
    event.listen(
        metadata.tables["vault_read"],
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER vault_read_no_{act} BEFORE {act} ON vault_read {which}"
            f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
        ).execute_if(dialect="sqlite"),
    )


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


class OutgoingMailRow(Owned, table=True):
    """A mail that goes out. ``state``: ``storage.channels.MailState``.

    ``key`` names its cause, so that there is one mail for it. ``about`` is a customer's event
    (``records.EventKind``), or what else the mail is. What it says is sealed as JSON with a data key of its
    own, wrapped by the key ``key_id``, and erased when it ends; all of these are empty if it is written when
    it is sent. ``attempts`` counts the times that a sender took it, and is its fence; ``lease_until`` is how
    long the present one has. After ``until`` it is given up.
    """

    __table_args__ = table_args(
        UniqueConstraint("company_id", "key"),
        Index("ix_outgoing_mail_due", "next_at", sqlite_where=_PENDING, postgresql_where=_PENDING),
    )

    key: str
    about: str
    customer_id: int | None = Field(
        default=None, foreign_key="customer.id", ondelete="CASCADE", index=True, nullable=True
    )
    to: str
    message_id: str
    state: str
    attempts: int = 0
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    fault: str = Field(default="", sa_type=ForeignText)
    key_id: str = ""
    wrapped_key: bytes = Field(default=b"", sa_type=LargeBinary)
    ciphertext: bytes = Field(default=b"", sa_type=LargeBinary)
