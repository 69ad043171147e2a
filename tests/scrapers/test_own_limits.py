"""What waits for our own limits is not the portal's delay: settling, navigating and pressing bear it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import Timeouts, VisitClock
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.rate_limiter import Permit
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.village import BILLS, CODE, Village

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELD_SECONDS = 0.7
"""Longer than any limit of a page has here."""
SHOW = "document.body.insertAdjacentHTML('beforeend', '<h1>Your bills</h1>')"
TEXTS = {
    "/in-order": "<script src=/one.js></script><script src=/two.js></script><script src=/show.js></script>",
    "/deferred": "<body><script defer src=/one.js></script><script defer src=/show.js></script>",
    "/asked": "<body><script>fetch('/one.js').then(() => fetch('/two.js')).then(() => "
    f"{{ {SHOW} }})</script>",
    "/asked-and-waited-for": "<body><script>const asked = new XMLHttpRequest(); onload = () => "
    f"{{ asked.open('GET', '/one.js', false); asked.send(); {SHOW} }}</script>",
    "/leads-on": "<script src=/one.js></script><script>location = '/in-order'</script>",
    "/form": "<body><form action=/in-order></form><script src=/one.js></script>"
    "<script src=/form.js></script>",
    "/styled": "<link rel=stylesheet href=/one.css><script>0</script><h1>Your bills</h1>",
    "/unknown": "<h1>A survey</h1><script src=/one.js></script>",
}
SCRIPTS = {
    "/show.js": f"onload = () => {{ {SHOW} }}",
    "/form.js": "document.forms[0].innerHTML = '<input name=q><button disabled>Continue</button>';"
    "fetch('/two.js').then(() => { document.querySelector('button').disabled = false })",
}


class Slowly:
    """A limiter that lets one request go, and makes each wait."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def request(self, cost: int = 1, *, of_page: bool = False) -> AsyncIterator[Permit]:
        async with self._one:
            await asyncio.sleep(HELD_SECONDS)
        yield self

    def extra(self) -> None:
        pass


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    async def page(request: Request) -> Response:
        text = TEXTS[request.url.path]
        return HTMLResponse(f"<!doctype html><link rel=icon href=data:,><title>x</title>{text}")

    async def script(request: Request) -> Response:
        kind = "text/css" if request.url.path.endswith("css") else "text/javascript"
        return Response(SCRIPTS.get(request.url.path, ""), media_type=kind)

    names = ["/one.js", "/two.js", "/one.css", *SCRIPTS]
    routes = [*(Route(path, page) for path in TEXTS), *(Route(path, script) for path in names)]
    with local_site(routes) as site:
        yield site


IMPATIENT = Timeouts(navigation=0.6, action=0.4, heartbeat=0.05, unresponsive=0.5)


@pytest_asyncio.fixture(loop_scope="module")
async def visit(portal: Site, chromium: Chromium) -> AsyncIterator[Visit]:
    visit = Visit(Village(), portal.url, chromium, Nobody(), Secrets(), limiter=Slowly(), timeouts=IMPATIENT)
    async with visit:
        yield visit


@pytest.mark.parametrize("path", [path for path in TEXTS if path not in {"/form", "/unknown"}])
async def test_a_page_arrives_however_long_its_requests_are_held(visit: Visit, path: str) -> None:
    await visit.page.open(path)
    assert await visit.page.arrive(CODE, BILLS) is BILLS


async def test_a_form_is_filled_in_and_pressed_once_its_scripts_are_there(visit: Visit) -> None:
    await visit.page.open("/form")
    await visit.page.fill(visit.page.css("input"), "open sesame")
    await visit.page.press(visit.page.button("Continue"))
    assert await visit.page.arrive(BILLS) is BILLS


async def test_a_page_that_comes_to_rest_without_a_sign_is_not_waited_for_any_longer(visit: Visit) -> None:
    began = time.monotonic()
    await visit.page.open("/unknown")
    with pytest.raises(Stop, match="does not know"):
        await visit.page.arrive(BILLS)
    assert time.monotonic() - began < 2 * HELD_SECONDS + 3


async def test_time_that_is_held_counts_neither_for_the_page_nor_for_the_run() -> None:
    clock = VisitClock()
    late = Stop(Outcome.PORTAL_DOWN, "late")
    clock.start(0.2, late)
    began = clock.now()
    with clock.scope():
        with clock.holding(), clock.holding():
            await asyncio.sleep(0.4)
        assert clock.now() - began < 0.1
        with clock.asking():
            await asyncio.sleep(0.3)
        with pytest.raises(Stop, match="late"), clock.scope():
            await asyncio.Event().wait()
    with pytest.raises(Stop, match="late"), clock.scope():
        raise AssertionError("it has ended")


async def test_our_own_limits_do_not_keep_a_run_for_ever() -> None:
    clock = VisitClock()
    clock.start(0.1, Stop(Outcome.PORTAL_DOWN, "late"))
    with pytest.raises(Stop, match="late"), clock.scope(), clock.holding():
        await asyncio.Event().wait()


async def test_who_breaks_off_a_run_that_is_late_goes_before() -> None:
    clock = VisitClock()

    async def run() -> None:
        with clock.scope():
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    clock.end(Stop(Outcome.PORTAL_DOWN, "late"))
    with pytest.raises(asyncio.CancelledError):
        await task
