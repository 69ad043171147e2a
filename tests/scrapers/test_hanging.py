"""Whatever a page does, a visit ends, its renderer too, and no other visit is the worse for it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

import meterfarm.scrapers.browser.chromium
from meterfarm.mfa.port import Answer, Nobody
from meterfarm.records import Challenge, Outcome
from meterfarm.scrapers.browser.chromium import BrowserGone, Chromium
from meterfarm.scrapers.clock import Timeouts
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.descendants import below
from tests.local_site import Site, local_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import BILLS, Village

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("own_driver")]

SPIN = "while (true) {}"
PAGES = {
    "/bills": "<h1>Your bills</h1>",
    "/at-load": f"<h1>Welcome</h1><script>{SPIN}</script>",
    "/when-loaded": f"<h1>Welcome</h1><script>onload = () => {{ {SPIN} }}</script>",
    "/in-a-timer": f"<h1>Welcome</h1><script>setTimeout(() => {{ {SPIN} }}, 50)</script>",
    "/in-a-promise": "<h1>Welcome</h1><script>const go = () => Promise.resolve().then(go); go()</script>",
    "/alerts": "<h1>Welcome</h1><script>setTimeout(() => { while (true) alert(1) }, 50)</script>",
    "/in-a-frame": "<h1>Welcome</h1><iframe src=/in-a-timer></iframe>",
    "/popup": "<h1>Welcome</h1><script>open('/in-a-timer')</script>",
    "/asks": "<h1>Welcome</h1><script>const asked = new XMLHttpRequest();"
    "setTimeout(() => { asked.open('GET', '/silent', false); asked.send() }, 50)</script>",
    "/pressed": f"<h1>Welcome</h1><button onclick='{SPIN}'>Continue</button>",
    "/leaving": f"<h1>Your bills</h1><script>onbeforeunload = onpagehide = () => {{ {SPIN} }}</script>",
}


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    def shows(body: str) -> Route:
        async def page(_: Request) -> Response:
            return HTMLResponse(f"<!doctype html>{body}")

        return Route(next(path for path, text in PAGES.items() if text == body), page)

    async def endless(_: Request) -> Response:
        async def drips() -> AsyncIterator[str]:
            yield "<!doctype html><h1>Welcome</h1>"
            while True:
                await asyncio.sleep(0.05)
                yield "<p>more</p>"

        return StreamingResponse(drips(), media_type="text/html")

    async def silent(_: Request) -> Response:
        await asyncio.Event().wait()
        return Response()

    routes = [*map(shows, PAGES.values()), Route("/endless", endless), Route("/silent", silent)]
    with local_site(routes) as site:
        yield site


IMPATIENT = Timeouts(navigation=1.5, aside=1.0, heartbeat=0.1, unresponsive=0.6)


def _visit(chromium: Chromium, url: str, seconds: float = 60, timeouts: Timeouts = IMPATIENT) -> Visit:
    return Visit(Village(), url, chromium, Nobody(), Secrets(), run_seconds=seconds, timeouts=timeouts)


def _renderers() -> set[int]:
    """Which processes below this one draw pages, by what the kernel says of their command lines."""
    found = set()
    for pid in below(os.getpid()):
        with suppress(OSError):
            if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


async def _shown(visit: Visit) -> Page:
    await visit.page.open("/bills")
    assert visit.tab.shown is not None
    return visit.tab.shown


async def _arrived(visit: Visit, path: str) -> None:
    await visit.page.open(path)
    if path == "/pressed":
        await visit.page.press(visit.page.button())
    await visit.page.arrive(BILLS)


async def _without_end(page: Page) -> None:
    while True:
        await page.evaluate("document.title")


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path not in {"/bills", "/leaving"}] + ["/endless"]
)
async def test_a_page_that_never_yields_ends_the_visit_and_no_other(
    chromium: Chromium, portal: Site, tmp_path: Path, path: str
) -> None:
    async with _visit(chromium, portal.url) as other:
        shown = await _shown(other)
        before = _renderers()
        began = time.monotonic()
        async with _visit(chromium, portal.url) as visit:
            with pytest.raises(Stop) as stop:
                await _arrived(visit, path)
            await keep_evidence(visit, tmp_path / "evidence")
            assert await visit.session() is None or path in {"/popup", "/endless"}
        assert time.monotonic() - began < 12
        if path not in {"/popup", "/endless"}:
            assert stop.value.outcome is Outcome.PORTAL_DOWN, stop.value
        async with asyncio.timeout(5):
            while _renderers() - before:  # noqa: ASYNC110 - the kernel sets no event of ours
                await asyncio.sleep(0.02)
            assert await shown.evaluate("1 + 1") == 2


async def test_a_page_that_will_not_be_left_is_left(chromium: Chromium, portal: Site) -> None:
    began = time.monotonic()
    async with _visit(chromium, portal.url) as visit:
        await visit.page.open("/leaving")
        await visit.page.arrive(BILLS)
    assert time.monotonic() - began < 5


async def test_what_a_script_asks_of_a_page_by_itself_ends_too(chromium: Chromium, portal: Site) -> None:
    """Playwright's own calls have no limit where a page does not answer."""
    async with _visit(chromium, portal.url) as visit:
        page = await opened(visit, "/in-a-timer")
        with pytest.raises(Stop, match="has not answered for"), visit.clock.scope():
            await _without_end(page)


class _Slow(Nobody):
    """Somebody who never answers."""

    async def answer(self, challenge: Challenge) -> Answer:
        never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return await never


async def test_nobody_is_asked_any_longer_for_a_page_that_hangs(chromium: Chromium, portal: Site) -> None:
    visit = Visit(Village(), portal.url, chromium, _Slow(), Secrets(), timeouts=IMPATIENT)
    async with visit, asyncio.timeout(20):
        await visit.page.open("/in-a-timer")
        with pytest.raises(Stop, match="has not answered for"):
            await visit.ask(Challenge("Which code?"))


async def test_a_page_at_work_for_long_is_no_page_that_hangs(chromium: Chromium, portal: Site) -> None:
    async with _visit(chromium, portal.url) as visit:
        page = await _shown(visit)
        for _ in range(3):
            await page.evaluate("const until = Date.now() + 300; while (Date.now() < until);")
        await visit.page.arrive(BILLS)
        assert not visit.tab.hangs


async def test_a_run_has_a_limit_of_its_own(chromium: Chromium, portal: Site) -> None:
    async with _visit(chromium, portal.url, seconds=0.3) as visit:
        with pytest.raises(Stop, match="longest that a run may take") as stop, visit.clock.scope():
            await asyncio.Event().wait()
    assert stop.value.outcome is Outcome.PORTAL_DOWN


async def test_a_browser_that_stops_is_ended_and_another_takes_its_place(
    portal: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meterfarm.scrapers.browser.chromium, "_CLOSE_SECONDS", 1.0)
    async with Chromium(["127.0.0.1"], tmp_path) as chromium:
        await chromium.browser()
        process = chromium.process
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(BrowserGone, match="opened no page in time"):
            async with _visit(chromium, portal.url, timeouts=replace(IMPATIENT, opening=1.0)) as visit:
                await visit.page.open("/bills")
        async with _visit(chromium, portal.url) as visit:
            await _shown(visit)
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
