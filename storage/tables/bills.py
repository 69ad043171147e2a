"""Files, the documents they were fetched as, what was read from them, and bills with their versions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from meterfarm.storage.tables.base import BIG, ForeignName, Owned, Row, UtcDateTime, table_args


class FileRow(Row, table=True):
    """Bytes on disk by their hash, shared by the documents that count in ``refs``; at 0 they are swept."""

    sha256: str = Field(primary_key=True)
    size: int = Field(sa_type=BIG)
    refs: int


class DocumentRow(Owned, table=True):
    """A file as an account's portal handed it over under the portal's own key. ``kind``: bill, intervals."""

    __table_args__ = table_args(UniqueConstraint("account_id", "kind", "portal_key", "sha256"))

    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    kind: str
    portal_key: str = Field(sa_type=ForeignName)
    sha256: str = Field(foreign_key="file.sha256", index=True)
    media_type: str
    name: str = Field(sa_type=ForeignName)
    fetched_at: datetime = Field(sa_type=UtcDateTime)


class ExtractionRow(Owned, table=True):
    """One reading of a document by one version of a layout, and what it could not make sense of."""

    __table_args__ = table_args(UniqueConstraint("document_id", "layout", "layout_version"))

    document_id: int = Field(foreign_key="document.id", ondelete="CASCADE")
    layout: str
    layout_version: int
    problems: list[str] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=UtcDateTime)


class BillRow(Owned, table=True):
    """A bill's identity: the portal's key for it (its date, where a portal has none)."""

    __table_args__ = table_args(UniqueConstraint("account_id", "portal_key"))

    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    portal_key: str = Field(sa_type=ForeignName)
    billed_on: date
    listed_amount: int | None = Field(default=None, sa_type=BIG)


class BillVersionRow(Owned, table=True):
    """What a bill said, once; the newest id counts. ``content`` holds the meters and the address.

    The fields are those of ``records.Bill``, amounts in cents; all null while the document is unread.
    """

    __table_args__ = table_args()

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
