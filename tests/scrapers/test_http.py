"""Requests that share a session's cookies, through a browser and without one, against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

import meterfarm.scrapers.http.client
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import find_chromium
from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.client import Http
from meterfarm.scrapers.http.own_client import OwnClient
from meterfarm.scrapers.http.transport import InBrowser, WithoutBrowser
from meterfarm.scrapers.outcomes import SIGNED_OUT, SessionEnded, Sign, Stop
from meterfarm.scrapers.state import PortalSession
from tests.local_site import Site, closed_site, local_site, silent_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNS = (
    Sign(Outcome.MAINTENANCE, text="down for maintenance"),
    Sign(SIGNED_OUT, path="^/login$", heading="Sign in"),
    Sign("known", heading="Known page"),
)
FILE_NAMES = {
    "attachment; filename*=punycode''%ff": "some file",
    "attachment; filename*=undefined''may.pdf": "some file",
    'attachment; filename="May 2026.pdf"': "May 2026.pdf",
    "attachment; filename=may.pdf": "may.pdf",
    "attachment; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf": "Rechnung März.pdf",
    'inline; filename="a;b.pdf"; size=3': "a;b.pdf",
    "": "some file",
}


@dataclass
class Busy:
    """How many requests are being answered, and how many were at once."""

    now: int = 0
    most: int = 0


def _page(body: str, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(f"<!doctype html><title>x</title>{body}", status, headers)


def _routes(foreign: str, busy: Busy) -> list[BaseRoute]:
    tries = {"count": 0}

    async def blip(_: Request) -> Response:
        tries["count"] += 1
        return PlainTextResponse("back" if tries["count"] > 2 else "", 200 if tries["count"] > 2 else 503)

    async def crowded(_: Request) -> Response:
        busy.now += 1
        busy.most = max(busy.most, busy.now)
        await asyncio.sleep(0.02)
        busy.now -= 1
        return PlainTextResponse("done")

    async def named(request: Request) -> Response:
        header = request.query_params["header"]
        return Response(b"%PDF", headers={"content-disposition": header} if header else {})

    async def to(request: Request) -> Response:
        return Response(status_code=302, headers={"location": request.query_params["to"]})

    async def answer(request: Request) -> Response:
        return JSONResponse({}, int(request.path_params["status"]), {"retry-after": "7"})

    async def echo(request: Request) -> Response:
        return JSONResponse({"cookie": request.cookies.get("device"), **request.query_params})

    async def set_cookie(_: Request) -> Response:
        response = RedirectResponse("/echo")
        response.set_cookie("device", "known", httponly=True, secure=True, samesite="strict")
        return response

    async def html(request: Request) -> Response:
        return _page(request.query_params["body"], int(request.query_params.get("status", "200")))

    async def raw(request: Request) -> Response:
        return Response(request.query_params["body"].encode(), media_type="text/html")

    async def loop(_: Request) -> Response:
        return RedirectResponse("/loop")

    async def foreign_redirect(_: Request) -> Response:
        return RedirectResponse(f"{foreign}/stolen")

    return [
        Route("/blip", blip),
        Route("/crowded", crowded),
        Route("/file/some%20file", named),
        Route("/file/some file", named),
        Route("/to", to),
        Route("/status/{status}", answer),
        Route("/echo", echo),
        Route("/set", set_cookie),
        Route("/html", html),
        Route("/raw", raw),
        Route("/login", html),
        Route("/loop", loop),
        Route("/foreign", foreign_redirect),
    ]


@dataclass(frozen=True)
class World:
    """The portal, a host that is not the portal's, and a client of the portal."""

    portal: Site
    foreign: Site
    http: Http
    busy: Busy


@contextmanager
def sites() -> Iterator[tuple[Site, Site, Busy]]:
    async def stolen(_: Request) -> Response:
        return PlainTextResponse("yours")

    busy = Busy()
    with local_site([Route("/stolen", stolen)], "127.0.0.2") as foreign:
        with local_site(_routes(foreign.url, busy)) as portal:
            yield portal, foreign, busy


def client(url: str, concurrency: int = 4) -> Http:
    return Http("The Portal", url, ["127.0.0.1"], SIGNS, concurrency, lambda *_, **__: None)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["in browser", "without browser"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """With each transport; to whoever asks through it, both are the same."""
    with sites() as (portal, foreign, busy):
        http = client(portal.url)
        if request.param == "without browser":
            async with OwnClient("") as exchange:
                http.transport = WithoutBrowser(PortalSession({"cookies": [], "origins": []}), exchange)
                yield World(portal, foreign, http, busy)
            return
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=find_chromium())
            async with OwnClient("a browser") as exchange:
                http.transport = InBrowser(await browser.new_context(), exchange)
                yield World(portal, foreign, http, busy)
            await browser.close()


async def test_a_page_comes_with_its_parameters_and_the_cookies_set_on_the_way(world: World) -> None:
    await world.http.get("/set")
    answer = await world.http.get("/echo", {"from": "2026-01-01", "a": "b & c"})
    assert answer.text == '{"cookie":"known","from":"2026-01-01","a":"b & c"}'
    assert (answer.status, answer.media_type) == (200, "application/json")


@pytest.mark.parametrize("target", ["/stolen", "\\@127.0.0.1/stolen"])
async def test_a_foreign_host_is_neither_followed_nor_asked(world: World, target: str) -> None:
    with pytest.raises(Stop, match=r"led to 127\.0\.0\.2, which is not one of its own hosts") as stop:
        await world.http.get("/to", {"to": f"{world.foreign.url}{target}"})
    assert stop.value.outcome is Outcome.BLOCKED
    assert not world.foreign.requested


async def test_a_script_cannot_ask_a_foreign_host_either(world: World) -> None:
    with pytest.raises(Stop, match="not followed"):
        await world.http.get(f"{world.foreign.url}/stolen")
    assert not world.foreign.requested


async def test_a_redirect_to_no_address_at_all_stops_the_run(world: World) -> None:
    with pytest.raises(Stop):
        await world.http.get("/to", {"to": "http://[x/"})


async def test_redirects_without_end_are_the_portals_fault(world: World) -> None:
    with pytest.raises(Stop, match="redirects without end") as stop:
        await world.http.get("/loop")
    assert stop.value.outcome is Outcome.PORTAL_DOWN


@pytest.mark.parametrize(
    ("status", "outcome", "retry_after"),
    [
        (429, Outcome.RATE_LIMITED, 7),
        (403, Outcome.BLOCKED, None),
        (500, Outcome.PORTAL_DOWN, 7),
        (404, Outcome.LAYOUT_CHANGED, None),
    ],
)
async def test_a_status_says_who_acts(
    world: World, status: int, outcome: Outcome, retry_after: int | None
) -> None:
    before = len(world.portal.requested)
    with pytest.raises(Stop) as stop:
        await world.http.get(f"/status/{status}")
    assert (stop.value.outcome, stop.value.retry_after) == (outcome, retry_after)
    assert len(world.portal.requested) == before + 1


async def test_two_blips_are_not_noticed(world: World) -> None:
    assert (await world.http.get("/blip")).text == "back"
    assert world.portal.requested.count("/blip") == 3


async def test_a_blip_that_stays_is_portal_down(world: World) -> None:
    with pytest.raises(Stop, match="HTTP 503") as stop:
        await world.http.get("/status/503")
    assert stop.value.outcome is Outcome.PORTAL_DOWN
    assert world.portal.requested.count("/status/503") == 3


@pytest.mark.parametrize(
    ("path", "query", "outcome"),
    [
        ("/html", {"body": "<p>We are down\n for maintenance.", "status": "503"}, Outcome.MAINTENANCE),
        ("/html", {"body": "<p>We are down for maintenance."}, Outcome.MAINTENANCE),
        ("/html", {"body": "<h1>Something else</h1>", "status": "500"}, Outcome.PORTAL_DOWN),
    ],
)
async def test_a_page_is_known_by_its_signs_first(
    world: World, path: str, query: dict[str, str], outcome: Outcome
) -> None:
    with pytest.raises(Stop) as stop:
        await world.http.get(path, query)
    assert stop.value.outcome is outcome


async def test_the_sign_in_page_means_that_the_session_ended(world: World) -> None:
    with pytest.raises(SessionEnded):
        await world.http.get("/login", {"body": "<h1>Sign in</h1>"})


@pytest.mark.parametrize(
    "body",
    [
        "<script>const t = 'down for maintenance'</script><h1>Bills</h1>",
        "<style>/* down for maintenance */</style>",
        "<noscript>down for maintenance</noscript>",
        "<div hidden>down for maintenance</div>",
        "<!-- down for maintenance -->",
    ],
)
async def test_what_the_customer_cannot_see_is_no_sign(world: World, body: str) -> None:
    assert (await world.http.get("/html", {"body": body})).status == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<!-- -->",
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html><body/></html>',
        "\x00",
        "é",
    ],
)
async def test_odd_html_is_no_obstacle(world: World, body: str) -> None:
    assert (await world.http.get("/raw", {"body": body})).text == body


@pytest.mark.parametrize(("header", "name"), FILE_NAMES.items())
async def test_a_document_has_the_portals_name_for_it(world: World, header: str, name: str) -> None:
    document = (await world.http.get("/file/some%20file", {"header": header})).document()
    assert (document.content, document.name) == (b"%PDF", name)


async def test_no_more_requests_at_once_than_the_portal_bears(world: World) -> None:
    http = client(world.portal.url, concurrency=3)
    http.transport = world.http.transport
    await asyncio.gather(*(http.get("/crowded") for _ in range(9)))
    assert world.busy.most == 3


async def test_a_portal_that_refuses_connections_is_down(world: World) -> None:
    http = client(closed_site())
    http.transport = world.http.transport
    with pytest.raises(Stop, match="could not be reached") as stop:
        await http.get("/")
    assert stop.value.outcome is Outcome.PORTAL_DOWN


async def test_a_portal_that_never_answers_is_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meterfarm.scrapers.http.client, "LIST", Limit("a list", 1024, seconds=0.1))
    with silent_site() as url:
        http = client(url)
        http.transport = world.http.transport
        with pytest.raises(Stop, match="did not answer in time") as stop:
            await http.get("/")
    assert stop.value.outcome is Outcome.PORTAL_DOWN


async def test_only_the_last_pages_are_kept_for_the_evidence(world: World) -> None:
    for number in range(10):
        await world.http.get("/html", {"body": f"<p>{number}"})
    assert [page.text[-1] for page in world.http.judge.pages] == [str(number) for number in range(2, 10)]
