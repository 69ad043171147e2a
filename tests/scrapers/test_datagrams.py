"""What asks neither a route nor a resolver stays in, too: WebRTC's and WebTransport's datagrams."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.browser_server import browser_server
from tests.local_site import local_site
from tests.scrapers.datagrams import listening, trying
from tests.scrapers.raw_page import opened
from tests.scrapers.village import Village

pytestmark = pytest.mark.usefixtures("own_driver")


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
async def test_a_page_sends_no_datagram_to_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    (tmp_path / "scratch").mkdir()
    with listening("127.0.0.2", "127.0.0.3") as listeners, local_site([trying(listeners)]) as portal:
        with browser_server(tmp_path / "elsewhere") as server:
            if elsewhere:
                monkeypatch.setenv("BROWSER_ENDPOINT", server.address)
            async with Chromium(["127.0.0.1"], tmp_path / "scratch") as chromium:
                async with Visit(Village(), portal.url, chromium, Nobody(), Secrets()) as visit:
                    page = await opened(visit, "/datagrams")
                    await page.wait_for_function("document.title === 'tried'", timeout=15_000)
        assert [listener.came() for listener in listeners] == [0, 0]


async def test_no_service_worker_answers_for_the_portal(tmp_path: Path) -> None:
    """Its requests would pass by the route that keeps a page to the portal's hosts and its pace."""

    async def register(_: Request) -> Response:
        return HTMLResponse("<script>navigator.serviceWorker.register('/worker.js')</script>")

    async def script(_: Request) -> Response:
        return Response("fetch('/stolen')", media_type="text/javascript")

    with local_site([Route("/", register), Route("/worker.js", script)]) as portal:
        async with Chromium(["127.0.0.1"], tmp_path) as chromium:
            async with Visit(Village(), portal.url, chromium, Nobody(), Secrets()) as visit:
                page = await opened(visit, "/")
                registered = "navigator.serviceWorker.getRegistrations().then(all => all.length)"
                await page.wait_for_load_state("load")
                assert await page.evaluate(registered) == 0
        assert portal.requested[0] == "/"
        assert "/worker.js" not in portal.requested
