"""A real Redis for a test, on a socket of its own, and a whole farm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_utility.running import fake_utility
from farm.private_redis import PrivateRedis
from tests.farm.whole import Farm, farm_at


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    """An empty server that ends with the test."""
    with PrivateRedis(tmp_path / "home") as server:
        yield server


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """Without workers, on a portal of its own whose codes are random."""
    with (
        fake_utility(random_codes=True, home=tmp_path / "portal") as url,
        farm_at(tmp_path / "home", url) as farm,
    ):
        yield farm
