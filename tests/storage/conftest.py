"""Stores on real files and real databases, opened as often as a test likes and closed after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from meterfarm.storage.engines import parse
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.postgres import Postgres, running
from tests.storage.made import key
from tests.storage.opening import OpenStore, Rows
from tests.storage.ready_home import ready_home


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Without a parameter, a home as a person's first command finds it."""
    return str(getattr(request, "param", "nothing yet"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("METERFARM_HOME", "DATABASE_URL", "METERFARM_SECRET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def environment(backend: str, home: Path) -> Iterator[Mapping[str, str]]:
    """What a process needs to open the test's store."""
    if backend != "postgres":
        if backend == "sqlite":
            ready_home(home)
        yield {"METERFARM_HOME": str(home)}
        return
    server = running()
    name = _database(server)
    yield {
        "METERFARM_HOME": str(home),
        "DATABASE_URL": server.url(name),
        "METERFARM_SECRET_KEYS": key(9),
    }
    server.empty(name, but="alembic_version")


@pytest.fixture
def settings(environment: Mapping[str, str], home: Path) -> Settings:
    return Settings(
        home=home,
        secret_keys=environment.get("METERFARM_SECRET_KEYS", ""),
        database_url=environment.get("DATABASE_URL", ""),
    )


@pytest.fixture
def open_store(settings: Settings) -> Iterator[OpenStore]:
    opened: list[CompanyStore] = []

    def open_one(secret_keys: str = "", at: Path = settings.home) -> CompanyStore:
        keys = SecretStr(secret_keys) if secret_keys else settings.secret_keys
        opened.append(Store.open(settings.model_copy(update={"home": at, "secret_keys": keys})).of())
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> CompanyStore:
    return open_store()


@pytest.fixture
def rows(store: CompanyStore, environment: Mapping[str, str], home: Path) -> Iterator[Rows]:
    """Runs a statement on the store's database from outside; the rows it answers with."""
    engine = create_engine(parse(environment.get("DATABASE_URL") or f"sqlite:///{home / 'meterfarm.db'}"))

    def run(statement: str, **values: object) -> list[tuple[Any, ...]]:
        with engine.begin() as connection:
            answer = connection.execute(text(statement), values)
            return [tuple(row) for row in answer] if answer.returns_rows else []

    yield run
    engine.dispose()


@cache
def _database(server: Postgres) -> str:
    """A database with the schema, for one test after the other."""
    name = server.new_database()
    with TemporaryDirectory() as scratch:
        settings = Settings(home=Path(scratch), secret_keys=key(9), database_url=server.url(name))
        Store.open(settings).close()
    return name
