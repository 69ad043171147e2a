"""Transactions on the database, and the statements that every kind of database words differently."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Executable, inspect, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session, select

from meterfarm.storage.engines import connected, make_engine, parse, shown
from meterfarm.storage.errors import StorageError
from meterfarm.storage.home import DATABASE
from meterfarm.storage.refusals import reason
from meterfarm.storage.settings import Settings
from meterfarm.storage.tables import Row, metadata

AnyRow = TypeVar("AnyRow", bound=Row)

RUN = "run"
"""In a session's ``info``: the run that the transaction is for."""
_LAST_ACTS = "last acts"
_MIGRATION_LOCK = 0x6D657465


class Database:
    """An engine and the two kinds of transaction on it; its errors come out as ``StorageError``."""

    def __init__(self, settings: Settings, home: Path) -> None:
        given = settings.database_url.get_secret_value()
        url = parse(given) if given else URL.create("sqlite", database=str(home / DATABASE))
        self.where = shown(url) if given else str(home / DATABASE)
        self.engine = make_engine(url)
        self._write_engine = self.engine.execution_options(writing=True)
        self._turn: AbstractContextManager[object] = threading.Lock() if self.is_local else nullcontext()

    @property
    def is_local(self) -> bool:
        """Whether all who use it are on this machine and share its clock."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._explained(), connected(self.engine) as connection, Session(connection) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that commits at the end and rolls back on any error.

        SQLite has one writer at a time: the threads of a process take turns, and only processes vie.
        """
        with self._turn, self._explained(), connected(self._write_engine) as connection:
            with Session(connection, expire_on_commit=False) as session, session.begin():
                yield session
                for act in session.info.pop(_LAST_ACTS, ()):
                    act(session)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A writing transaction that no other migration runs beside."""
        with self._explained():
            if self.engine.dialect.name == "sqlite":
                with self.engine.connect() as connection:
                    connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
            with connected(self._write_engine) as connection, connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                yield connection

    def revision(self) -> str:
        """The migration the database stands at; empty if it is new."""
        with self._explained(), connected(self.engine) as connection:
            if not inspect(connection).has_table("alembic_version"):
                return ""
            return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""

    def forget_deleted(self) -> None:
        """On SQLite, empty the write-ahead log, where deleted bytes would linger."""
        if self.engine.dialect.name == "sqlite":
            with self._explained(), self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def settle(self) -> None:
        """On SQLite, wait until what was committed is on the disk. Postgres has done so at each commit.

        A checkpoint syncs the log and the database. To open the files here would drop SQLite's own locks.
        """
        if self.is_local:
            with self._explained(), self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(FULL)")

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as exc:
            raise StorageError(f"The database {self.where} cannot be used: too many wait for it.") from exc
        except DBAPIError as exc:
            raise StorageError(f"The database {self.where} cannot be used: {reason(exc)}.") from exc


def at_the_end(session: Session, act: Callable[[Session], None]) -> None:
    """Do this last in the writing transaction, before it commits."""
    session.info.setdefault(_LAST_ACTS, []).append(act)


def insert_if_absent(session: Session, table: type[Row], values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique constraint says it is there; whether it was inserted."""
    return bool(insert_absent(session, table, [values], next(iter(values))))


def insert_absent(
    session: Session, table: type[Row], rows: Sequence[Mapping[str, Any]], column: str
) -> list[Any]:
    """Insert those rows that no unique constraint says are there; the ``column`` of each inserted."""
    if not rows:
        return []
    its = metadata.tables[str(table.__tablename__)]
    statement: Executable
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # slow to import, and rarely needed

        statement = postgresql.insert(its).on_conflict_do_nothing().returning(its.c[column])
    else:
        statement = sqlite.insert(its).on_conflict_do_nothing().returning(its.c[column])
    return list(session.connection().scalars(statement, [dict(row) for row in rows]))


def now(session: Session) -> datetime:
    """The database's own clock, so that several machines agree; with SQLite there is only one machine."""
    if session.get_bind().dialect.name == "postgresql":
        at: datetime = session.connection().execute(text("SELECT clock_timestamp()")).scalar_one()
        return at.astimezone(UTC)
    return datetime.now(UTC)


def put(session: Session, table: type[AnyRow], same: Mapping[str, Any], values: Mapping[str, Any]) -> AnyRow:
    """The row identified by ``same``, made or changed so that it has ``values``; flushed."""
    row = session.exec(select(table).filter_by(**same)).first()
    if row is None:
        row = table(**same, **values)
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    session.add(row)
    session.flush()
    return row
