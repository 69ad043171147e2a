"""A store on a home of the test's own, as a command or an API has it open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.storage.ready_home import ready_home


@pytest.fixture
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment's settings counts."""
    for name in ("DATABASE_URL", "REDIS_URL", "METERFARM_SECRET_KEYS", "METERFARM_PORTAL_URLS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def farm(tmp_path: Path, without_settings: None) -> Iterator[Store]:
    """SQLite in ``tmp_path/home``."""
    home = tmp_path / "home"
    ready_home(home)
    with Store.open(Settings(home=home)) as opened:
        yield opened


@pytest.fixture
def store(farm: Store) -> CompanyStore:
    """That of the only company."""
    return farm.of()
