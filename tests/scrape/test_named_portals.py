"""Fake portals with https names of their own: every sign-in ends as meant; a refresh needs no browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from pydantic import SecretStr

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.guard import own_hosts
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.utility import Credentials, Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.support.local_hosts import read_local_hosts
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility
from tests.fake_portal import fake_portals as running
from tests.scale import FULL
from tests.scrape.command import meterfarm

NAMED = [portal for portal in fake_portals() if portal.hosts]
SISTER = "suikerwafel_energy"
"""Its script is another portal's but for names: a gate of each kind there is shows that it is."""
CODE = "totp@pepernoot.example"
PENDING = "pending@pepernoot.example"
WAITS = 21_700
"""Seconds, somewhat more than six hours."""


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    with running_at(tmp_path_factory.mktemp("portals")) as addresses:
        yield addresses


def running_at(home: Path) -> Any:
    return running(home, now="2026-11-21T09:00")


@pytest.mark.parametrize("portal", NAMED, ids=lambda portal: portal.id)
async def test_a_sign_in_ends_in_the_outcome_that_the_customer_is_for(
    portal: FakePortal, portals: Addresses, tmp_path: Path
) -> None:
    """Whatever stands behind the password alone, and a user name that nobody has."""
    utility = load_utility(portal.id)
    gated = [one for one in portal.book.listed.values() if one.oddities.gate and not one.challenges]
    if portal.id == SISTER and not FULL:
        gated = gated[:2]
    meant = {one.username: one.outcome for one in gated} | {portal.stranger: "bad_credentials"}
    hosts = own_hosts(utility.home, utility.hosts)
    local_hosts = read_local_hosts(Path(portals.hosts))
    async with Chromium(hosts, tmp_path, local_hosts=local_hosts) as chromium:
        ends = await asyncio.gather(*(_end(utility, chromium, name) for name in meant))
    assert dict(zip(meant, ends, strict=True)) == meant


async def _end(utility: Utility, chromium: Chromium, username: str) -> str:
    async with Visit(utility, utility.home, chromium, Nobody(), Secrets()) as visit:
        try:
            await utility.sign_in(visit, Credentials(username, SecretStr("any password")))
            await utility.accounts(visit)
        except Stop as stop:
            return stop.outcome.value
    return "signed in"


def test_a_refresh_of_a_smarthub_goes_without_browser_and_code(portals: Addresses, tmp_path: Path) -> None:
    """The code is sent with the password, which is why that goes out twice at one sign-in."""
    secret = str(next(one for one in NAMED if one.id == "pepernoot_coop").book.listed[CODE].totp_secret)
    first = _scrape(portals, tmp_path, CODE, "--totp-secret-stdin", secrets=f"{secret}\n")
    assert (first["outcome"], first["ledger"]["missing"]) == ("complete", [])
    again = _scrape(portals, tmp_path, CODE, METERFARM_BROWSER=str(tmp_path / "none"))
    assert again["outcome"] == "complete"
    tally = _asked(portals, "stats.json")["customers"][CODE]
    assert (tally["password_attempts"], tally["code_attempts"], tally["sign_ins"]) == (2, 1, 1)


def test_an_export_of_hours_is_fetched_by_a_later_run(tmp_path: Path) -> None:
    """Whose hours turn out to have no value: its days are asked for then, and take as long."""
    with running_at(tmp_path / "portal") as portals:
        _asked(portals, "quirks", {"quirks": ["null-hours"], "username": PENDING})
        for _ in ("hours", "days"):
            waiting = _scrape(portals, tmp_path, PENDING)
            assert waiting["outcome"] == "pending", waiting
            _asked(portals, "clock", {"forward_seconds": WAITS})
        assert _scrape(portals, tmp_path, PENDING)["outcome"] == "complete"
        tally = _asked(portals, "stats.json")["customers"][PENDING]
    assert tally["password_attempts"] == 1


def _scrape(
    portals: Addresses, folder: Path, username: str, *more: str, secrets: str = "", **settings: str
) -> Any:
    ran = meterfarm(
        folder / "home",
        *("scrape", "pepernoot_coop", "--username", username, "--password-stdin", "--json"),
        *("--out", str(folder / "out"), *more),
        stdin=f"any password\n{secrets}",
        METERFARM_LOCAL_HOSTS=portals.hosts,
        **settings,
    )
    assert ran.stdout, ran.stderr
    return ran.summary


def _asked(portals: Addresses, what: str, posted: object = None) -> Any:
    address = f"{portals.controls['pepernoot_coop']}/{what}"
    request = Request(address, json.dumps(posted).encode() if posted is not None else None)  # noqa: S310
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
        return json.load(answer)
