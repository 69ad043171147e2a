"""Portals that have drifted: mild drift is survived with all data, severe drift ends as what it is.

Of each portal one of each strength, drawn by DRIFT_SEED; with ``FARM_SCALE=1`` all seeds from 1 to 50, or
those of DRIFT_SEEDS (``51-80``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest

from meterfarm.fake_utility.kit.drift import Strength, drift_of
from tests.fake_portal import fake_portals as running
from tests.scale import FULL
from tests.scrape.drifted import Drifted, DriftVisitor
from tests.scrape.quirked import NOW, PORTALS, SISTER

FIRST, _, LAST = (os.environ.get("DRIFT_SEEDS") or "1-50").partition("-")
SEED = int(os.environ.get("DRIFT_SEED") or "16")


def _drawn() -> list[Drifted]:
    if FULL:
        seeds = range(int(FIRST), int(LAST or FIRST) + 1)
        return [Drifted(portal, drift_of(seed)) for portal in PORTALS for seed in seeds]
    strengths: tuple[Strength, ...] = ("mild", "severe")
    return [
        Drifted(
            portal,
            next(drift for seed in count(100 * place + SEED) if (drift := drift_of(seed)).strength == one),
        )
        for place, portal in enumerate(PORTALS)
        if portal.id != SISTER
        for one in strengths
    ]


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriftVisitor]:
    folder = tmp_path_factory.mktemp("drift")
    with running(folder / "portals", now=NOW) as at:
        yield DriftVisitor(at, folder)


@pytest.mark.parametrize("one", _drawn(), ids=str)
def test_a_drifted_portal_is_survived_or_recognised(one: Drifted, visitor: DriftVisitor) -> None:
    visitor.check_drift(one)
