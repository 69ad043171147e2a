"""A real API server over a store of its own, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.server import ApiServer, served


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API of a farm with one company, and a client with that company's test key."""
    with served(tmp_path_factory.mktemp("api") / "home") as server:
        yield server
