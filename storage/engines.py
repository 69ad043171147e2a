"""Engines for the two kinds of database, and connecting to them.

SQLite stands several processes only with a write-ahead log, a busy timeout and ``BEGIN IMMEDIATE`` for every
transaction that writes. A Postgres server may be gone for a moment: connecting is tried again, and nothing
else is, for of a statement that was sent nobody knows what became of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from meterfarm.storage.errors import StorageError
from meterfarm.storage.refusals import will_not_pass

_BUSY_SECONDS = 30
_LOOKS = 500
_DRIVER = "postgresql+psycopg"
_POSTGRES = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "meterfarm",
    "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s",
}
_SHOWN = {"host", "port", "dbname"}


def parse(url: str) -> URL:
    """An address as people write it; Postgres is spoken to by psycopg unless it names a driver."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StorageError("DATABASE_URL is not a database address; write it as dialect://...") from None
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername=_DRIVER)
    return parsed


def make_engine(url: URL) -> Engine:
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise StorageError(f"DATABASE_URL names the database {kind}; use sqlite or postgresql.")
    try:
        if url.drivername == _DRIVER:
            return create_engine(
                url,
                hide_parameters=True,
                pool_pre_ping=True,
                connect_args={name: value for name, value in _POSTGRES.items() if name not in url.query},
            )
        engine = create_engine(url, hide_parameters=True)
    except (ModuleNotFoundError, NoSuchModuleError) as exc:
        raise StorageError(
            f"The driver for DATABASE_URL ({url.drivername}) is not installed; install it."
        ) from exc
    if kind == "sqlite":
        event.listen(engine, "do_connect", _create_private)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def shown(url: URL) -> str:
    """The address for people: a password may stand among its options, too."""
    known = {name: value for name, value in url.query.items() if name in _SHOWN}
    return url.set(query=known).render_as_string(hide_password=True)


def _may_pass(exc: BaseException) -> bool:
    return isinstance(exc, OperationalError) and not will_not_pass(exc.orig or exc)


_patiently = Retrying(
    retry=retry_if_exception(_may_pass),
    wait=wait_exponential(multiplier=0.1, max=2),
    stop=stop_after_delay(15),
    reraise=True,
)


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """A connection. One that a server does not grant at once is asked for again, for some 15 seconds."""
    connection = _patiently(engine.connect) if engine.dialect.name == "postgresql" else engine.connect()
    with connection:
        yield connection


def _create_private(
    dialect: object, record: ConnectionPoolEntry, cargs: list[str], cparams: dict[str, object]
) -> None:
    """Make the file first, for its owner only; SQLite gives its companion files the same rights.

    A file that exists is never opened here: to close it would drop the locks that this process holds on it
    through SQLite (POSIX locks are a process's, not a descriptor's), and another would take itself for the
    last user and delete the write-ahead log.
    """
    try:
        os.close(os.open(cargs[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return  # it is there, or SQLite reports it in its own words


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
    if not connection.get_execution_options().get("writing", False):
        connection.exec_driver_sql("BEGIN")
    elif not _got_in_turn(connection.connection.driver_connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _got_in_turn(connection: object) -> bool:
    """Whether the lock for writing was to be had before long.

    Writers keep it for milliseconds. SQLite looks for it at growing intervals, up to a tenth of a second.
    """
    if not isinstance(connection, sqlite3.Connection):
        return False
    connection.execute("PRAGMA busy_timeout = 1")
    try:
        for _ in range(_LOOKS):
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                continue
            return True
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
