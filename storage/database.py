"""The database, its migrations and transactions, and what repositories share: a transaction a method."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, Dialect, Executable, Select, inspect, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session, select

from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.engines import connected, make_engine, parse, reason, shown
from meterfarm.storage.files import AnyFiles
from meterfarm.storage.runs import Lease
from meterfarm.storage.settings import DATABASE, Settings, setup_lock
from meterfarm.storage.tables import Row, metadata
from meterfarm.storage.vault import Vault

AnyRow = TypeVar("AnyRow", bound=Row)

RUN = "run"
"""In a session's ``info``: the run that the transaction is for."""
HEAD = "first"
"""The newest migration."""
MIGRATIONS = Path(__file__).parent / "migrations"
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
        """A transaction that reads."""
        with self._explained(), connected(self.engine) as connection, Session(connection) as session:
            yield session

    @contextmanager
    def driver(self) -> Iterator[sqlite3.Connection]:
        """SQLite's own connection, for a query that is a transaction of its own."""
        with self._explained(), closing(self.engine.raw_connection()) as pooled:
            connection: sqlite3.Connection = pooled.driver_connection  # type: ignore[assignment] # SQLite's
            try:
                yield connection
            except sqlite3.Error as exc:
                raise DBAPIError(None, None, exc) from exc

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

    def bring_up_to_date(self, home: Path) -> None:
        """Run the migrations that are lacking. Safe beside other processes that do the same.

        Alembic is imported only when some are: opening a database at ``HEAD`` stays cheap.

        Raises:
            StorageError: another version made the database.
        """
        if self.revision() == HEAD:
            return
        with setup_lock(home), self._migrating() as connection:
            from alembic.operations import Operations
            from alembic.runtime.migration import MigrationContext
            from alembic.script import ScriptDirectory
            from alembic.util.exc import CommandError

            scripts = ScriptDirectory(MIGRATIONS)
            steps = {"fn": lambda revision, _: scripts._upgrade_revs(HEAD, revision)}
            context = MigrationContext.configure(connection, opts={**steps, "target_metadata": metadata})
            try:
                with Operations.context(context):
                    context.run_migrations()
            except CommandError as exc:
                raise StorageError(
                    f"The database {self.where} was made by another version of Meterfarm; use that version."
                ) from exc

    @contextmanager
    def _migrating(self) -> Iterator[Connection]:
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
        """Close all connections."""
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
    statement = _insert_absent(str(table.__tablename__), column, session.get_bind().dialect.name)
    return list(session.connection().scalars(statement, [dict(row) for row in rows]))


@cache
def _insert_absent(table: str, column: str, dialect: str) -> Executable:
    """Built once: a refresh executes it several times."""
    into = metadata.tables[table]
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # slow to import, and rarely needed

        return postgresql.insert(into).on_conflict_do_nothing().returning(into.c[column])
    return sqlite.insert(into).on_conflict_do_nothing().returning(into.c[column])


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


P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Farm:
    """The whole farm: what the repositories of operators work on."""

    database: Database
    vault: Vault
    home: Path
    files: AnyFiles


@dataclass(slots=True)
class Scope:
    """One company of the farm, and the run that is held, if it is a run that reads and writes.

    ``check_lease`` raises LeaseLost in a transaction once the run is not held any more. ``saved_state`` is
    the portal's session as the holder of the run last loaded or saved it.
    """

    farm: Farm
    company_id: int
    lease: Lease | None = None
    check_lease: Callable[[Session], object] | None = None
    saved_state: bytes | None = None


class FarmRepository:
    """A part of what an operator reads and does: of all companies."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    @property
    def _database(self) -> Database:
        return self._farm.database

    def _check(self, *_given: object) -> None:
        """Everything may be named here."""

    def _begin(self, session: Session) -> None:
        """No run is held here."""


class Repository:
    """A part of what one company reads and does. Customers of others are refused by every method."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._company_id = scope.company_id
        self._vault = scope.farm.vault
        self._files = scope.farm.files

    @property
    def _database(self) -> Database:
        return self._scope.farm.database

    def _check(self, *given: object) -> None:
        """Raises StorageError if a customer of another company is among what a method is given."""
        for argument in given:
            if isinstance(argument, Customer) and argument.company_id != self._company_id:
                raise StorageError(f"The customer {argument.id} is none of this company's; name one that is.")
            if isinstance(argument, Collection) and not isinstance(argument, str | bytes):
                self._check(*argument)

    def _begin(self, session: Session) -> None:
        """Secrets that are opened in the transaction are opened for the run, if one is held."""
        if self._scope.lease is not None:
            session.info[RUN] = self._scope.lease.run_id

    def _check_lease(self, session: Session) -> None:
        """Raises LeaseLost if these are the writes of a run that is not held any more."""
        if self._scope.check_lease is not None:
            self._scope.check_lease(session)


R = TypeVar("R", bound=FarmRepository | Repository)
H = TypeVar("H", bound=Repository)


def reading(method: Callable[Concatenate[R, Session, P], T]) -> Callable[Concatenate[R, P], T]:
    """The method is a transaction that reads."""

    @wraps(method)
    def transaction(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._check(*args, *kwargs.values())
        with self._database.reading() as session:
            return method(self, session, *args, **kwargs)

    return transaction


def writing(method: Callable[Concatenate[R, Session, P], T]) -> Callable[Concatenate[R, P], T]:
    """The method is a transaction that writes; secrets may be opened in it, for the run if one is held."""

    @wraps(method)
    def transaction(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._check(*args, *kwargs.values())
        with self._database.writing() as session:
            self._begin(session)
            return method(self, session, *args, **kwargs)

    return transaction


def holding(method: Callable[Concatenate[H, Session, P], T]) -> Callable[Concatenate[H, P], T]:
    """As ``writing``; in the store of a run it raises LeaseLost once the run is not held any more."""

    @wraps(method)
    def guarded(self: H, session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._check_lease(session)
        return method(self, session, *args, **kwargs)

    return writing(guarded)


_Compiled = tuple[str, Sequence[str], Sequence[tuple[int, Callable[[Any], Any]]]]
"""The statement, the names of its parameters, and what reads which columns."""


class SingleRead:
    """A query of bound parameters, without lists of values, that is asked thousands of times a second.

    On SQLite it goes to the driver by itself, without a transaction of several statements: of some 180
    microseconds that a query takes by way of a session, 20 remain. On Postgres the network takes the time.
    """

    def __init__(self, query: Select[*tuple[Any, ...]]) -> None:
        self._query = query
        self._compiled: _Compiled | None = None

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

    def _compile(self, dialect: Dialect) -> _Compiled:
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


def _row(row: Sequence[Any], read: Sequence[tuple[int, Callable[[Any], Any]]]) -> Sequence[Any]:
    values = list(row)
    for place, processor in read:
        values[place] = processor(values[place])
    return values
