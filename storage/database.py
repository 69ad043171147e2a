"""The engine and its transactions. All that is particular to one kind of database is here.

SQLite stands several processes only with a write-ahead log, a busy timeout and ``BEGIN IMMEDIATE`` for every
transaction that writes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Executable,
    create_engine,
    event,
    inspect,
    literal,
    make_url,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, select

from storage.errors import StorageError
from storage.home import DATABASE
from storage.settings import Settings
from storage.tables import Row

AnyRow = TypeVar("AnyRow", bound=Row)

_BUSY_SECONDS = 30
_MIGRATION_LOCK = 0x6D657465
_ADVICE = {
    "full": "the disk is full; free some space, then run again",
    "readonly": "it is read-only; make it writable",
    "locked": "another process has kept it locked for too long; try again when that one is done",
    "malformed": "it is damaged; restore it from a backup, or move it away to start anew",
    "not a database": "it is damaged; restore it from a backup, or move it away to start anew",
    "unable to open": "it cannot be opened; check that its directory is there and writable",
}


class Database:
    """An engine and the two kinds of transaction on it; its errors come out as ``StorageError``."""

    def __init__(self, settings: Settings, home: Path) -> None:
        given = settings.database_url.get_secret_value()
        url = _parse(given) if given else URL.create("sqlite", database=str(home / DATABASE))
        self.where = url.render_as_string(hide_password=True) if given else str(home / DATABASE)
        self.engine = _make_engine(url)
        self._write_engine = self.engine.execution_options(writing=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._explained(), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that commits at the end and rolls back on any error."""
        with self._explained(), Session(self._write_engine, expire_on_commit=False) as session:
            with session.begin():
                yield session

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A writing transaction that no other migration runs beside."""
        with self._explained():
            if self.engine.dialect.name == "sqlite":
                with self.engine.connect() as connection:
                    connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
            with self._write_engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                yield connection

    def revision(self) -> str:
        """The migration the database stands at; empty if it is new."""
        with self._explained(), self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return ""
            return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""

    def forget_deleted(self) -> None:
        """On SQLite, empty the write-ahead log, where deleted bytes would linger."""
        if self.engine.dialect.name == "sqlite":
            with self._explained(), self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as exc:
            said = str(exc.orig)
            reason = next((advice for word, advice in _ADVICE.items() if word in said), None)
            reason = reason or f"it answered with {type(exc.orig).__name__}; see the cause and run again"
            raise StorageError(f"The database {self.where} cannot be used: {reason}.") from exc


def insert_if_absent(session: Session, table: type[Row], values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique constraint says it is there; whether it was inserted."""
    statement: Executable
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # slow to import, and rarely needed

        statement = postgresql.insert(table).values(**values).on_conflict_do_nothing().returning(literal(1))
    else:
        statement = sqlite.insert(table).values(**values).on_conflict_do_nothing().returning(literal(1))
    return session.connection().execute(statement).first() is not None


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


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise StorageError("DATABASE_URL is not a database address; write it as dialect://...") from None


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StorageError(
            f"DATABASE_URL names the database {url.get_backend_name()}; use sqlite or postgresql."
        )
    try:
        engine = create_engine(url, hide_parameters=True)
    except (ModuleNotFoundError, NoSuchModuleError) as exc:
        raise StorageError(
            f"The driver for DATABASE_URL ({url.drivername}) is not installed; install it."
        ) from exc
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _create_private)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_private(
    dialect: object, record: ConnectionPoolEntry, cargs: list[str], cparams: dict[str, object]
) -> None:
    """Make the file first, for its owner only; SQLite gives its companion files the same rights."""
    try:
        os.close(os.open(cargs[0], os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        return  # SQLite reports it in its own words


def _set_up_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # transactions begin in _begin_sqlite
    for pragma in (
        f"busy_timeout = {_BUSY_SECONDS * 1000}",
        "foreign_keys = ON",
        "synchronous = NORMAL",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
