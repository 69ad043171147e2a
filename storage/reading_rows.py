"""Rows of readings straight from and to the driver: SQLAlchemy's way costs double, or much more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from meterfarm.records import Reading

Stored = tuple[int, int, int, bool]
"""As a ``Reading``, which it equals."""
_FIELDS = ", ".join(Reading._fields)
_BETWEEN = (
    f"SELECT {_FIELDS} FROM reading WHERE series_id = {{0}} AND start BETWEEN {{0}} AND {{0}} ORDER BY start"  # noqa: S608
)
_COLUMNS = f"series_id, {_FIELDS}, first_seen, updated"
_COPY = f"COPY reading ({_COLUMNS}) FROM STDIN"
_INSERT = f"INSERT INTO reading ({_COLUMNS}) VALUES ({{series:d}}, ?, ?, ?, {{flag:d}}, {{now:d}}, {{now:d}})"  # noqa: S608
_TO_START = itemgetter(slice(0, 3))


def between(connection: Connection, series_id: int, first: int, last: int) -> Sequence[Stored]:
    """Those of a series that start from ``first`` to ``last``, by start."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    result = connection.exec_driver_sql(_BETWEEN.format(mark), (series_id, first, last))
    with _told(connection, _BETWEEN):
        rows: Sequence[Stored] = result.cursor.fetchall() if result.cursor else ()
    result.close()
    return rows


def insert(connection: Connection, series_id: int, readings: Sequence[Reading], now: int) -> None:
    if connection.dialect.name == "postgresql":
        _copy(connection, series_id, readings, now)
        return
    flags = set(map(itemgetter(3), readings))
    for flag in flags:  # what all rows have alike need not be handed over with each
        alike = readings if len(flags) == 1 else [reading for reading in readings if reading[3] == flag]
        statement = _INSERT.format(series=series_id, flag=flag, now=now)
        connection.exec_driver_sql(statement, list(map(_TO_START, alike)))


def _copy(connection: Connection, series_id: int, readings: Sequence[Reading], now: int) -> None:
    head, tail = f"{series_id:d}\t", f"\t{now:d}\t{now:d}\n"
    lines = [
        f"{head}{start}\t{seconds}\t{mantissa}\t{estimated:d}{tail}"
        for start, seconds, mantissa, estimated in readings
    ]
    driver: Any = connection.connection.driver_connection
    with _told(connection, _COPY), driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write("".join(lines))


@contextmanager
def _told(connection: Connection, statement: str) -> Iterator[None]:
    """Errors of the driver as SQLAlchemy has them."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as exc:
        raise DBAPIError(statement, None, exc) from exc
