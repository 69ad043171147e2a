"""Fake portals that compare the TLS hello of the sign-in with that of what follows: the farm's own refresh is
let in with the browser's hello, and with no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import SecretStr

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.guard import own_hosts
from meterfarm.scrapers.runs.authenticator import SessionUse
from meterfarm.scrapers.runs.local_run import LocalRun
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.utility import Utility
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.local_hosts import read_local_hosts
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility
from tests.fake_portal import fake_portals

Transport = Literal["http", "impersonated"]
KINDS = {"pepernoot_coop": "iamvalid@pepernoot.example", "stroopwafel_energy": "sanne@stroopwafel.example"}
"""By session and by tokens; each with a customer who needs no code."""


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    home = tmp_path_factory.mktemp("portals")
    with fake_portals(home, now="2026-11-21T09:00", compares_hello=True) as addresses:
        yield addresses


def declaring(portal_id: str, transport: Transport) -> Utility:
    """The portal's script, but for how its requests go out."""
    script = type(load_utility(portal_id))

    class Declared(script):  # type: ignore[valid-type, misc]  # whichever it is
        refresh_transport: ClassVar[Transport]

    Declared.refresh_transport = transport
    Declared.home, Declared.hosts, Declared.api_hosts = script.home, script.hosts, script.api_hosts
    declared: Utility = Declared()
    return declared


async def run(
    utility: Utility, username: str, portals: Addresses, store: CompanyStore, folder: Path
) -> RunResult:
    async def password() -> SecretStr:
        return SecretStr("any password")

    local_hosts = read_local_hosts(Path(portals.hosts))
    since = date(2026, 11, 1)
    request = RunRequest(
        utility, utility.home, username, password, Nobody(), since=since, intervals_since=since
    )
    async with Chromium(own_hosts(utility.home, utility.hosts), folder, local_hosts=local_hosts) as chromium:
        return await LocalRun(request, store, chromium, Secrets(), NoProgress(), folder / "evidence").run()


@pytest.mark.parametrize("portal_id", KINDS)
async def test_a_refresh_is_let_in_with_the_browsers_hello_and_not_with_ours(
    portal_id: str, portals: Addresses, tmp_path: Path
) -> None:
    username = KINDS[portal_id]
    with Store.open(Settings(home=tmp_path / "home")).of() as store:
        browsers = declaring(portal_id, "impersonated")
        first = await run(browsers, username, portals, store, tmp_path)
        assert (first.outcome, first.session) == (Outcome.COMPLETE, SessionUse.NEW)
        again = await run(browsers, username, portals, store, tmp_path)
        assert (again.outcome, again.session, again.pages) == (Outcome.COMPLETE, SessionUse.REUSED, 0)
        kept_out = await run(declaring(portal_id, "http"), username, portals, store, tmp_path)
        assert (kept_out.outcome, kept_out.session) == (Outcome.PORTAL_DOWN, SessionUse.NEW), kept_out.message
        assert "ended the session twice in one visit" in kept_out.message
        assert not kept_out.ledger
