"""A real Redis for a test, on a socket of its own, a whole farm, and a mailbox with a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.fake_portal import fake_portal
from tests.farm.looking import World
from tests.farm.post import Post, post
from tests.farm.whole import Farm, farm_at
from tests.storage.ready_home import ready_home


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    """An empty server that ends with the test."""
    with PrivateRedis(tmp_path / "home") as server:
        yield server


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """Without workers, on a portal of its own whose codes are random."""
    with (
        fake_portal(tmp_path / "portal") as url,
        farm_at(tmp_path / "home", url) as farm,
    ):
        yield farm


@pytest.fixture(scope="module")
def house() -> Iterator[Post]:
    with post() as house:
        yield house


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CompanyStore]:
    ready_home(tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")).of() as store:
        yield store


@pytest.fixture
async def world(store: CompanyStore) -> AsyncIterator[World]:
    world = World(store)
    yield world
    world.mailboxes.close()
