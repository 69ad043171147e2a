from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.settings import Settings
from storage.store import Store


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A METERFARM_HOME of the test's own, and nothing else set."""
    for name in ("DATABASE_URL", "REDIS_URL", "METERFARM_SECRET_KEYS", "METERFARM_PORTAL_URLS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """The store behind the command, as a worker has it open."""
    with Store.open(Settings(home=home)) as opened:
        yield opened
