"""A saved session in the real Chromium: what it refuses costs nothing else, what is cleared stays so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.page.browser_state import context_with
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import TwoHosts

pytestmark = pytest.mark.asyncio(loop_scope="module")

COOKIE = {"name": "device", "value": "known", "domain": "127.0.0.1", "path": "/", "expires": -1}
PLAIN = {"httpOnly": False, "secure": False, "sameSite": "Lax"}
SCRIPTS = {
    "show": "",
    "clear": "sessionStorage.clear()",
    "remove": "sessionStorage.removeItem('token')",
    "replace": "Object.defineProperty(window, 'sessionStorage', {value: {token: 'mine', count: 7, of: {}}})",
    "set": "sessionStorage.token = 'new'",
}


@dataclass(frozen=True)
class World:
    portal: Site
    chromium: Chromium

    @property
    def other(self) -> str:
        return self.portal.url.replace("127.0.0.1", "localhost")

    def visit(self, session: PortalSession) -> Visit:
        return Visit(TwoHosts(), self.portal.url, self.chromium, Nobody(), Secrets(), session)


async def _page(request: Request) -> Response:
    return HTMLResponse(f"<!doctype html><script>{SCRIPTS[request.path_params['what']]}</script>")


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    with local_site([Route("/{what}", _page)]) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(portal: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with Chromium(["127.0.0.1", "localhost"], tmp_path_factory.mktemp("scratch")) as chromium:
        yield World(portal, chromium)


def _session(by_origin: Mapping[str, dict[str, str]], cookies: Sequence[Any] = ()) -> PortalSession:
    saved = PortalSession({"cookies": list(cookies), "origins": []}, dict(by_origin)).to_bytes()
    read = PortalSession.from_bytes(saved)
    if read is None:
        raise AssertionError("it is of this version")
    return read


async def test_a_bad_cookie_keeps_no_customer_out(world: World) -> None:
    bad = [
        COOKIE | PLAIN | {"name": "of", "sameSite": "Unspecified"},
        COOKIE | PLAIN | {"name": "long", "expires": 315_360_000_000},
        COOKIE | PLAIN | {"name": "broken", "value": "a;b"},
    ]
    world.portal.cookies.clear()
    async with world.visit(_session({}, [*bad, COOKIE | PLAIN])) as visit:
        await visit.page.open("/show")
    assert world.portal.cookies == ["of=known; long=known; device=known"]


async def test_what_this_browser_refuses_is_left_out_and_the_rest_is_used(world: World) -> None:
    """Also what nobody has thought of: cookies one by one, and the storage of each origin."""
    item = {"name": "theme", "value": "light"}
    state = {
        "cookies": [COOKIE, COOKIE | {"name": "b", "sameSite": "Odd"}, COOKIE | {"name": "c", "expires": -7}],
        "origins": [
            {"origin": "http://nowhere.example:99999", "localStorage": [item]},
            {"origin": world.portal.url, "localStorage": [item]},
            {"origin": world.other, "localStorage": [item | {"value": "x" * 6_000_000}]},
        ],
    }
    context = await context_with(await world.chromium.browser(), state, None)
    kept: Any = await context.storage_state()
    assert [cookie["name"] for cookie in kept["cookies"]] == ["device"]
    assert [origin["origin"] for origin in kept["origins"]] == [world.portal.url]
    await context.close()


@pytest.mark.parametrize("how", ["clear", "remove"])
async def test_session_storage_that_the_portal_cleared_is_not_put_back(world: World, how: str) -> None:
    async with world.visit(_session({world.portal.url: {"token": "old"}})) as visit:
        page = await opened(visit, "/show")
        assert await page.evaluate("sessionStorage.token") == "old"
        await visit.page.open(f"/{how}")
        await visit.page.open("/show")
        assert await page.evaluate("sessionStorage.length") == 0
        session = await visit.session()
    assert session is not None
    assert session.session_storage == {}


async def test_each_origin_has_its_own_and_all_are_kept(world: World) -> None:
    """Of one that the visit has left again, as it was left; of one it did not come to, as it was saved."""
    elsewhere = {"https://elsewhere.example": {"kept": "as it was"}}
    saved = {world.portal.url: {"token": "old", "tab": "1"}, world.other: {"token": "theirs"}, **elsewhere}
    world.portal.requested.clear()
    async with world.visit(_session(saved)) as visit:
        page = await opened(visit, "/set")
        await visit.page.open(f"{world.other}/show")
        assert await page.evaluate("sessionStorage.token") == "theirs"
        await visit.page.open(f"{world.other}/clear")
        await visit.page.open("/show")
        assert await page.evaluate("({...sessionStorage})") == {"token": "new", "tab": "1"}
        await visit.page.open(f"{world.other}/show")
        session = await visit.session()
    assert session is not None
    assert session.session_storage == {world.portal.url: {"token": "new", "tab": "1"}, **elsewhere}
    assert world.portal.requested == ["/set", "/show", "/clear", "/show", "/show"]


async def test_a_page_that_has_a_session_storage_of_its_own_is_taken_by_its_word(world: World) -> None:
    """Its values may be anything; what is no text is not kept."""
    async with world.visit(_session({})) as visit:
        await visit.page.open("/replace")
        session = await visit.session()
    assert session is not None
    assert session.session_storage == {world.portal.url: {"token": "mine"}}
