"""The farm itself, and the processes that serve it."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from meterfarm.storage.tables.base import Row, UtcDateTime


class FarmRow(Row, table=True):
    """The one row says by which ``key`` this database's farm is known beside others; ``number`` is 1."""

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key: str


class WorkerRow(Row, table=True):
    """A worker process as runs name theirs, and the ``queues`` that it serves, separated by spaces."""

    process: str = Field(primary_key=True)
    queues: str
    beat_at: datetime = Field(sa_type=UtcDateTime)
