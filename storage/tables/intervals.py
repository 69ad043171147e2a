"""Interval readings: series, a row a reading, the times they cover, former values."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from meterfarm.storage.tables.base import BIG, Keyed, Owned, Row, table_args


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


class StretchRow(Row, table=True):
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
