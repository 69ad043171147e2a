"""What the pages of a visit store: session storage is put back and followed, and local storage is followed.

Of databases it is only known that there are some, and that they change.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Frame, Page, Route
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.page.sight import steady
from meterfarm.scrapers.state import SHORTEST_SECRET

_LOAD_MS = 5_000
_FRAMES_SECONDS = 1.0
_MOST_FRAMES = 20
_MOST_ORIGINS = 20
_MANY_CHANGES = 50
_SELDOM_SECONDS = 2.0
_NUMBER = re.compile(r"[0-9.:+TZ-]+")
_PARTITIONED = "^"
"""In the storage key of a frame within another site's page, which has a storage of its own."""
_PUT_BACK = """items => {
  for (const [key, value] of Object.entries(items)) {
    try { sessionStorage.setItem(key, value); } catch (error) { return false; }
  }
  return true;
}"""
_BLANK = "<!doctype html><title></title>"
_KEPT = """async () => {
  const local = () => { try { return JSON.stringify(localStorage); } catch (error) { return ""; } };
  const session = () => { try { return {...sessionStorage}; } catch (error) { return null; } };
  const databases = async () => {
    try { return (await indexedDB.databases()).length; } catch (error) { return 0; }
  };
  const late = new Promise(done => setTimeout(() => done(1), 500));
  const known = [location.origin, session(), navigator.userAgent, local()];
  return [...known, await Promise.race([databases(), late])];
}"""


class WebStorage:
    """What the pages of a visit store: session storage is put back once, before the first visit, and followed
    since, as local storage is; that it and databases change is counted, by ``mark``.

    So what a portal clears stays cleared, also in what is saved of origins that the page has left again.
    """

    def __init__(self, saved: Mapping[str, Mapping[str, str]]) -> None:
        self._items = {origin: dict(items) for origin, items in saved.items() if items}
        self._changes = self._marked = 0
        self._next_mark = 0.0
        self._tracked: set[str] = set()
        self._untracked = self._events = 0
        self._had_windows = self._has_others = False
        self._local: dict[str, int] = {}
        self._local_items: dict[str, dict[str, str]] = {}
        self._is_all = True

    @property
    def kept_as(self) -> object:
        """Something else whenever local storage or databases are, as of the last stock; None if that is not
        known: frames of other sites and windows may store what is not followed."""
        if self._had_windows or self._has_others or self._untracked:
            return None
        return self._events, tuple(self._local.items())

    @property
    def local_storage(self) -> list[dict[str, Any]] | None:
        """That of all origins, as Playwright saves it, as of the last stock; None if that may not be all that
        is stored: a database, or what frames, windows and an earlier visit have left."""
        if not self._is_all or self.kept_as is None:
            return None
        return [
            {"origin": origin, "localStorage": [{"name": name, "value": items[name]} for name in items]}
            for origin, items in self._local_items.items()
            if items
        ]

    @property
    def mark(self) -> int:
        """Another number when something has changed; of a page that writes without end, seldom."""
        if self._marked != self._changes and time.monotonic() >= self._next_mark:
            self._marked = self._changes
            self._next_mark = time.monotonic() + (_SELDOM_SECONDS if self._changes > _MANY_CHANGES else 0)
        return self._marked

    async def start(self, page: Page, origins: Sequence[str], *, has_stored: bool) -> None:
        """Put back what was saved, without a request, and follow what the portal does with it.

        ``origins`` are those that the page will come to, as far as they are known. ``has_stored``: the
        context began with what was saved of local storage or databases.
        """
        self._is_all = not has_stored
        if self._items:
            async with _answered_here(page):
                for origin, items in list(self._items.items()):
                    if not await _put_back(page, origin, items):
                        del self._items[origin]
                await page.goto("about:blank")
        cdp = await self._counted(page)
        cdp.on("DOMStorage.domStorageItemAdded", self._set)
        cdp.on("DOMStorage.domStorageItemUpdated", self._set)
        cdp.on("DOMStorage.domStorageItemRemoved", self._removed)
        cdp.on("DOMStorage.domStorageItemsCleared", self._cleared)
        cdp.on("Storage.indexedDBContentUpdated", self._change)
        cdp.on("Storage.indexedDBContentUpdated", self._has_database)
        await asyncio.gather(*(self._track(cdp, origin) for origin in origins[:_MOST_ORIGINS]))
        page.on("framenavigated", partial(self._goes, cdp))
        page.context.on("page", self._opens)

    def by_origin(self) -> dict[str, dict[str, str]]:
        """The session storage of all origins, those without any left out."""
        return {origin: dict(items) for origin, items in self._items.items() if items}

    async def take_stock(self, page: Page, is_allowed: Callable[[str], bool]) -> str:
        """Have the page say what there is now, also in its frames and in other windows; its user agent.

        What is followed may lag behind. Of an origin that the page came to, what a window of its own says is
        another storage, which ends with it.
        """
        origin, items, user_agent, local, databases = await steady(page, lambda: page.evaluate(_KEPT))
        self._seen(origin, items)
        self._seen_local(origin, local)
        self._is_all = self._is_all and not databases
        self._local = {origin: hash(local)}
        windows = [window for window in page.context.pages if window is not page]
        frames = [*page.frames[1:], *(frame for window in windows for frame in window.frames)]
        own = [frame for frame in frames if _is_first_party(frame) and is_allowed(frame.url)][:_MOST_FRAMES]
        asked = 0
        with suppress(TimeoutError, PlaywrightError):
            async with asyncio.timeout(_FRAMES_SECONDS):
                for frame in own:
                    origin, items, _, local, _ = await frame.evaluate(_KEPT)
                    asked += 1
                    self._local[origin] = hash(local)
                    if frame.page is page or origin not in self._items:
                        self._seen(origin, items)
        self._has_others = asked < len(frames)
        return str(user_agent)

    def _seen(self, origin: str, items: Mapping[str, object] | None) -> None:
        """A page may have put something in the storage's place that holds more than texts."""
        if items is not None and origin.startswith(("http://", "https://")):
            self._items[origin] = {name: value for name, value in items.items() if isinstance(value, str)}

    def _seen_local(self, origin: str, local: object) -> None:
        """As the page says it: what is followed may lag behind. "" of one that has none."""
        if not local or not origin.startswith(("http://", "https://")):
            return
        try:
            items = json.loads(str(local))
        except ValueError:
            items = None
        if isinstance(items, dict) and all(isinstance(value, str) for value in items.values()):
            self._local_items[origin] = items
        else:
            self._is_all = False

    async def _counted(self, page: Page) -> CDPSession:
        cdp = await page.context.new_cdp_session(page)
        for event in ("ItemAdded", "ItemUpdated", "ItemRemoved", "ItemsCleared"):
            cdp.on(f"DOMStorage.domStorage{event}", self._change)
        await cdp.send("DOMStorage.enable")
        return cdp

    async def _opens(self, window: Page) -> None:
        self._had_windows = True
        with suppress(PlaywrightError):
            await self._counted(window)

    async def _goes(self, cdp: CDPSession, frame: Frame) -> None:
        """Not all is known of what another origin than the page's stores, or one that was not expected."""
        origin = _origin(frame.url)
        if not origin:
            return
        if origin not in self._tracked or origin != _origin(frame.page.url):
            self._is_all = False
        await self._track(cdp, origin)

    async def _track(self, cdp: CDPSession, origin: str) -> None:
        """Have it reported that databases of an origin change."""
        if origin in self._tracked:
            return
        self._untracked += 1
        if len(self._tracked) < _MOST_ORIGINS:
            self._tracked.add(origin)
            with suppress(PlaywrightError):
                await cdp.send("Storage.trackIndexedDBForOrigin", {"origin": origin})
                self._untracked -= 1

    def _has_database(self, _: dict[str, Any]) -> None:
        self._is_all = False

    def _change(self, event: dict[str, Any]) -> None:
        """A clock's or counter's change is none: portals write when they were last used, every second."""
        self._events += 1
        value = event.get("newValue")
        if value is None or (len(value) >= SHORTEST_SECRET and not _NUMBER.fullmatch(value)):
            self._changes += 1

    def _set(self, event: dict[str, Any]) -> None:
        if (items := self._of(event)) is not None:
            items[event["key"]] = event["newValue"]

    def _removed(self, event: dict[str, Any]) -> None:
        if (items := self._of(event)) is not None:
            items.pop(event["key"], None)

    def _cleared(self, event: dict[str, Any]) -> None:
        if (items := self._of(event)) is not None:
            items.clear()

    def _of(self, event: dict[str, Any]) -> dict[str, str] | None:
        which = event["storageId"]
        origin = str(which.get("securityOrigin") or "").rstrip("/")
        if not origin or _PARTITIONED in str(which.get("storageKey", "")):
            return None
        kept = self._local_items if which["isLocalStorage"] else self._items
        return kept.setdefault(origin, {})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else ""


def _is_first_party(frame: Frame) -> bool:
    """Whether its storage is that of a page of its origin: in another site's page it has one of its own."""
    page_host, host = (urlsplit(each.url).hostname or "" for each in (frame.page.main_frame, frame))
    return host == page_host or (not host[-1:].isdigit() and _site(host) == _site(page_host))


def _site(host: str) -> list[str]:
    return host.split(".")[-2:]


@asynccontextmanager
async def _answered_here(page: Page) -> AsyncIterator[None]:
    """Meanwhile every address is a blank page, and nothing is asked for."""

    async def blank(route: Route) -> None:
        await route.fulfill(body=_BLANK, content_type="text/html")

    await page.route("**/*", blank)
    try:
        yield
    finally:
        await page.unroute("**/*", blank)


async def _put_back(page: Page, origin: str, items: Mapping[str, str]) -> bool:
    with suppress(PlaywrightError):
        await page.goto(f"{origin}/", wait_until="commit", timeout=_LOAD_MS)
        return bool(await page.evaluate(_PUT_BACK, dict(items)))
    return False
