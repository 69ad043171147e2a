from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meterfarm.fake_utility.running import FakeUtility
from tests.scrape.portal import Portal

NOW = "2026-11-21T09:00"


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The fake utility with random codes, for all tests that leave its customers as they found them."""
    with FakeUtility(random_codes=True, now=NOW, home=tmp_path_factory.mktemp("portal")) as url:
        yield Portal(url)


@pytest.fixture
def fresh_portal(tmp_path: Path) -> Iterator[Portal]:
    """A fake utility of the test's own."""
    with FakeUtility(random_codes=True, now=NOW, home=tmp_path / "portal") as url:
        yield Portal(url)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A METERFARM_HOME of the test's own."""
    return tmp_path / "home"
