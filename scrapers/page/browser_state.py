"""A saved session in a browser context: what of it the browser takes, and the page's session storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, ProxySettings, Route
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.http.exchange import LANGUAGE

_LOAD_MS = 5_000
_PARTITIONED = "^"
"""In the storage key of a frame within another site's page, which has a storage of its own."""
_PUT_BACK = """items => {
  for (const [key, value] of Object.entries(items)) {
    try { sessionStorage.setItem(key, value); } catch (error) { return false; }
  }
  return true;
}"""
_BLANK = "<!doctype html><title></title>"


async def context_with(browser: Browser, state: Any, proxy: ProxySettings | None) -> BrowserContext:
    """A context with the cookies and local storage of ``state``, but for what this browser refuses.

    Raises:
        playwright.async_api.Error: it can make no context at all.
    """
    try:
        return await _context(browser, state, proxy)
    except PlaywrightError as exc:
        if state is None or not browser.is_connected():
            raise
        reason = str(exc).partition("\n")[0]
    origins = [origin for origin in state["origins"] if await _takes(browser, origin)]
    context = await _context(browser, {"cookies": [], "origins": origins}, proxy)
    refused = 0
    for cookie in state["cookies"]:
        try:
            await context.add_cookies([cookie])
        except PlaywrightError:
            refused += 1
    structlog.get_logger("visit").warning(
        "state.refused",
        cookies=refused,
        of=len(state["cookies"]),
        origins=len(state["origins"]) - len(origins),
        reason=reason,
    )
    return context


async def _context(browser: Browser, state: Any, proxy: ProxySettings | None) -> BrowserContext:
    """Without service workers: no route sees what they ask for."""
    return await browser.new_context(
        storage_state=state,
        accept_downloads=True,
        locale=LANGUAGE,
        proxy=proxy,
        service_workers="block",
    )


async def _takes(browser: Browser, origin: Any) -> bool:
    try:
        context = await browser.new_context(storage_state={"cookies": [], "origins": [origin]})
    except PlaywrightError:
        if not browser.is_connected():
            raise
        return False
    await context.close()
    return True


class SessionStorage:
    """The session storage of one page, by origin: put back once, before the first visit, and followed since.

    So what a portal clears stays cleared, also in what is saved of origins that the page has left again.
    """

    def __init__(self, saved: Mapping[str, Mapping[str, str]]) -> None:
        self._items = {origin: dict(items) for origin, items in saved.items() if items}
        self._cdp: CDPSession | None = None

    async def start(self, page: Page) -> None:
        """Put back what was saved, without a request, and follow what the portal does with it."""
        if self._items:
            async with _answered_here(page):
                for origin, items in list(self._items.items()):
                    if not await _put_back(page, origin, items):
                        del self._items[origin]
                await page.goto("about:blank")
        self._cdp = await page.context.new_cdp_session(page)
        self._cdp.on("DOMStorage.domStorageItemAdded", self._set)
        self._cdp.on("DOMStorage.domStorageItemUpdated", self._set)
        self._cdp.on("DOMStorage.domStorageItemRemoved", self._removed)
        self._cdp.on("DOMStorage.domStorageItemsCleared", self._cleared)
        await self._cdp.send("DOMStorage.enable")

    def by_origin(self) -> dict[str, dict[str, str]]:
        """All that there is, origins without any left out."""
        return {origin: dict(items) for origin, items in self._items.items() if items}

    def seen(self, origin: str, items: Mapping[str, object]) -> None:
        """What the page itself says there is now: what is followed may lag behind.

        A page may have put something in the storage's place that holds more than texts.
        """
        self._items[origin] = {name: value for name, value in items.items() if isinstance(value, str)}

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
        is_own = not which["isLocalStorage"] and _PARTITIONED not in str(which.get("storageKey", ""))
        return self._items.setdefault(origin, {}) if origin and is_own else None


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
