"""Customers followed day by day while their portals change: what is in store is exact after every visit.

By the real command, with the session that it keeps; between two visits the portal's clock is put forward a
day. Twelve days at Stroopwafel; with ``FARM_SCALE=1`` sixty there and at two others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.quirks import Quirk
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.nightly.compare import differences
from meterfarm.nightly.home import came_home
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase, Tree, Window
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests import asking
from tests.fake_portal import fake_portals as running
from tests.scale import FULL, at_full_scale
from tests.scrape.command import scrape
from tests.storage.ready_home import ready_home

DAYS = 60 if FULL else 12
BILLED_ON_DAY = 8
"""A bill is issued so many days after the first visit."""
NUMBER = 60_000
BEFORE, LONG_BEFORE = timedelta(days=45), timedelta(days=110)
"""How far visits go back from the first day, and the last one at the end."""
DAY_SECONDS = 86_400
Story = Mapping[int, tuple[str, ...]]
"""What is switched on besides, by day."""

AT_STROOPWAFEL: Story = {
    0: ("short-tokens", "csv-junk"),
    1: ("swapped-meter",),
    BILLED_ON_DAY: ("maintenance",),
    BILLED_ON_DAY + 1: ("renumbered-account", "silent-expiry"),
}
"""The bill of the day of maintenance shows the number of then, and comes when the account has another."""
AT_PEPERNOOT: Story = {0: ("null-hours",), BILLED_ON_DAY + 1: ("silent-expiry",)}
AT_SPECULOOS: Story = {0: ("corrected-bill",), BILLED_ON_DAY + 1: ("silent-expiry",)}
NOTED_LATER = {"swapped-meter": timedelta(days=1)}
"""The old meter's last day was its newest when it was fetched, and is restated afterwards."""
FOR_A_DAY = {"maintenance"}


class Followed:
    """A customer of a portal, to whom more and more happens. ``since`` is the day of what has one."""

    def __init__(self, portal: str) -> None:
        fake = next(one for one in fake_portals() if one.id == portal)
        self.portal = NightlyPortal(fake, lambda: self.today)
        self.today = date(2026, 11, 1)
        self.on: list[Quirk] = []
        self.since: dict[str, date] = {}
        self.bills: dict[str, Tree] = {}
        self.today = self.first = self._next_bill() - timedelta(days=BILLED_ON_DAY)

    def _next_bill(self) -> date:
        figures: Any = self._case().figures(Window())
        ((_, account),) = figures.items()
        newest = max(date.fromisoformat(bill["billed on"]) for bill in account["bills"].values())
        known, self.today = newest, self.today + timedelta(days=40)
        figures = self._case().figures(Window())
        ((_, account),) = figures.items()
        billed_on = (date.fromisoformat(bill["billed on"]) for bill in account["bills"].values())
        return min(day for day in billed_on if day > known)

    def _case(self) -> CustomerCase:
        lasting = [quirk for quirk in self.on if quirk.name not in FOR_A_DAY]
        return self.portal.quirk_case(lasting, NUMBER, self.since)

    @property
    def username(self) -> str:
        return self._case().username

    def switch(self, names: tuple[str, ...]) -> None:
        known = {quirk.name: quirk for quirk in self.portal.quirks}
        self.on = [quirk for quirk in self.on if quirk.name not in FOR_A_DAY]
        self.on += [known[name] for name in names]
        for quirk in self.on:
            if quirk.since is not None and quirk.name in names:
                self.since[quirk.name] = self.today - NOTED_LATER.get(quirk.name, timedelta())

    def figures(self, since: date) -> Tree:
        """What the portal states today, and the bills that it has stated before."""
        stated: Any = self._case().figures(Window(since, since))
        ((number, account),) = stated.items()
        self.bills |= account["bills"]
        return {number: {**account, "bills": self.bills}}


class Visits:
    """Daily visits for a customer, each compared with the portal's own account of that day."""

    def __init__(self, at: Addresses, one: Followed, folder: Path) -> None:
        self._at = at
        self._one = one
        self._home, self._out = folder / "home", folder / "out"
        ready_home(self._home)

    def follow(self, story: Story) -> None:
        one = self._one
        one.switch(story[0])
        self._switch()
        self.check(one.first - BEFORE)
        for day in range(1, DAYS + 1):
            self._post("clock", forward_seconds=DAY_SECONDS)
            one.today += timedelta(days=1)
            if day in story or any(quirk.name in FOR_A_DAY for quirk in one.on):
                one.switch(story.get(day, ()))
                self._switch()
            self.check(one.first - BEFORE)
        self.check(one.first - LONG_BEFORE)

    def check(self, since: date) -> None:
        """What a visit comes to, and what is in store afterwards; of a day without a visit nothing is."""
        one = self._one
        ran = scrape(
            self._home,
            self._out,
            one.username,
            *(("--base-url", self._at.http[one.portal.id]) if one.portal.id in self._at.http else ()),
            *("--since", str(since)),
            utility=one.portal.utility,
            METERFARM_LOG="info",
            METERFARM_LOCAL_HOSTS=self._at.hosts,
        )
        summary, where = ran.summary, f"{one.portal.id} on {one.today}"
        if "maintenance" in {quirk.name for quirk in one.on}:
            assert summary["outcome"] == "maintenance", (where, summary["message"])
            return
        stated = one.figures(since)
        with Store.open(Settings(home=self._home)).of() as store:
            home = came_home(store, store.customers.ensure(one.portal.utility, one.username))
        assert summary["outcome"] == "complete", (where, summary["ledger"]["missing"], ran.stderr[-3_000:])
        assert summary["ledger"]["missing"] == []
        assert differences(stated, home) == [], where

    def _switch(self) -> None:
        names = [quirk.name for quirk in self._one.on]
        since = {name: str(day) for name, day in self._one.since.items()}
        self._post("quirks", quirks=names, username=self._one.username, since=since)

    def _post(self, page: str, **asked: object) -> None:
        address = f"{self._at.controls[self._one.portal.id]}/{page}"
        asking.post(address, json=asked).raise_for_status()


@pytest.mark.timeout(600 if FULL else 120)
@pytest.mark.parametrize(
    ("portal", "story"),
    [
        ("stroopwafel_energy", AT_STROOPWAFEL),
        *at_full_scale(("pepernoot_coop", AT_PEPERNOOT), ("speculoos_power", AT_SPECULOOS)),
    ],
)
def test_what_is_in_store_is_exact_every_day(portal: str, story: Story, tmp_path: Path) -> None:
    one = Followed(portal)
    with running(tmp_path / "portals", now=f"{one.first}T09:00") as at:
        Visits(at, one, tmp_path).follow(story)
