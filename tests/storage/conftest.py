"""Stores on real files, opened as often as a test likes and closed after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.settings import Settings
from storage.store import Store

OpenStore = Callable[..., Store]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("METERFARM_HOME", "DATABASE_URL", "METERFARM_SECRET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def open_store(home: Path) -> Iterator[OpenStore]:
    opened: list[Store] = []

    def open_one(secret_keys: str = "", at: Path = home) -> Store:
        opened.append(Store.open(Settings(home=at, secret_keys=secret_keys)))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()
