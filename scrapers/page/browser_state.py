"""A saved session in a browser context: what of it the browser takes, and what of it is kept again."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import structlog
from playwright.async_api import Browser, BrowserContext, ProxySettings
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.http.exchange import LANGUAGE

_DATABASES_SECONDS = 3.0
_OF_THE_BROWSER = re.compile(r"key|blob|file|handle", re.IGNORECASE)
_LARGEST_DATABASES = 1024 * 1024
"""Characters of all databases together."""


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
    origins = [taken for one in state["origins"] if (taken := await _taken(browser, one)) is not None]
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


async def _taken(browser: Browser, origin: Any) -> Any:
    """What of an origin's storage the browser takes: all, all but its databases, or nothing (None)."""
    for part in (origin, {**origin, "indexedDB": []}) if origin.get("indexedDB") else (origin,):
        state: Any = {"cookies": [], "origins": [part]}
        try:
            context = await browser.new_context(storage_state=state)
        except PlaywrightError:
            if not browser.is_connected():
                raise
        else:
            await context.close()
            return part
    return None


class ContextState:
    """What a context keeps, read by one at a time: to be asked, the browser opens a page of its own."""

    def __init__(self, context: BrowserContext, note: Callable[..., None]) -> None:
        self._context = context
        self._note = note
        self._reading = asyncio.Lock()
        self._with_databases = True
        self._left_out = 0
        self._kept_as: object = None
        self._origins: Any = []

    async def read(self, kept_as: object = None, known: list[dict[str, Any]] | None = None) -> Any:
        """Cookies, local storage and databases of all origins that the context came to, as Playwright saves
        them; of databases only so much. One that takes long to read is not asked for again.

        ``kept_as`` is by what it is known whether the storages have changed since they were read, None if
        that is not known: reading them takes another page of the browser. ``known`` is what they are, if that
        is known without.

        Raises:
            playwright.async_api.Error: the browser does not say.
        """
        if known is not None:
            return {"cookies": await self._context.cookies(), "origins": known}
        async with self._reading:
            if kept_as is not None and kept_as == self._kept_as:
                return {"cookies": await self._context.cookies(), "origins": self._origins}
            state = await self._read()
            self._kept_as, self._origins = kept_as, state["origins"]
            return state

    async def _read(self) -> Any:
        if self._with_databases:
            try:
                async with asyncio.timeout(_DATABASES_SECONDS):
                    return self._bounded(await self._context.storage_state(indexed_db=True))
            except (PlaywrightError, TimeoutError) as exc:
                self._with_databases = isinstance(exc, PlaywrightError)
                reason = str(exc).partition("\n")[0] or "they take too long"
                self._note("databases.unknown", reason=reason)
        return await self._context.storage_state()

    def _bounded(self, state: Any) -> Any:
        """The smallest databases first: those with tokens are small, those with bills are read again."""
        left, left_out = _LARGEST_DATABASES, 0
        for origin in state["origins"]:
            kept = []
            for database in sorted(map(_without_lost, origin.pop("indexedDB", [])), key=_size):
                if (size := _size(database)) <= left:
                    left -= size
                    kept.append(database)
                else:
                    left_out += 1
            if kept:
                origin["indexedDB"] = kept
        if left_out > self._left_out:
            self._note("databases.left_out", count=left_out)
            self._left_out = left_out
        return state


def _without_lost(database: dict[str, Any]) -> dict[str, Any]:
    """Without the records in which a key of the browser's or a file was, which Playwright reads as ``{}``: a
    portal makes another where there is none, and fails at one that is nothing."""
    stores = [
        {**store, "records": [one for one in store["records"] if not _is_lost(one.get("valueEncoded"))]}
        for store in database["stores"]
    ]
    return {**database, "stores": stores}


def _is_lost(value: Any, name: str = "key") -> bool:
    """What is no plain JSON is encoded: an object by its properties, as ``{"o": [{"k", "v"}], "id"}``."""
    if not isinstance(value, dict):
        return False
    parts = value.get("o")
    if parts == []:
        return _OF_THE_BROWSER.search(name) is not None
    inner = parts if isinstance(parts, list) else value.get("a", [])
    return any(_is_lost(part.get("v", part), part.get("k", name)) for part in inner if isinstance(part, dict))


def _size(database: object) -> int:
    return len(json.dumps(database))
