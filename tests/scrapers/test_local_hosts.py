"""A portal on this machine under https names of its own: browser and other requests find it without DNS."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.visit import Visit
from meterfarm.support.local_hosts import LocalHosts
from meterfarm.support.redact import Secrets
from tests.local_site import Site
from tests.scrapers.village import BILLS, Village
from tests.tls_site import tls_site


class Stroop(Village):
    home = "https://my.stroop.example"
    hosts = ("*.stroop.example",)


async def _bills(_: Request) -> Response:
    page = HTMLResponse("<title>x</title><h1>Your bills</h1>")
    page.set_cookie("seen", "here", secure=True, httponly=True, domain="stroop.example")
    return page


async def _away(request: Request) -> Response:
    return RedirectResponse(str(request.query_params["to"]))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, LocalHosts]]:
    routes = [Route("/bills", _bills), Route("/away", _away)]
    folder = tmp_path_factory.mktemp("tls")
    with tls_site(
        routes, folder, "my.stroop.example", "login.stroop.example", "*.cdn.stroop.example"
    ) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stroop(
    served: tuple[Site, LocalHosts], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chromium]:
    scratch = tmp_path_factory.mktemp("scratch")
    hosts = ["my.stroop.example:443", *Stroop.hosts]
    async with Chromium(hosts, scratch, local_hosts=served[1]) as chromium:
        yield chromium


def _visit(chromium: Chromium, *, saved: bool = False) -> Visit:
    session = PortalSession({"cookies": [], "origins": []}) if saved else None
    return Visit(Stroop(), Stroop.home, chromium, Nobody(), Secrets(), session)


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the system's resolver is asked for."""
    asked: list[object] = []
    real = socket.getaddrinfo

    def noted(host: object, *others: object, **more: object) -> object:
        asked.append(host)
        return real(host, *others, **more)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    return asked


@pytest.mark.asyncio(loop_scope="module")
async def test_the_browser_and_requests_beside_it_find_all_its_hosts_and_share_cookies(
    stroop: Chromium, served: tuple[Site, LocalHosts], resolved: list[object]
) -> None:
    site, _ = served
    async with _visit(stroop) as visit:
        await visit.page.open("/bills")
        assert await visit.page.arrive(BILLS) is BILLS
        for host in ("my", "login", "one.cdn", "two.cdn"):
            site.cookies.clear()
            address = f"https://{host}.stroop.example/bills"
            await visit.page.open(address)
            assert (await visit.http.get(address)).url == address
            assert site.cookies == ["seen=here"] * 2
    assert not resolved


@pytest.mark.asyncio(loop_scope="module")
async def test_a_saved_session_needs_no_browser_and_no_resolver(
    stroop: Chromium, resolved: list[object]
) -> None:
    async with _visit(stroop, saved=True) as visit:
        assert (await visit.http.get("/bills")).status == 200
        assert visit.tab.opened == 0
    assert not resolved


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_that_is_not_in_the_map_is_not_found_by_the_browser(stroop: Chromium) -> None:
    async with _visit(stroop) as visit:
        with pytest.raises(Stop, match="ERR_NAME_NOT_RESOLVED") as stopped:
            await visit.page.open("https://other.stroop.example/bills")
        assert stopped.value.outcome is Outcome.PORTAL_DOWN
        with pytest.raises(Stop) as stopped:
            await visit.page.open("/away?to=http://my.stroop.example/bills")
        assert stopped.value.outcome is Outcome.BLOCKED


@pytest.mark.asyncio(loop_scope="module")
async def test_another_authority_is_not_trusted(
    served: tuple[Site, LocalHosts], stroop: Chromium, tmp_path: Path
) -> None:
    """Nor is this one for names that are not in the map."""
    local = served[1]
    with tls_site([], tmp_path, "my.stroop.example") as (_, other):
        strange = replace(local, authority=other.authority, spki=other.spki)
        async with Chromium(["my.stroop.example:443"], tmp_path, local_hosts=strange) as chromium:
            async with _visit(chromium, saved=True) as visit:
                with pytest.raises(Stop, match="could not be reached") as stopped:
                    await visit.http.get("/bills")
                assert stopped.value.outcome is Outcome.PORTAL_DOWN
                with pytest.raises(Stop, match="ERR_CERT_AUTHORITY_INVALID"):
                    await visit.page.open("/bills")
