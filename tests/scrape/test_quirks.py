"""Quirks of real portals, each alone and in pairs: a visit comes to what the portal declares, with all of its
data.

A tenth of them, drawn by QUIRKS_SEED; with ``FARM_SCALE=1`` every one and 100 pairs.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from math import ceil

import pytest

from tests.fake_portal import fake_portals as running
from tests.scale import FULL
from tests.scrape.quirked import NOW, Quirked, Visitor, alone, pairs

SEED = int(os.environ.get("QUIRKS_SEED") or "16")


def _drawn() -> list[Quirked]:
    every = alone()
    return every if FULL else random.Random(SEED).sample(every, ceil(len(every) / 10))  # noqa: S311 - the same each time


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    folder = tmp_path_factory.mktemp("quirks")
    with running(folder / "portals", now=NOW) as at:
        yield Visitor(at, folder)


@pytest.mark.parametrize("one", _drawn(), ids=str)
def test_a_quirk_alone_ends_as_declared(one: Quirked, visitor: Visitor) -> None:
    visitor.check(one)


@pytest.mark.parametrize("one", pairs(SEED, 100 if FULL else 3), ids=str)
def test_two_quirks_end_as_declared(one: Quirked, visitor: Visitor) -> None:
    visitor.check(one)
