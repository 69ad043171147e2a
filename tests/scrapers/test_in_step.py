"""Beside an open page, requests share its cookies, hosts and name, and it shares the cookies they bring."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Page

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.guard import own_hosts
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.raw_site import RawSite, answered, raw_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import Village

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("own_driver")]

JSON = b"Content-Type: application/json\r\n"


def setting(*cookies: str) -> bytes:
    return answered(b"{}", JSON + b"".join(b"Set-Cookie: %s\r\n" % cookie.encode() for cookie in cookies))


@pytest.fixture(scope="module")
def site() -> Iterator[RawSite]:
    pages = {
        "/bills": answered(b"<h1>Your bills</h1>", b"Set-Cookie: session=first; HttpOnly; Path=/\r\n"),
        "/rotate": setting("session=second; HttpOnly; Path=/", "seen=1"),
        "/forget": setting("session=; Max-Age=0; Path=/", "other=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        "/refused": setting("ok=1", "bad=1; Domain=elsewhere.example", "bad=\x01", "also=1"),
        "/look": answered(b"{}", JSON),
        "/blank": answered(b"<html></html>"),
    }
    with raw_site(pages) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(site: RawSite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with Chromium(own_hosts(site.url, ()), tmp_path_factory.mktemp("scratch")) as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="module")
async def visit(site: RawSite, chromium: Chromium) -> AsyncIterator[Visit]:
    async with Visit(Village(), site.url, chromium, Nobody(), Secrets()) as visit:
        yield visit


def sent(site: RawSite, name: str = "cookie") -> str:
    """A header of the last request."""
    lines = [line.partition(": ") for line in site.heads[-1].split("\r\n")]
    return "; ".join(sorted(value for key, _, value in lines if key.lower() == name))


async def cookies(page: Page) -> dict[str, str]:
    return {str(cookie.get("name")): str(cookie.get("value")) for cookie in await page.context.cookies()}


async def test_page_and_requests_share_what_either_is_given(visit: Visit, site: RawSite) -> None:
    page = await opened(visit, "/bills")
    agent, language = sent(site, "user-agent"), sent(site, "accept-language")
    await visit.http.get("/look")
    assert (sent(site), sent(site, "user-agent")) == ("session=first", agent)
    assert sent(site, "accept-language") == language == "en-US"
    await visit.http.get("/rotate")
    assert await cookies(page) == {"session": "second", "seen": "1"}
    await page.goto(f"{site.url}/look")
    assert "session=second" in sent(site)
    await page.evaluate("document.cookie = 'seen=2; path=/'")
    await visit.http.get("/look")
    assert "seen=2" in sent(site)
    await page.evaluate("document.cookie = 'seen=3; path=/'")
    await visit.http.get("/look")
    assert "seen=3" in sent(site)


async def test_what_an_answer_removes_is_gone_and_nothing_else(visit: Visit, site: RawSite) -> None:
    page = await opened(visit, "/bills")
    await page.evaluate("document.cookie = 'other=1; path=/'; document.cookie = 'kept=1; path=/'")
    await visit.http.get("/forget")
    assert await cookies(page) == {"kept": "1"}


async def test_a_cookie_that_the_browser_refuses_takes_none_along(visit: Visit, site: RawSite) -> None:
    page = await opened(visit, "/look")
    await visit.http.get("/refused")
    assert {"ok", "also"} <= (await cookies(page)).keys()


async def test_requests_side_by_side_lose_no_cookie_of_each_other(visit: Visit, site: RawSite) -> None:
    site.replies |= {f"/give/{number}": setting(f"c{number}={number}") for number in range(12)}
    page = await opened(visit, "/look")
    await asyncio.gather(*(visit.http.get(f"/give/{number}") for number in range(12)))
    assert await cookies(page) == {f"c{number}": str(number) for number in range(12)}


async def test_of_requests_side_by_side_a_later_one_has_what_came_to_the_page_meanwhile(
    visit: Visit, site: RawSite
) -> None:
    released = threading.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        await asyncio.to_thread(released.wait, 20)
        writer.write(answered(b"{}", JSON))

    site.replies["/held"] = held
    page = await opened(visit, "/bills")
    slow = asyncio.create_task(visit.http.get("/held"))
    try:
        await visit.http.get("/look")
        assert sent(site) == "session=first"
        await page.evaluate("fetch('/rotate').then(answer => answer.text())")
        await visit.http.get("/look")
        assert sorted(sent(site).split("; ")) == ["seen=1", "session=second"]
    finally:
        released.set()
        await slow


@pytest.mark.parametrize("how", ["redirect", "script", "refresh", "in the page"])
async def test_another_port_of_the_portals_host_is_another_place(
    how: str, visit: Visit, site: RawSite
) -> None:
    with raw_site({"*": answered(b"yours")}) as other:
        there = f"{other.url}/stolen".encode()
        site.replies["/away"] = {
            "redirect": answered(b"", b"Location: %s\r\n" % there, status=b"302 Found"),
            "script": answered(b"<script>location = '%s'</script>" % there),
            "refresh": answered(b"<meta http-equiv=refresh content='0; url=%s'>" % there),
            "in the page": answered(b"<h1>Your bills</h1><img src=%s>" % there),
        }[how]
        if how == "redirect":
            with pytest.raises(Stop, match="not its own") as stop:
                await visit.page.open("/away")
            assert stop.value.outcome is Outcome.BLOCKED
            with pytest.raises(Stop, match=rf"led to {other.url.removeprefix('http://')}, which is not"):
                await visit.http.get("/away")
        else:
            page = await opened(visit, "/away")
            await page.wait_for_load_state("networkidle")
            assert [step["host"] for step in visit.steps if step["step"] == "request.refused"]
        assert not other.requested


async def test_a_blank_page_is_called_so(visit: Visit) -> None:
    await visit.page.open("/blank")
    with pytest.raises(Stop, match="shows an empty page at /blank") as stop:
        await visit.page.arrive()
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE
