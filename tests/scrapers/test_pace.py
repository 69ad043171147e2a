"""Each request to a portal, by HTTP and by the browser, has its place in the limiter; nothing keeps one."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

import meterfarm.scrapers.page.request_throttle
from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import Timeouts
from meterfarm.scrapers.http.own_client import OwnClient
from meterfarm.scrapers.http.transport import InBrowser
from meterfarm.scrapers.outcomes import Sign, Stop
from meterfarm.scrapers.rate_limiter import Permit, RateLimiterUnavailable
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import BILLS, Village

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = "<h1>Your bills</h1>" + "".join(f"<img src=/img/{number}>" for number in range(12))
STREAM = "<h1>Your bills</h1><script>window.news = new EventSource('/stream')</script>"
GONE_SOON = "<h1>Your bills</h1><script>fetch('/slow')</script>"
IN_PLACE = """<form onsubmit="event.preventDefault();
  fetch('/post-in-place', {method: 'POST'}).then(() => this.insertAdjacentHTML('afterend', '<h1>Sent</h1>'))">
  <button>Continue</button></form>"""
FORM = "<form action={} method=post><button>Continue</button></form>"


async def until(fits: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fits():  # noqa: ASYNC110 - the browser, and the portal's thread, set no event of ours
            await asyncio.sleep(0.005)


class Counted:
    """A limiter that allows ``at_once`` and knows what was asked of it; ``closed`` it can ask nobody."""

    def __init__(self, at_once: int = 2) -> None:
        self.held = self.waiting = self.charged = self.extra_charged = 0
        self.costs: list[int] = []
        self.closed = False
        self.opened = asyncio.Event()
        self.opened.set()
        self._slots = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def request(self, cost: int = 1, *, of_page: bool = False) -> AsyncIterator[Permit]:
        if self.closed:
            raise RateLimiterUnavailable("Nobody is there to ask.")
        self.waiting += 1
        try:
            await self.opened.wait()
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        self.held += 1
        self.costs.append(cost)
        self.charged += cost
        try:
            yield self
        finally:
            self.held -= 1
            self._slots.release()

    def extra(self) -> None:
        self.charged += 1
        self.extra_charged += 1


@dataclass
class Portal:
    """The portal seen from its own side; ``go`` lets what hangs at ``/slow`` be answered."""

    now: int = 0
    most: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    go: threading.Event = field(default_factory=threading.Event)

    def at_work(self, path: str) -> bool:
        return self.asked[path] > 0

    def counted(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            self.asked[request.url.path] += 1
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                return await answer(request)
            finally:
                self.now -= 1

        return endpoint


def routes(portal: Portal, foreign: str) -> list[Route]:
    pages = {
        "/many": MANY,
        "/bills": "<h1>Your bills</h1>",
        "/stream-page": STREAM,
        "/gone": GONE_SOON,
        "/form": FORM.format("/post"),
        "/fetched": IN_PLACE,
        "/form-in-place": FORM.format("/post-in-place"),
        "/form-far": FORM.format("/post-far"),
    }
    leads = {"/to-bills": "/bills", "/to-to-bills": "/to-bills", "/away": f"{foreign}/away"}
    posts = {"/post": "/bills", "/post-far": "/to-bills"}

    def page(body: str) -> Callable[[Request], Awaitable[Response]]:
        async def show(_: Request) -> Response:
            return HTMLResponse(f"<!doctype html><link rel=icon href=data:,>{body}")

        return show

    def lead(where: str) -> Callable[[Request], Awaitable[Response]]:
        async def redirect(_: Request) -> Response:
            return RedirectResponse(where, 303)

        return redirect

    async def image(_: Request) -> Response:
        await asyncio.sleep(0.02)
        return Response(b"<svg xmlns='http://www.w3.org/2000/svg'/>", media_type="image/svg+xml")

    async def slow(_: Request) -> Response:
        await until(portal.go.is_set)
        return PlainTextResponse("at last")

    async def stream(_: Request) -> Response:
        async def news() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            await until(portal.go.is_set)

        return StreamingResponse(news(), media_type="text/event-stream")

    async def blip(_: Request) -> Response:
        return PlainTextResponse("", 503 if portal.asked["/blip"] < 3 else 200)

    return [
        *(Route(path, portal.counted(page(body))) for path, body in pages.items()),
        *(Route(path, portal.counted(lead(where))) for path, where in leads.items()),
        *(Route(path, portal.counted(lead(where)), methods=["POST"]) for path, where in posts.items()),
        Route("/post-in-place", portal.counted(page("<h1>Your bills</h1>")), methods=["POST"]),
        Route("/img/{number}", portal.counted(image)),
        Route("/slow", portal.counted(slow)),
        Route("/stream", portal.counted(stream)),
        Route("/blip", portal.counted(blip)),
    ]


@dataclass(frozen=True)
class World:
    site: Site
    portal: Portal
    limiter: Counted
    visit: Visit


@pytest.fixture
def served() -> Iterator[tuple[Site, Portal]]:
    portal = Portal()
    with local_site(routes(portal, "http://127.0.0.2:9")) as site:
        yield site, portal
        portal.go.set()


@pytest_asyncio.fixture(loop_scope="module")
async def world(chromium: Chromium, served: tuple[Site, Portal]) -> AsyncIterator[World]:
    limiter = Counted()
    async with Visit(Village(), served[0].url, chromium, Nobody(), Secrets(), limiter=limiter) as visit:
        context = await (await chromium.browser()).new_context()
        async with OwnClient("a browser") as exchange:
            visit.http.transport = InBrowser(context, exchange)
            yield World(*served, limiter, visit)
        await context.close()
    await until(lambda: not limiter.held and not limiter.waiting)


async def press(visit: Visit, path: str) -> None:
    await visit.page.open(path)
    await visit.page.press(visit.page.button("Continue"))


async def test_over_http_each_hop_and_each_try_has_its_place(world: World) -> None:
    await world.visit.http.get("/to-to-bills")
    assert world.limiter.costs == [1, 1, 1]
    await world.visit.http.get("/blip")
    assert world.limiter.costs == [1] * 6
    assert world.limiter.held == 0


async def test_over_http_no_more_are_at_the_portal_than_the_pace_allows(world: World) -> None:
    await asyncio.gather(*(world.visit.http.get(f"/img/{number}") for number in range(12)))
    assert world.portal.most == 2
    assert len(world.limiter.costs) == 12


async def test_a_call_that_was_cancelled_keeps_its_place_until_the_portal_has_answered(world: World) -> None:
    getting = asyncio.create_task(world.visit.http.get("/slow"))
    await until(lambda: world.portal.at_work("/slow"))
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting
    assert (world.portal.now, world.limiter.held) == (1, 1)
    world.portal.go.set()
    await until(lambda: not world.limiter.held)


async def test_a_call_cancelled_while_it_waits_sends_nothing(world: World) -> None:
    world.limiter.opened.clear()
    getting = asyncio.create_task(world.visit.http.get("/slow"))
    await until(lambda: world.limiter.waiting == 1)
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting
    assert (world.limiter.waiting, world.limiter.held) == (0, 0)
    assert not world.portal.asked


async def test_a_page_and_all_it_loads_keep_to_the_pace(world: World) -> None:
    page = await opened(world.visit, "/many")
    await page.wait_for_load_state()
    assert world.portal.asked.total() == world.limiter.charged == 13
    assert world.portal.most == 2
    await until(lambda: not world.limiter.held)


@pytest.mark.parametrize(("path", "charged"), [("/bills", 1), ("/to-bills", 2), ("/to-to-bills", 3)])
async def test_redirects_that_the_browser_follows_are_charged(world: World, path: str, charged: int) -> None:
    await world.visit.page.open(path)
    assert await world.visit.page.arrive(BILLS) is BILLS
    assert world.portal.asked.total() == world.limiter.charged == charged
    assert world.limiter.costs == [1]
    await until(lambda: not world.limiter.held)


@pytest.mark.parametrize("path", ["/form", "/form-far", "/form-in-place"])
async def test_a_forms_first_two_redirects_are_paid_for_beforehand(world: World, path: str) -> None:
    await press(world.visit, path)
    assert world.limiter.costs == [1, 3]
    assert world.limiter.extra_charged == 0
    assert world.limiter.charged >= world.portal.asked.total()
    await until(lambda: not world.limiter.held)


async def test_a_request_in_place_goes_in_the_slot_that_its_press_has(world: World) -> None:
    """Else as many visits as there are slots would wait for each other."""
    await world.visit.page.open("/fetched")
    async with world.limiter.request(), asyncio.timeout(20):
        await world.visit.page.press(world.visit.page.button("Continue"), until=Sign("sent", heading="Sent"))
    assert world.limiter.costs[-1] == 3


async def test_a_redirect_to_a_foreign_host_is_neither_followed_nor_charged(world: World) -> None:
    with pytest.raises(Stop, match="host that is not its own"):
        await world.visit.page.open("/away")
    assert world.limiter.charged == 1
    await until(lambda: not world.limiter.held)


async def test_a_page_that_waits_for_a_person_holds_nothing(world: World) -> None:
    await world.visit.page.open("/stream-page")
    await world.visit.page.arrive(BILLS)
    await until(lambda: world.portal.at_work("/stream") and not world.limiter.held)
    assert not world.portal.go.is_set()


async def test_a_poll_that_hangs_on_is_let_go_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meterfarm.scrapers.page.request_throttle, "_LONGEST_SECONDS", 0.3)
    await world.visit.page.open("/gone")
    await until(lambda: world.portal.at_work("/slow") and not world.limiter.held)
    assert world.portal.now == 1


async def test_a_page_that_closes_gives_everything_back(world: World) -> None:
    page = await opened(world.visit, "/gone")
    await until(lambda: world.portal.at_work("/slow") and world.limiter.held == 1)
    await page.close()
    await until(lambda: not world.limiter.held)


async def test_a_visit_that_ends_stops_waiting_and_sends_no_more(world: World) -> None:
    page = await opened(world.visit, "/bills")
    await until(lambda: not world.limiter.held)
    world.limiter.opened.clear()
    await page.evaluate("() => { for (let n = 0; n < 5; n++) fetch(`/img/${n}`).catch(() => 0) }")
    await until(lambda: world.limiter.waiting == 5)
    await world.visit.tab.close()
    assert page.is_closed()
    await until(lambda: not world.limiter.waiting)
    assert world.site.requested == ["/bills"]


async def test_a_request_that_the_page_calls_off_stops_waiting(world: World) -> None:
    page = await opened(world.visit, "/bills")
    await until(lambda: not world.limiter.held)
    world.limiter.opened.clear()
    await page.evaluate("() => { stop = new AbortController(); fetch('/slow', stop).catch(() => 0) }")
    await until(lambda: world.limiter.waiting == 1)
    await page.evaluate("() => stop.abort()")
    await until(lambda: not world.limiter.waiting)
    world.limiter.opened.set()
    assert await page.evaluate("() => fetch('/bills').then(answer => answer.status)") == 200
    assert not world.portal.at_work("/slow")


async def test_waiting_for_a_place_is_not_the_portals_slowness(world: World) -> None:
    await world.visit.page.open("/form")
    world.visit.clock.timeouts = Timeouts(navigation=5)
    world.limiter.opened.clear()
    pressing = asyncio.create_task(press(world.visit, "/form"))
    await until(lambda: world.limiter.waiting == 1)
    done, _ = await asyncio.wait({pressing}, timeout=5.5)
    assert not done
    world.limiter.opened.set()
    await pressing


async def test_a_pace_that_is_lost_is_not_the_portals_fault(world: World) -> None:
    world.limiter.closed = True
    for asking in (world.visit.http.get("/bills"), world.visit.page.open("/bills")):
        with pytest.raises(RateLimiterUnavailable, match="Nobody is there to ask"):
            await asking
    assert not world.portal.asked


async def test_a_pace_that_is_lost_on_the_way_is_not_the_portals_fault_either(world: World) -> None:
    page = await opened(world.visit, "/bills")
    world.limiter.closed = True
    assert await page.evaluate("() => fetch('/bills').catch(error => error.name)") == "TypeError"
    world.limiter.closed = False
    await world.visit.page.open("/bills")
