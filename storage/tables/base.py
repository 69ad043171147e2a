"""What every table shares: the metadata with its naming convention, instants in UTC, an owner."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, MetaData
from sqlalchemy.orm import declared_attr
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel
from sqlmodel.sql.sqltypes import AutoString

from meterfarm.support.foreign_text import one_line, storable

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC and read back aware whatever the database makes of time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raises ValueError for an instant without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware of its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """An instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ForeignText(TypeDecorator[str]):
    """A sentence of a portal, a file or a mail: one safe line, bounded."""

    impl = AutoString
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """One safe line."""
        return None if value is None else one_line(value)


class ForeignName(TypeDecorator[str]):
    """A name, number or key of a portal, bounded. Else it is as it came: it is an identifier."""

    impl = AutoString
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Without what no database stores."""
        return None if value is None else storable(value)


class Row(SQLModel):
    """Base of all tables: names the table after the class."""

    metadata: ClassVar[MetaData] = metadata

    @declared_attr.directive
    def __tablename__(cls) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.removesuffix("Row")).lower()


class Keyed(Row):
    """A row with an integer id that is never given out twice."""

    id: int = Field(default=None, primary_key=True)


class Owned(Keyed):
    """A row that belongs to a company."""

    company_id: int = Field(foreign_key="company.id")


def table_args(*items: SchemaItem) -> tuple[SchemaItem | dict[str, Any], ...]:
    """Constraints of a keyed table; on SQLite its ids are not reused after a removal."""
    return (*items, {"sqlite_autoincrement": True})


BIG = BigInteger
"""For money in cents, mantissas and epoch seconds: 64 bits on every database."""
