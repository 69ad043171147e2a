"""Whether a page still answers. A script that never yields stops everything that is asked of its page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from meterfarm.scrapers.clock import VisitClock

_LAST_CHANCE_SECONDS = 1.0


async def watch(page: Page, clock: VisitClock, hangs: Callable[[], None]) -> None:
    """Ask the page for a sign of life every now and then, until it has gone; call ``hangs`` if it gives none.

    Time that requests wait for our own limits does not count: a script may wait for one of them.
    """
    while not page.is_closed():
        await asyncio.sleep(clock.timeouts.heartbeat)
        asking = asyncio.ensure_future(_asked(page))
        try:
            if not await _is_answered(asking, clock):
                hangs()
                return
        finally:
            asking.cancel()


async def _asked(page: Page) -> None:
    """An answer of any kind is a sign of life: also that it is just leaving for another page."""
    try:
        await page.evaluate("0")
    except PlaywrightError:
        return


async def _is_answered(asking: asyncio.Future[None], clock: VisitClock) -> bool:
    until = clock.now() + clock.timeouts.unresponsive
    while not asking.done() and (left := until - clock.now()) > 0:
        await asyncio.wait({asking}, timeout=left)
    if not asking.done():  # this process may have been stopped meanwhile, and the answer be there
        await asyncio.wait({asking}, timeout=_LAST_CHANCE_SECONDS)
    return asking.done()
