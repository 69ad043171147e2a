"""What is collected: accounts and their meters, files and documents, bills, series of readings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlmodel import Field, select

from meterfarm.storage.tables.base import BIG, ForeignName, Keyed, Owned, Row, UtcDateTime, table_args

_UNREAD = text("total_amount IS NULL")
_UNASSIGNED = text("account_id IS NULL")


class AccountRow(Owned, table=True):
    """A utility account; ``address`` holds the fields of ``records.Address``.

    ``portal_key`` is the portal's own key for it, ``status`` is ``records.AccountStatus``.
    """

    __table_args__ = table_args(UniqueConstraint("customer_id", "number"))

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    number: str = Field(sa_type=ForeignName)
    name: str = Field(sa_type=ForeignName)
    portal_key: str = Field(sa_type=ForeignName)
    status: str
    attributes: dict[str, str] = Field(sa_type=JSON)
    address: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))


class FormerNumberRow(Owned, table=True):
    """A number that an account had before the portal gave it another; its bills still show it."""

    __table_args__ = table_args(UniqueConstraint("account_id", "number"))

    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    number: str = Field(sa_type=ForeignName)


class ServiceRow(Owned, table=True):
    """A supply point. It outlives its meters: a swap keeps the service."""

    __table_args__ = table_args(UniqueConstraint("account_id", "commodity", "number"))

    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    commodity: str
    number: str = Field(sa_type=ForeignName)
    zone: str = ""
    address: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))


class MeterRow(Owned, table=True):
    """A meter while it hangs at its service; ``valid_to`` is set when another took its place."""

    __table_args__ = table_args(UniqueConstraint("account_id", "number"))

    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    service_id: int = Field(foreign_key="service.id", ondelete="CASCADE", index=True)
    number: str = Field(sa_type=ForeignName)
    commodity: str
    tariff: str = Field(sa_type=ForeignName)
    attributes: dict[str, str] = Field(sa_type=JSON)
    valid_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    valid_to: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FileRow(Row, table=True):
    """Bytes on disk by their hash, shared by the documents that count in ``refs``; at 0 they are swept."""

    sha256: str = Field(primary_key=True)
    size: int = Field(sa_type=BIG)
    refs: int


class DocumentRow(Owned, table=True):
    """A file as an account's portal handed it over under the portal's own key. ``kind``: bill, intervals.

    An uploaded bill that nothing reads yet has no account, and a customer only if one was named.
    """

    __table_args__ = table_args(UniqueConstraint("account_id", "kind", "portal_key", "sha256"))

    account_id: int | None = Field(default=None, foreign_key="account.id", ondelete="CASCADE", nullable=True)
    customer_id: int | None = Field(
        default=None, foreign_key="customer.id", ondelete="CASCADE", index=True, nullable=True
    )
    kind: str
    portal_key: str = Field(sa_type=ForeignName)
    sha256: str = Field(foreign_key="file.sha256", index=True)
    media_type: str
    name: str = Field(sa_type=ForeignName)
    fetched_at: datetime = Field(sa_type=UtcDateTime)


class ExtractionRow(Owned, table=True):
    """One reading of a document by one version of a layout, and what it could not make sense of.

    ``supported`` is false of what no layout will ever read: encrypted, or only pictures.
    """

    __table_args__ = table_args(UniqueConstraint("document_id", "layout", "layout_version"))

    document_id: int = Field(foreign_key="document.id", ondelete="CASCADE")
    layout: str
    layout_version: int
    problems: list[str] = Field(sa_type=JSON)
    supported: bool = Field(default=True, sa_column_kwargs={"default": True})
    at: datetime = Field(sa_type=UtcDateTime)


class BillRow(Owned, table=True):
    """A bill's identity: the portal's key for it (its date, where a portal has none); a hash if uploaded.

    ``customer_id`` is its account's. An uploaded bill that nothing reads yet has no account and no date, and
    a customer only if one was named. ``utility`` is the one that issued it, "" if that is not known.
    ``source``: ``records.BillSource``. Until it was unlocked, its content is withheld.
    """

    __table_args__ = table_args(
        UniqueConstraint("account_id", "portal_key"),
        UniqueConstraint("company_id", "external_id"),
        Index(
            "uq_bill_unassigned",
            "company_id",
            "portal_key",
            unique=True,
            sqlite_where=_UNASSIGNED,
            postgresql_where=_UNASSIGNED,
        ),
        Index(None, "customer_id", "billed_on"),
    )

    account_id: int | None = Field(default=None, foreign_key="account.id", ondelete="CASCADE", nullable=True)
    customer_id: int | None = Field(
        default=None, foreign_key="customer.id", ondelete="CASCADE", nullable=True
    )
    utility: str
    portal_key: str = Field(sa_type=ForeignName)
    external_id: str | None = None
    source: str
    billed_on: date | None = None
    listed_amount: int | None = Field(default=None, sa_type=BIG)
    unlocked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class UnlockRow(Owned, table=True):
    """One unlocking of a meter of a bill: when, and ``by`` whom or what. It outlives what it is of.

    ``meter`` is "" while the bill is unread, or has none, and a number without meaning once its customer was
    erased. ``electric`` and ``gas`` are how many meters are charged for it, at ``price`` cents each.
    """

    __table_args__ = table_args(
        UniqueConstraint("bill_id", "meter"), Index(None, "company_id", "at", "bill_id")
    )

    customer_id: int | None = None
    bill_id: int
    meter: str = Field(sa_type=ForeignName)
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    electric: int
    gas: int
    price: int = Field(sa_type=BIG)
    currency: str


class BillVersionRow(Owned, table=True):
    """One version of a bill's content; the newest id counts. ``content`` holds the meters and the address.

    The fields are those of ``records.Bill``, amounts in cents; all null while the document is unread.
    ``reading``: line items, checks and what was left out, as ``formats.bills.stored_reading`` has them.
    """

    __table_args__ = table_args(
        Index("ix_bill_version_unread", "bill_id", sqlite_where=_UNREAD, postgresql_where=_UNREAD)
    )

    bill_id: int = Field(foreign_key="bill.id", ondelete="CASCADE", index=True)
    document_id: int = Field(foreign_key="document.id", ondelete="CASCADE", index=True)
    extraction_id: int = Field(foreign_key="extraction.id", ondelete="CASCADE", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    account_number: str | None = None
    billed_on: date | None = None
    due_on: date | None = None
    billing_period_from: date | None = None
    billing_period_to: date | None = None
    total_amount: int | None = Field(default=None, sa_type=BIG)
    outstanding_balance: int | None = Field(default=None, sa_type=BIG)
    electricity_amount: int | None = Field(default=None, sa_type=BIG)
    delivery_charge: int | None = Field(default=None, sa_type=BIG)
    supply_charge: int | None = Field(default=None, sa_type=BIG)
    community_solar_bill_credit: int | None = Field(default=None, sa_type=BIG)
    gas_amount: int | None = Field(default=None, sa_type=BIG)
    content: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    reading: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))


class PendingExportRow(Owned, table=True):
    """An export of a meter's days, both included, that the portal is still making under its own key."""

    __table_args__ = table_args(UniqueConstraint("account_id", "meter", "first", "last"))

    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    meter: str = Field(sa_type=ForeignName)
    first: date
    last: date
    portal_key: str = Field(sa_type=ForeignName)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SeriesRow(Owned, table=True):
    """Readings of a meter of one kind and length, each ``mantissa * 10**exponent`` of ``unit``.

    ``seconds`` is the usual length of its readings (``storage.granularity``).
    """

    __table_args__ = table_args(
        UniqueConstraint("meter_id", "commodity", "measure", "direction", "unit", "seconds")
    )

    meter_id: int = Field(foreign_key="meter.id", ondelete="CASCADE")
    commodity: str
    measure: str
    direction: str
    unit: str
    seconds: int
    exponent: int


class ReadingRow(Row, table=True):
    """``start``, ``first_seen`` and ``updated`` are epoch seconds. Its company is its series'."""

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's declaration

    series_id: int = Field(foreign_key="series.id", ondelete="CASCADE", primary_key=True)
    start: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    seconds: int
    mantissa: int = Field(sa_type=BIG)
    estimated: bool
    first_seen: int = Field(sa_type=BIG)
    updated: int = Field(sa_type=BIG)


class CoverageRangeRow(Row, table=True):
    """A time that a series' readings cover without a gap: epoch seconds, ``last`` not included."""

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's declaration

    series_id: int = Field(foreign_key="series.id", ondelete="CASCADE", primary_key=True)
    first: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    last: int = Field(sa_type=BIG)


class ReadingRevisionRow(Keyed, table=True):
    """A reading's former value: seen first at ``seen``, replaced at ``replaced`` (epoch seconds)."""

    __table_args__ = table_args(
        ForeignKeyConstraint(
            ["series_id", "start"], ["reading.series_id", "reading.start"], ondelete="CASCADE"
        ),
        Index(None, "series_id", "start"),
    )

    series_id: int
    start: int = Field(sa_type=BIG)
    seconds: int
    mantissa: int = Field(sa_type=BIG)
    estimated: bool
    seen: int = Field(sa_type=BIG)
    replaced: int = Field(sa_type=BIG)


NEWEST_VERSION = (
    select(func.max(BillVersionRow.id))
    .where(BillVersionRow.bill_id == BillRow.id)
    .correlate(BillRow)
    .scalar_subquery()
)
"""The id of a bill's newest version."""
