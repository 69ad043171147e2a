"""What a single-page portal stores in the real Chromium is kept: of all its hosts, windows and frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.outcomes import Sign
from meterfarm.scrapers.page.browser_state import ContextState, context_with
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.visit import Visit
from meterfarm.support.local_hosts import LocalHosts
from meterfarm.support.redact import Secrets
from tests.local_site import Site
from tests.scrapers.village import Village
from tests.tls_site import tls_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHAT = ("local-storage", "session-storage", "in-a-database")
NAMES = ["my.spa.example", "login.spa.example", "widget.spa.example"]
MY, LOGIN, WIDGET = (f"https://{name}" for name in NAMES)
DONE = Sign("done", heading="Done")

STORES = """<!doctype html><script>
const database = name => new Promise(done => {
  const asked = indexedDB.open(name, 3);
  asked.onupgradeneeded = () => asked.result.createObjectStore("tokens");
  asked.onsuccess = () => done(asked.result);
});
const put = async (name, value) => {
  const opened = await database(name), change = opened.transaction("tokens", "readwrite");
  change.objectStore("tokens").put({token: value}, "mine");
  await new Promise(done => change.oncomplete = done);
  opened.close();
};
const get = async name => {
  const opened = await database(name);
  const asked = opened.transaction("tokens").objectStore("tokens").get("mine");
  await new Promise(done => asked.onsuccess = done);
  opened.close();
  return asked.result?.token ?? null;
};
const store = async what => {
  localStorage.token = `${what}-local-storage`;
  sessionStorage.token = `${what}-session-storage`;
  await put("msal", `${what}-in-a-database`);
};
const stored = async () => [localStorage.token, sessionStorage.token, await get("msal")];
const done = what => document.body.innerHTML += `<h1>Done</h1><p id=what>${JSON.stringify(what)}</p>`;
</script><body>"""
PAGES = {
    "/": "",
    "/keep": "<script>localStorage.token = `${location.hostname}-local-storage`; done(1)</script>",
    "/store": "<script>store(location.hostname).then(() => done(1))</script>",
    "/all": f"<script>open('{LOGIN}/store', '_blank')</script><iframe src={WIDGET}/store></iframe>"
    "<script>store(location.hostname).then(() => done(1))</script>",
    "/show": "<script>stored().then(done)</script>",
}


class Spa(Village):
    home = MY
    hosts = ("*.spa.example",)


class Named(Village):
    home = MY
    hosts = (NAMES[1], NAMES[2])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, LocalHosts]]:
    async def page(request: Request) -> Response:
        return HTMLResponse(STORES + PAGES[request.url.path])

    with tls_site([Route(path, page) for path in PAGES], tmp_path_factory.mktemp("tls"), *NAMES) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(
    served: tuple[Site, LocalHosts], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chromium]:
    scratch = tmp_path_factory.mktemp("scratch")
    async with Chromium(["my.spa.example:443", *Spa.hosts], scratch, local_hosts=served[1]) as chromium:
        yield chromium


def _visit(chromium: Chromium, session: PortalSession | None = None, portal: Village | None = None) -> Visit:
    return Visit(portal or Spa(), MY, chromium, Nobody(), Secrets(), session)


async def _until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 - the browser sets no event of ours
            await asyncio.sleep(0.02)


async def test_storages_and_databases_of_pages_windows_and_frames_are_known_again(chromium: Chromium) -> None:
    async with _visit(chromium) as visit:
        await visit.page.open("/all")
        await visit.page.arrive(DONE)
        await _until(partial(_is_whole, visit))
        session = await visit.session()
    assert session is not None
    kept = PortalSession.from_bytes(session.to_bytes())
    assert kept == session
    everything = {f"{name}-{what}" for name in NAMES for what in WHAT}
    async with _visit(chromium, kept) as visit:
        assert everything <= set(kept.secrets())
        assert visit.secrets.scrub(" ".join(everything)).split() == ["[redacted]"] * len(everything)
        for origin in (MY, LOGIN, WIDGET):
            await visit.page.open(f"{origin}/show")
            await visit.page.arrive(DONE)
            shown = json.loads(await visit.page.css("#what").text())
            assert shown == [f"{origin.removeprefix('https://')}-{what}" for what in WHAT]


async def _is_whole(visit: Visit) -> bool:
    session = await visit.session()
    return session is not None and len({*session.secrets()}) >= len(NAMES) * len(WHAT)


CHANGES = {
    "local storage": "localStorage.token = 'another-token'",
    "session storage": "sessionStorage.token = 'another-token'",
    "cleared": "localStorage.clear()",
    "database": "put('msal', 'another-token')",
    "cookie": "document.cookie = 'token=another-token'",
}


async def test_that_something_stored_has_changed_is_seen_without_reading_it(chromium: Chromium) -> None:
    async with _visit(chromium) as visit:
        await visit.page.open("/store")
        await visit.page.arrive(DONE)
        page = await visit.page.raw_playwright_page()
        for change in CHANGES.values():
            was = await visit.session_mark()
            await page.evaluate(change)
            await _until(partial(_differs, visit, was))
        before: Any = await visit.session_mark()
        for change in ("used = Date.now()", "shown = 'menu'", "used = Date.now() + 1", "last = 'it counts'"):
            await page.evaluate(f"localStorage.{change}")
        await _until(partial(_differs, visit, before))
        after: Any = await visit.session_mark()
    (cookies, count), tokens = before
    assert after == ((cookies, count + 1), tokens)


async def test_storages_are_read_again_only_when_they_have_changed(chromium: Chromium) -> None:
    """Reading them opens another page of the browser; a change that is no other token is in what is kept."""
    async with _visit(chromium) as visit:
        await visit.page.open("/store")
        await visit.page.arrive(DONE)
        page = await visit.page.raw_playwright_page()
        first = await visit.session()
        assert first is not None
        await page.evaluate("document.cookie = 'rotated=a-cookie-of-later'")
        second = await visit.session()
        assert second is not None
        assert second.storage_state["origins"] is first.storage_state["origins"]
        assert "a-cookie-of-later" in second.secrets()
        await page.evaluate("localStorage.used = 1")
        third: Any = await visit.session()
        assert "'used'" in str(third.storage_state["origins"])
        await page.evaluate("put('more', 'in-another')")
        await _until(partial(_keeps, visit, "in-another"))
        await page.evaluate("document.body.append(document.createElement('iframe'))")
        fourth, fifth = await visit.session(), await visit.session()
    assert fourth is not None
    assert fifth is not None
    assert fifth.storage_state["origins"] is not fourth.storage_state["origins"]


async def test_local_storage_of_hosts_that_were_left_is_known_without_another_page(
    chromium: Chromium,
) -> None:
    opened: list[str] = []
    line = await (await chromium.browser()).new_browser_cdp_session()
    line.on("Target.targetCreated", lambda event: opened.append(event["targetInfo"]["type"]))
    await line.send("Target.setDiscoverTargets", {"discover": True})
    async with _visit(chromium, portal=Named()) as visit:
        for origin in (LOGIN, WIDGET, MY):
            await visit.page.open(f"{origin}/keep")
            await visit.page.arrive(DONE)
        opened.clear()
        first = await visit.session()
        assert first is not None
        assert opened == []
        page = await visit.page.raw_playwright_page()
        await page.evaluate("delete localStorage.token; localStorage.other = 'another-token'")
        second = await visit.session()
        assert second is not None
        assert opened == []
        await page.evaluate("put('msal', 'in-a-database')")
        await _until(partial(_keeps, visit, "in-a-database"))
        assert "page" in opened
    await line.detach()
    left = [_token(LOGIN), _token(WIDGET)]
    assert first.storage_state["origins"] == [*left, _token(MY)]
    other = {"origin": MY, "localStorage": [{"name": "other", "value": "another-token"}]}
    assert second.storage_state["origins"] == [*left, other]


def _token(origin: str) -> dict[str, Any]:
    value = f"{origin.removeprefix('https://')}-local-storage"
    return {"origin": origin, "localStorage": [{"name": "token", "value": value}]}


@pytest.mark.parametrize("portal", [Spa, Named])
async def test_a_database_of_a_host_that_was_left_is_kept(chromium: Chromium, portal: type[Village]) -> None:
    async with _visit(chromium, portal=portal()) as visit:
        for address in (f"{LOGIN}/store", f"{MY}/keep"):
            await visit.page.open(address)
            await visit.page.arrive(DONE)
        session = await visit.session()
        assert session is not None
    async with _visit(chromium, session, portal()) as visit:
        await visit.page.open(f"{MY}/keep")
        await visit.page.arrive(DONE)
        again = await visit.session()
    for kept in (session, again):
        assert kept is not None
        assert "login.spa.example-in-a-database" in str(kept.storage_state)
        assert {"login.spa.example-local-storage", "my.spa.example-local-storage"} <= set(kept.secrets())


async def _keeps(visit: Visit, what: str) -> bool:
    session = await visit.session()
    return session is not None and what in str(session.storage_state)


async def _differs(visit: Visit, before: object) -> bool:
    return await visit.session_mark() != before


LOST = {
    "dated": "{at: new Date(), claims: {}}",
    "file": "{file: new Blob(['x'])}",
    "pair": "await crypto.subtle.generateKey({name: 'ECDSA', namedCurve: 'P-256'}, false, ['sign'])",
}


async def test_a_database_that_cannot_be_kept_or_that_a_browser_refuses_costs_nothing_else(
    chromium: Chromium,
) -> None:
    noted: list[str] = []
    async with _visit(chromium) as visit:
        await visit.page.open("/store")
        await visit.page.arrive(DONE)
        page = await visit.page.raw_playwright_page()
        await page.evaluate("put('bills', 'x'.repeat(2_000_000))")
        for name, lost in LOST.items():
            await page.evaluate(f"(async () => put('{name}', {lost}))()")
        kept_state = ContextState(page.context, lambda step, **_: noted.append(step))
        state, _ = await asyncio.gather(kept_state.read(), kept_state.read())
    assert noted == ["databases.left_out"]
    (origin,) = state["origins"]
    records = {one["name"]: one["stores"][0]["records"] for one in origin["indexedDB"]}
    assert {name for name, kept in records.items() if kept} == {"dated", "msal"}
    assert records.keys() == {"msal", *LOST}
    for database in origin["indexedDB"]:
        database["version"] = -1
    context = await context_with(await chromium.browser(), state, None)
    kept: Any = await context.storage_state(indexed_db=True)
    await context.close()
    assert [one["localStorage"] for one in kept["origins"]] == [origin["localStorage"]]
