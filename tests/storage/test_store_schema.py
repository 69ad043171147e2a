"""Migrations make what the tables declare, once, however many processes open the store."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from meterfarm.storage import StorageError
from meterfarm.storage.database import HEAD, MIGRATIONS
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import UtcDateTime, metadata
from tests.storage.made import USERNAME, UTILITY
from tests.storage.opening import OpenStore

ROOT = Path(__file__).parents[2]


def test_the_migrations_make_what_the_tables_declare(store: CompanyStore, home: Path) -> None:
    engine = create_engine(f"sqlite:///{home / 'meterfarm.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_migrations_declare_each_table_as_the_models_do(store: CompanyStore, home: Path) -> None:
    """Constraints' names, defaults of ids and deletion rules too, which Alembic does not compare."""
    declared = create_engine("sqlite://")
    metadata.create_all(declared)
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
    with declared.connect() as connection:
        expected = {name: _lines(sql) for name, sql in connection.exec_driver_sql(query)}
    declared.dispose()
    with sqlite3.connect(home / "meterfarm.db") as migrated:
        assert {name: _lines(sql) for name, sql in migrated.execute(query)} == expected
    migrated.close()


def _lines(sql: str) -> list[str]:
    return sorted(line.strip().rstrip(",") for line in sql.splitlines())


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrations_can_be_undone(store: CompanyStore, home: Path) -> None:
    engine = create_engine(f"sqlite:///{home / 'meterfarm.db'}")
    with engine.begin() as connection:
        scripts = ScriptDirectory(MIGRATIONS)
        steps = {"fn": lambda revision, _: scripts._downgrade_revs("base", revision)}
        context = MigrationContext.configure(connection, opts=steps)
        with Operations.context(context):
            context.run_migrations()
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_every_table_can_be_made_on_postgres() -> None:
    dialect = make_url("postgresql://").get_dialect()()
    for table in metadata.sorted_tables:
        assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=dialect))


def test_processes_that_open_a_new_home_at_once_all_succeed(home: Path) -> None:
    """They share one schema, one vault key and one customer."""
    script = (
        "import sys; from pathlib import Path; from meterfarm.storage.store import Store;"
        "from meterfarm.storage.settings import Settings;"
        "store = Store.open(Settings(home=Path(sys.argv[1]))).of();"
        f"customer = store.customers.ensure({UTILITY!r}, {USERNAME!r});"
        "store.credentials.save_session(customer, sys.argv[2].encode(), trusted_since=None);"
        "print(customer.id)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(home), str(n)], stdout=subprocess.PIPE, cwd=ROOT)
        for n in range(4)
    ]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert set(said) == {b"1\n"}
    assert not list(home.glob(".tmp-*"))


def test_an_opened_store_at_head_does_not_import_alembic(store: CompanyStore, home: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from meterfarm.storage.store import Store;"
        "from meterfarm.storage.settings import Settings;"
        "Store.open(Settings(home=Path(sys.argv[1]))).close();"
        "sys.exit('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(home)], check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 0


def test_a_database_of_a_newer_version_is_refused(open_store: OpenStore, home: Path) -> None:
    open_store().close()
    with sqlite3.connect(home / "meterfarm.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StorageError, match=r"made by another version of Meterfarm"):
        open_store()


def test_instants_come_back_aware_and_in_utc() -> None:
    there = datetime(2026, 3, 8, 3, 30, tzinfo=timezone(timedelta(hours=-4)))
    dialect = sqlite.dialect()
    kept = UtcDateTime().process_bind_param(there, dialect)
    assert kept == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert UtcDateTime().process_result_value(datetime(2026, 3, 8, 7, 30), dialect) == there  # noqa: DTZ001


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())  # noqa: DTZ001
