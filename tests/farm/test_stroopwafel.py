"""Stroopwafel Energy by the farm: every kind of customer comes home, and no rotating token is ever lost."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.stroopwafel_energy import PORTAL
from meterfarm.fake_utility.stroopwafel_energy.families import GRACE_SECONDS
from meterfarm.fake_utility.suikerwafel_energy import PORTAL as SISTER
from meterfarm.nightly.compare import differences
from meterfarm.nightly.home import came_home
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import Tree, Window
from meterfarm.records import Outcome, RunState, SecretKind
from meterfarm.storage.customers import Customer
from tests import asking
from tests.fake_portal import fake_portals
from tests.farm.whole import BRIEFLY, PASSWORD, Farm, check_whole, farm_at, many

AT = "@stroopwafel.example"
KILLS = int(os.environ.get("KILLS") or "3")
"""At how many instants of a refresh a worker is killed; 20 show more, in two minutes."""
_FEW = ("choice", "many", "paperless", "mfa_failed", "action_required")
"""Those that go through it in few seconds; with ``FARM_SCALE=1`` all do."""
_ZONE = ZoneInfo("America/New_York")


@contextmanager
def _waffle_farm(folder: Path) -> Iterator[Farm]:
    with (
        fake_portals(folder / "portals") as at,
        farm_at(folder / "home", at.controls[PORTAL.id], PORTAL.id, METERFARM_LOCAL_HOSTS=at.hosts) as farm,
    ):
        yield farm


def _stats(farm: Farm, customer: Customer) -> tuple[int, int, int]:
    """Passwords sent, sign-ins, codes sent."""
    tally = farm.stats()["customers"][customer.username]
    return tally["password_attempts"], tally["sign_ins"], tally["codes_sent"]


def _figures(portal: FakePortal, username: str) -> Tree:
    """The portal's own account of what the farm fetches."""
    since = datetime.now(_ZONE).date() - timedelta(days=int(BRIEFLY))
    (case,) = [case for case in NightlyPortal(portal).test_cases() if case.username == username]
    return case.figures(Window(since, since))


def _has_begun(farm: Farm, number: int) -> bool:
    return any(run.id == number and run.state is not RunState.QUEUED for run in farm.runs())


def _meant() -> dict[str, Outcome]:
    listed = {name: Outcome(customer.outcome) for name, customer in PORTAL.book.listed.items()}
    del listed[f"partial{AT}"]  # the bill that is not there is older than what the farm fetches here
    if many(10) < 10:
        listed = {f"{name}{AT}": listed[f"{name}{AT}"] for name in _FEW}
    return listed


@pytest.mark.timeout(240)
def test_customers_come_home_and_a_refresh_opens_no_page(tmp_path: Path) -> None:
    """Each ends as the portal's table says, with the portal's own figures; so does one of the sister's."""
    meant = _meant()
    with _waffle_farm(tmp_path) as farm:
        customers = {name: farm.add(name) for name in meant}
        password = {SecretKind.PASSWORD: PASSWORD}
        sister = farm.store.customers.add(SISTER.id, "sanne@suikerwafel.example", secrets=password)
        with farm.owners(*meant):
            farm.start(2)
            farm.wait_for_quiet(200)
        assert farm.outcomes(list(customers.values())) == list(meant.values())
        assert farm.last(sister).outcome is Outcome.COMPLETE
        for name, customer in customers.items():
            if meant[name] is Outcome.COMPLETE:
                assert differences(_figures(PORTAL, name), came_home(farm.store, customer)) == []
        figures = _figures(SISTER, sister.username)
        assert differences(figures, came_home(farm.store, sister)) == []
        home = [one for name, one in customers.items() if meant[name] is Outcome.COMPLETE]
        before = {one.username: _stats(farm, one) for one in home}
        runs = farm.store.runs.refresh([one.id for one in home])
        farm.wait_for_quiet()
        refreshed = [run for run in farm.runs() if run.id in set(runs)]
        assert {(run.outcome, run.pages) for run in refreshed} == {(Outcome.COMPLETE, 0)}
        assert {one.username: _stats(farm, one) for one in home} == before
        check_whole(farm)


@pytest.mark.timeout(300)
def test_a_worker_killed_at_any_instant_of_a_refresh_costs_nobody_a_sign_in(tmp_path: Path) -> None:
    """The token of each run has lapsed, so that each begins by rotating; what was stored is stored once.

    It comes back when the portal ends the family of a token that was replaced and whose successor was used.
    """
    with _waffle_farm(tmp_path) as farm:
        customer = farm.add(f"quick{AT}")
        farm.start(1)
        farm.wait_for_quiet()
        before = _stats(farm, customer)
        assert before[1] == 1
        chance = random.Random(13)  # noqa: S311 - instants, the same each time
        for _kill in range(KILLS):
            (number,) = farm.store.runs.refresh([customer.id])
            farm.wait(partial(_has_begun, farm, number))
            farm._stopped.wait(chance.uniform(0, 0.6))
            for pid in farm.worker_pids():
                os.kill(pid, signal.SIGKILL)
            later = {"forward_seconds": GRACE_SECONDS + 1}
            asking.post(f"{farm.url}/clock", json=later, timeout=10).raise_for_status()
            farm.wait_for_quiet()
            assert farm.last(customer).outcome is Outcome.COMPLETE
        assert _stats(farm, customer) == before
        check_whole(farm)
