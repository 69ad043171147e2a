"""What is declared of each utility of the library: as the library has it, and how a visit ends without it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opower import get_supported_utilities
from pydantic import SecretStr

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.utility import Credentials
from meterfarm.scrapers.visit import Visit
from meterfarm.support.local_hosts import LocalHosts
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility
from meterfarm.utilities._families.opower.declarations import DECLARED, declarations
from meterfarm.utilities._families.opower.declaring import IDS, LEFT_OUT, as_toml
from tests.local_site import listening


def test_every_utility_of_the_library_is_declared_as_it_says() -> None:
    """Or is left out with a reason; the file is what the installed library gives."""
    assert {kind.__name__ for kind in get_supported_utilities()} == {*IDS, *LEFT_OUT}
    assert DECLARED.read_text(encoding="utf-8") == as_toml()


@contextmanager
def _nowhere() -> Iterator[str]:
    """An address on this machine at which nobody listens."""
    with listening("127.0.0.1") as listener:
        port = listener.getsockname()[1]
    yield f"127.0.0.1:{port}"


async def test_a_portal_that_cannot_be_reached_is_down(tmp_path: Path) -> None:
    """At each of them a visit begins, and ends within seconds; nobody is blamed."""
    with _nowhere() as address:
        ends = await asyncio.gather(*(_end(utility_id, address, tmp_path) for utility_id in declarations()))
    assert dict(zip(declarations(), ends, strict=True)) == dict.fromkeys(declarations(), Outcome.PORTAL_DOWN)


async def _end(utility_id: str, address: str, folder: Path) -> Outcome | None:
    utility = load_utility(utility_id)
    hosts = LocalHosts(dict.fromkeys([utility.home.partition("://")[2], *utility.hosts], address))
    async with Chromium([], folder, local_hosts=hosts) as chromium:
        visit = Visit(utility, utility.home, chromium, Nobody(), Secrets())
        async with asyncio.timeout(10), visit:
            try:
                await utility.sign_in(visit, Credentials("ada@example.org", SecretStr("a password")))
            except Stop as stop:
                return stop.outcome
    return None
