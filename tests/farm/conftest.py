"""A real Redis for a test, on a socket of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.private_redis import PrivateRedis


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    """An empty server that ends with the test."""
    with PrivateRedis(tmp_path / "home") as server:
        yield server
