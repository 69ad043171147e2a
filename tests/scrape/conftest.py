from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_portal import fake_portal
from tests.scrape.portal import Portal
from tests.storage.ready_home import ready_home

NOW = "2026-11-21T09:00"


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The fake utility with random codes, for all tests that leave its customers as they found them."""
    with fake_portal(tmp_path_factory.mktemp("portal"), now=NOW) as url:
        yield Portal(url)


@pytest.fixture
def fresh_portal(tmp_path: Path) -> Iterator[Portal]:
    """A fake utility of the test's own."""
    with fake_portal(tmp_path / "portal", now=NOW) as url:
        yield Portal(url)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A METERFARM_HOME of the test's own, as it is after a first command."""
    ready_home(tmp_path / "home")
    return tmp_path / "home"
