"""Engines for the two kinds of database, connecting to them, and what it means when they refuse."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from meterfarm.storage import StorageError
from meterfarm.support.extras import require

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
    """An engine for the address.

    Raises:
        StorageError: it names another kind of database, or a driver that is not installed.
        ExtraMissing: it names Postgres, and the driver is not installed.
    """
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
        if url.drivername == _DRIVER:
            require("farm", "Postgres (DATABASE_URL)")
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


_FULL = "the disk is full; free some space, then run again"
_NO_SLOT = "its server has no connection left; raise max_connections there, or start fewer workers"
_LOGIN = "it refuses the name or the password in DATABASE_URL; correct them"
_NO_DATABASE = "there is no such database on its server; create it, or correct DATABASE_URL"
_STARTING = "its server is starting up or recovering; wait until it has, and run again"
_STOPPING = "its server is shutting down; start it, and run again"
_LOCKED = "another process has kept what is needed locked for too long; run again"
_DEADLOCK = "two processes were in each other's way; run again"
_STANDBY = "its server is read-only, as a standby is; name the primary in DATABASE_URL"
_RIGHTS = "its user may not do what is needed; make the user the database's owner"
_MEMORY = "its server has no memory left; give it more, or start fewer workers"
_LOST = "the connection to it was lost; run again"
_BROKEN = "its server finds its own files damaged; its log says where; restore a backup"

_SQLITE = (
    ("full", _FULL),
    ("readonly", "it is read-only; make it writable"),
    ("deadlock", _DEADLOCK),
    ("locked", "another process has kept it locked for too long; try again when that one is done"),
    ("malformed", "it is damaged; restore it from a backup, or move it away to start afresh"),
    ("not a database", "it is damaged; restore it from a backup, or move it away to start afresh"),
    ("unable to open", "it cannot be opened; check that its directory is there and writable"),
    ("disk i/o error", "the disk does not read or write as it should; see the system's log"),
)
_STATES = {
    "53100": _FULL,
    "53200": _MEMORY,
    "53300": _NO_SLOT,
    "57P01": _LOST,
    "57P02": _LOST,
    "57014": "it was asked to break off what took too long; run again",
    "25006": _STANDBY,
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": _NO_DATABASE,
    "42501": _RIGHTS,
    "40P01": _DEADLOCK,
    "40001": _DEADLOCK,
    "55P03": _LOCKED,
    "58030": "its server's disk does not read or write as it should; see the log there",
    "XX001": _BROKEN,
    "XX002": _BROKEN,
}
_FINAL = {_LOGIN, _NO_DATABASE, _RIGHTS}
_SERVER = (
    (r"too many clients|too many connections|connection slots|no more connections", _NO_SLOT),
    (r"database is not currently accepting", "it takes no connections; set its ALLOW_CONNECTIONS to true"),
    (r"starting up|recovery|not yet accepting|not accepting connections", _STARTING),
    (r"shutting down", _STOPPING),
    (r"administrator command", _LOST),
    (r"no space left|disk full|could not extend", _FULL),
    (r"out of memory|cannot allocate memory", _MEMORY),
    (r"authentication failed|no such user|role does not exist|user does not exist", _LOGIN),
    (r"database does not exist|no such database", _NO_DATABASE),
    (r"not permitted to log in|permission denied", _RIGHTS),
    (r"pg_hba\.conf", "its server lets this machine or user not in; add a line to its pg_hba.conf"),
    (r"too many open files", "its server has too many files open; raise its limit"),
)
_CLIENT = (
    (r"no password supplied", "it wants a password; write it in DATABASE_URL"),
    (r"certificate|ssl error|does not support ssl|sslmode", "TLS to it fails; see sslmode and sslrootcert"),
    (r"translate host name|name or service|name resolution", "its host is not known by its name; correct it"),
    (r"invalid response|expected authentication|unsupported frontend|protocol",
     "what answers is no Postgres; correct the host and port in DATABASE_URL"),
    (r"timeout expired|timed out", "it did not answer in time; see that it runs, and run again"),
    (r"closed the connection|connection reset|broken pipe", _LOST),
    (r"lock timeout", _LOCKED),
    (r"invalid (?:port|connection option|integer)|bad option|conninfo",
     "DATABASE_URL has an option that is not known; correct it"),
    (r"connection (?:is bad|failed|refused)|no such file|could not connect|network is unreachable|no route",
     "it cannot be reached; see that it runs and that DATABASE_URL is right"),
)  # fmt: skip


def reason(error: DBAPIError) -> str:
    """After "The database ... cannot be used: "."""
    cause, text = error.orig, str(error.orig).casefold()
    if isinstance(cause, sqlite3.Error):
        found = next((why for words, why in _SQLITE if words in text), "")
    else:
        found = _of_postgres(getattr(cause, "sqlstate", None) or "", text)
    if not found and error.connection_invalidated:
        found = _LOST
    return found or f"it answered with {type(cause).__name__}; its own log says why"


def will_not_pass(error: BaseException) -> bool:
    """Whether a server that refuses a connection will do so later, too."""
    text = str(error).casefold()
    why = _of_postgres("", text)
    return why in _FINAL or "pg_hba.conf" in text or "no password supplied" in text


def _of_postgres(state: str, text: str) -> str:
    """What a server says goes before what became of another address of the same host."""
    words = re.sub(r"\s+", " ", re.sub(r"\"[^\"]*\"|'[^']*'|«[^»]*»|„[^“]*“", "", text))
    if state in _STATES:
        return _STATES[state]
    by_server = next((why for pattern, why in _SERVER if re.search(pattern, words)), "")
    if by_server:
        return by_server
    if "fatal:" in words:
        return "its server refuses the connection; its own log says why"
    return next((why for pattern, why in _CLIENT if re.search(pattern, words)), "")
