"""Every customer of every fake portal by `scrape`, twice: the outcome each is for, and all data.

One of each portal, drawn by CUSTOMERS_SEED; with ``FARM_SCALE=1`` every one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from meterfarm.console.farm.fake_owners import Owner
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase
from tests.fake_portal import fake_portals as running
from tests.scale import FULL
from tests.scrape.quirked import NOW, PORTALS, SINCE, Visitor

SEED = int(os.environ.get("CUSTOMERS_SEED") or "13")
_SECRETS = {
    (fake.id, one.username): one.totp_secret for fake in fake_portals() for one in fake.book.listed.values()
}


@dataclass(frozen=True)
class Listed:
    """A customer of a portal's list, or one whom nobody knows there."""

    portal: NightlyPortal
    case: CustomerCase

    @property
    def since(self) -> date:
        """How far back a visit goes: to the beginning, if it is about documents that cannot be had."""
        return date(2024, 1, 1) if self.case.gaps else SINCE

    def __str__(self) -> str:
        return f"{self.portal.id}-{self.case.username}"


def _drawn() -> Iterator[Listed]:
    for portal in PORTALS:
        every = [Listed(portal, case) for case in portal.test_cases() if case.owner is Owner.RIGHT]
        yield from every if FULL else random.Random(SEED).sample(every, 1)  # noqa: S311 - the same each time


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    folder = tmp_path_factory.mktemp("customers")
    with running(folder / "portals", now=NOW) as at:
        yield Visitor(at, folder)


@pytest.mark.parametrize("one", [*_drawn()], ids=str)
def test_a_customer_comes_home(one: Listed, visitor: Visitor) -> None:
    """The second visit sends no password where the session of the first still holds."""
    portal, case, since = one.portal, one.case, one.since
    secret = _SECRETS.get((portal.id, case.username))
    visitor.visit(portal, case, case.first, since, secret)
    if not case.again:
        return
    sent = visitor.tally(portal, case.username)["password_attempts"]
    visitor.visit(portal, case, case.again, since, secret)
    if case.first == case.again and not case.once:
        assert visitor.tally(portal, case.username)["password_attempts"] == sent
