"""Where: accounts, the supply points behind them, the meters that hang there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from meterfarm.storage.tables.base import ForeignName, Owned, UtcDateTime, table_args


class AccountRow(Owned, table=True):
    """A utility account; ``address`` holds the fields of ``records.Address``."""

    __table_args__ = table_args(UniqueConstraint("customer_id", "number"))

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    number: str = Field(sa_type=ForeignName)
    name: str = Field(sa_type=ForeignName)
    address: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))


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
