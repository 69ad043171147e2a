"""What is particular to Postgres: addresses, its schema, a server that goes away and comes back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from meterfarm.records import Account, Commodity, Direction, Outcome, Reading, Series, Unit
from meterfarm.storage import StorageError
from meterfarm.storage.database import Database
from meterfarm.storage.engines import parse
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.storage.tables import metadata
from tests.postgres import Postgres, running
from tests.storage.made import EXPORT, USERNAME, UTILITY, key
from tests.storage.opening import Rows

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.parametrize("backend", ["postgres"], indirect=True)


@pytest.fixture
def server(environment: Mapping[str, str]) -> Iterator[Postgres]:
    """The server, which runs again after the test."""
    running()
    yield running()
    running().stop()
    running().start()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_as_people_write_it_is_understood(scheme: str, backend: str) -> None:
    assert parse(f"{scheme}://me:secret@db/x").drivername == "postgresql+psycopg"


def test_the_migrations_make_what_the_tables_declare(
    store: CompanyStore, environment: Mapping[str, str]
) -> None:
    engine = create_engine(parse(environment["DATABASE_URL"]))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_readings_come_back_as_they_were_saved(store: CompanyStore) -> None:
    """They are fetched from the driver itself, which has its own types."""
    account = store.accounts.save(store.customers.ensure(UTILITY, USERNAME), Account("1"))
    readings = [Reading(1_767_225_600 + 900 * number, 900, 7 * number, number == 1) for number in range(3)]
    saved = Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, -1, readings)
    store.readings.save(account, EXPORT, "E1", [saved])
    (found,) = store.readings.series(account, "E1")
    assert list(found.readings) == readings
    assert [type(value) for value in found.readings[1]] == [int, int, int, bool]
    (part,) = store.readings.series(account, "E1", time=(readings[1].start, readings[2].start))
    assert list(part.readings) == readings[1:2]


def test_processes_that_open_a_new_database_at_once_all_succeed(home: Path, backend: str) -> None:
    script = (
        "from meterfarm.storage.settings import Settings; from meterfarm.storage.store import Store;"
        f"print(Store.open(Settings()).of().customers.ensure({UTILITY!r}, {USERNAME!r}).id)"
    )
    address = running().url(running().new_database())
    its = {"DATABASE_URL": address, "METERFARM_SECRET_KEYS": key(9)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**its, "METERFARM_HOME": str(home / str(number))},
        )
        for number in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 2
    assert set(said) == {b"1\n"}


def test_a_server_that_comes_back_is_waited_for(store: CompanyStore, server: Postgres) -> None:
    """By who reads and who writes, each with a connection that the server no longer knows."""
    customer = store.customers.ensure(UTILITY, USERNAME)
    done: list[str] = []

    def read() -> None:
        store.credentials.run_context(customer)
        done.append("read")

    def write() -> None:
        store.logins.reject(customer, "x", Outcome.BAD_CREDENTIALS, "No.")
        done.append("written")

    server.stop()
    waiting = [Thread(target=read), Thread(target=write)]
    for thread in waiting:
        thread.start()
    waiting[0].join(1)
    assert [thread.is_alive() for thread in waiting] == [True, True]
    server.start()
    for thread in waiting:
        thread.join(20)
    assert sorted(done) == ["read", "written"]
    assert store.logins.rejection(customer, "x") is not None


def test_nothing_is_tried_again_once_a_statement_was_sent(
    store: CompanyStore, settings: Settings, server: Postgres, rows: Rows
) -> None:
    database = Database(settings, settings.home)
    begun = 0
    with pytest.raises(StorageError, match="the connection to it was lost; run again"):  # noqa: PT012
        with database.writing() as session:
            begun += 1
            session.connection().execute(
                text(
                    "INSERT INTO company (name, live, unlock_continuous, gas_as_text, meter_preference, "
                    "notification_email, mail_domains) VALUES ('lost', false, true, false, 'both', '', '')"
                )
            )
            server.stop()
            session.connection().execute(text("SELECT 1"))
    server.start()
    assert rows("SELECT count(*) FROM company WHERE name = 'lost'") == [(0,)]
    database.close()
    assert begun == 1


def test_what_will_not_pass_is_said_at_once(server: Postgres, home: Path) -> None:
    settings = Settings(home=home, database_url=server.url("nowhere"), secret_keys=key(9))
    with pytest.raises(StorageError, match="there is no such database on its server; create it"):
        Store.open(settings).of()
