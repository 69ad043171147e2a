"""A saved session in a browser context: what of it the browser takes, and what of it is kept again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import structlog
from playwright.async_api import Browser, BrowserContext, ProxySettings
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.http.exchange import LANGUAGE

_DATABASES_SECONDS = 3.0
_LARGEST_DATABASES = 1024 * 1024
"""Characters of all databases together: those with tokens are small, those with bills are read again."""


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


async def state_of(context: BrowserContext, note: Callable[..., None]) -> Any:
    """Cookies, local storage and databases of all origins that the context came to; no very large database.

    Raises:
        playwright.async_api.Error: the browser does not say.
    """
    try:
        async with asyncio.timeout(_DATABASES_SECONDS):
            state: Any = await context.storage_state(indexed_db=True)
    except (PlaywrightError, TimeoutError) as exc:
        note("databases.unknown", reason=str(exc).partition("\n")[0] or "they take too long")
        return await context.storage_state()
    left = _LARGEST_DATABASES
    for origin in state["origins"]:
        databases = origin.pop("indexedDB", [])
        sizes = [len(json.dumps(database)) for database in databases]
        kept = []
        for size, database in sorted(zip(sizes, databases, strict=True), key=itemgetter(0)):
            if size <= left:
                left -= size
                kept.append(database)
        if kept:
            origin["indexedDB"] = kept
        if len(kept) < len(databases):
            note("databases.left_out", count=len(databases) - len(kept), origin=origin["origin"])
    return state
