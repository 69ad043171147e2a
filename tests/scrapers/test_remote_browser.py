"""A browser on another machine: contexts of their own, the portal's hosts only, and another after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import BrowserGone, BrowserMissing, Chromium
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.browser_server import BrowserServer, browser_server
from tests.local_site import Site, closed_site, local_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import BILLS, Village, pages

pytestmark = pytest.mark.usefixtures("own_driver")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserServer]:
    """For all tests that leave it as they found it."""
    with browser_server(tmp_path_factory.mktemp("elsewhere")) as server:
        yield server


@pytest.fixture
def server(running: BrowserServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BrowserServer:
    """With no browser on this machine."""
    monkeypatch.setenv("BROWSER_ENDPOINT", running.address)
    monkeypatch.setenv("METERFARM_BROWSER", str(tmp_path / "none here"))
    return running


@pytest.fixture
async def chromium(server: BrowserServer, tmp_path: Path) -> AsyncIterator[Chromium]:
    (tmp_path / "scratch").mkdir()
    async with Chromium(["127.0.0.1"], tmp_path / "scratch") as chromium:
        yield chromium


@pytest.fixture
def foreign() -> Iterator[Site]:
    async def stolen(_: Request) -> Response:
        return PlainTextResponse("yours")

    with local_site([Route("/{path}", stolen)], "127.0.0.2") as site:
        yield site


@pytest.fixture
def portal(foreign: Site) -> Iterator[Site]:
    with local_site(pages(foreign.url)) as site:
        yield site


def _visit(chromium: Chromium, portal: Site) -> Visit:
    return Visit(Village(), portal.url, chromium, Nobody(), Secrets())


async def test_a_visit_goes_on_there_and_each_has_a_context_of_its_own(
    chromium: Chromium, portal: Site
) -> None:
    async with _visit(chromium, portal) as one, _visit(chromium, portal) as other:
        for visit in (one, other):
            await visit.page.open("/bills")
            assert await visit.page.arrive(BILLS) is BILLS
        assert one.tab.shown is not None
        assert other.tab.shown is not None
        assert one.tab.shown.context.browser is other.tab.shown.context.browser
        await one.page.open("/keep")
        await one.page.open("/show")
        assert "kept long" in await one.tab.shown.inner_text("#kept")
        await other.page.open("/show")
        assert "kept" not in await other.tab.shown.inner_text("#kept")


@pytest.mark.parametrize("path", ["/away", "/near-then-away", "/hop", "/sub"])
async def test_no_request_leaves_the_portals_hosts(
    chromium: Chromium, portal: Site, foreign: Site, path: str
) -> None:
    """Redirects, which no page handler sees, included."""
    async with _visit(chromium, portal) as visit:
        if path in {"/away", "/near-then-away"}:
            with pytest.raises(Stop, match="host that is not its own") as stopped:
                await visit.page.open(path)
            assert stopped.value.outcome is Outcome.BLOCKED
        else:
            page = await opened(visit, path)
            await page.wait_for_load_state()
            assert {step["host"] for step in visit.steps if step["step"] == "request.refused"} == {
                "127.0.0.2"
            }
        assert not foreign.requested
        assert portal.requested


class ByBrowser(Village):
    refresh_transport: ClassVar[Literal["browser"]] = "browser"


async def test_requests_that_a_script_wants_sent_by_the_browser_are_sent_by_that_one(
    chromium: Chromium, portal: Site, foreign: Site
) -> None:
    session = PortalSession({"cookies": [], "origins": []})
    async with Visit(ByBrowser(), portal.url, chromium, Nobody(), Secrets(), session) as visit:
        answers = await asyncio.gather(
            *(visit.http.get(path) for path in ("/bills", "/show", "/late", "/bills"))
        )
        assert all("Your" in answer.text for answer in answers)
        with pytest.raises(Stop, match="not one of its own hosts"):
            await visit.http.get("/away")
        assert visit.tab.opened == 0
    assert not foreign.requested


async def test_another_browser_is_had_after_a_crash(
    server: BrowserServer, chromium: Chromium, portal: Site
) -> None:
    gone = asyncio.Event()
    (await chromium.browser()).on("disconnected", lambda _: gone.set())
    async with _visit(chromium, portal) as visit:
        await visit.page.open("/bills")
        server.stop()
        with pytest.raises(BrowserGone):
            await visit.page.open("/bills")
    await gone.wait()
    again = asyncio.create_task(chromium.browser())
    server.start()
    assert (await again).is_connected()
    async with _visit(chromium, portal) as visit:
        await visit.page.open("/bills")
        assert await visit.page.arrive(BILLS) is BILLS


async def test_no_trace_is_made_there(
    server: BrowserServer, chromium: Chromium, portal: Site, tmp_path: Path
) -> None:
    """It would have what was typed, on a disk that is not ours."""
    async with _visit(chromium, portal) as visit:
        await visit.page.open("/form")
        assert visit.tab.shown is not None
        await visit.page.fill(visit.page.css("input"), "canary-4711")
        kept = await keep_evidence(visit, tmp_path / "evidence")
    assert kept is not None
    assert {file.name for file in kept.iterdir()} == {"page.png", "page.html", "visit.log"}
    assert "canary-4711" not in (kept / "page.html").read_text()
    elsewhere = [file for file in server.folder.rglob("*") if file.is_file()]
    assert not [file for file in elsewhere if b"canary-4711" in file.read_bytes()]


async def test_what_is_secret_in_the_address_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed_site().rsplit(":", 1)[1]
    monkeypatch.setattr("meterfarm.scrapers.browser.remote._PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("BROWSER_ENDPOINT", f"ws://127.0.0.1:{port}/canary-4711")
    async with Chromium([], tmp_path) as chromium:
        with pytest.raises(
            BrowserMissing, match=rf"at ws://127\.0\.0\.1:{port} .*does not answer"
        ) as refused:
            await chromium.browser()
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_a_wrong_path_is_said(
    server: BrowserServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever numbers there are in it."""
    monkeypatch.setenv("BROWSER_ENDPOINT", server.address + "-428")
    async with Chromium([], tmp_path) as chromium:
        with pytest.raises(BrowserMissing, match="refuses the path in BROWSER_ENDPOINT"):
            await chromium.browser()


@pytest.mark.parametrize("address", ["http://127.0.0.1:3000", "ws://", "ws://host:x", "3000"])
async def test_what_is_no_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("BROWSER_ENDPOINT", address)
    async with Chromium([], tmp_path) as chromium:
        with pytest.raises(
            BrowserMissing, match="BROWSER_ENDPOINT is not the address of a Playwright server"
        ):
            await chromium.browser()
