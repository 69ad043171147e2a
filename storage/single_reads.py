"""Single queries that are asked thousands of times a second.

On SQLite they go to the driver by themselves, without a transaction of several statements: of some 180
microseconds that a query takes by way of a session, 20 remain. On Postgres the network is what takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Select

from meterfarm.storage.database import Database

_Read = Callable[[Any], Any]


class SingleRead:
    """A query of bound parameters, without lists of values; compiled once."""

    def __init__(self, query: Select[*tuple[Any, ...]]) -> None:
        self._query = query
        self._compiled: tuple[str, Sequence[str], Sequence[tuple[int, _Read]]] | None = None

    def rows(self, database: Database, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """All rows.

        Raises:
            StorageError: the database cannot be used.
        """
        if not database.is_local:
            with database.reading() as session:
                return session.connection().execute(self._query, values).all()
        statement, names, read = self._compiled or self._compile(database.engine.dialect)
        with database.driver() as connection:
            found = connection.execute(statement, [values[name] for name in names]).fetchall()
        return [_row(row, read) for row in found] if read else found

    def first(self, database: Database, values: Mapping[str, object]) -> Sequence[Any] | None:
        """The first row, None if there is none.

        Raises:
            StorageError: the database cannot be used.
        """
        return next(iter(self.rows(database, values)), None)

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str], Sequence[tuple[int, _Read]]]:
        compiled = self._query.compile(dialect=dialect)
        kinds = [column.type.dialect_impl(dialect) for column in self._query.selected_columns]
        read = [(place, kind.result_processor(dialect, None)) for place, kind in enumerate(kinds)]
        found = (
            compiled.string,
            list(compiled.positiontup or ()),
            [(place, processor) for place, processor in read if processor is not None],
        )
        self._compiled = found
        return found


def _row(row: Sequence[Any], read: Sequence[tuple[int, _Read]]) -> Sequence[Any]:
    values = list(row)
    for place, processor in read:
        values[place] = processor(values[place])
    return values
