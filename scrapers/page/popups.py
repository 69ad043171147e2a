"""Windows that a page opens when a control is pressed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import Sign, Stop, VisitError
from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.pressing import Pressing
from meterfarm.scrapers.page.window import PageWindow

_UNLOADED = {"", ":", "about:blank"}


class Popups:
    """Of one page."""

    def __init__(self, access: Access, pressing: Pressing) -> None:
        self._access = access
        self._pressing = pressing
        self._shared = access.shared

    @asynccontextmanager
    async def opened(self, control: Control, signs: Sequence[Sign]) -> AsyncIterator[PageWindow]:
        """See ``BrowserPage.popup``."""
        tab = self._access.tab
        async with self._access.turn():
            window = await self._access.window()
            tab.window_led_away = ""
            page = await self._coming(window, control, signs)
            if tab.window_led_away:
                await page.close()
                raise window.rules.blocked(tab.window_led_away)
            popup = tab.adopt(page)
            try:
                with popup.boundary("opening a window"):
                    await self._loaded(popup)
                self._shared.note("window.opened")
                yield popup
            except (VisitError, PlaywrightError):
                await tab.log.closes(page)
                raise
            finally:
                await tab.give_back(popup)

    async def _coming(self, window: PageWindow, control: Control, signs: Sequence[Sign]) -> Page:
        """The window that opens at the press, which ends what a press waits for."""
        coming: asyncio.Future[Page] = asyncio.get_running_loop().create_future()

        def comes(page: Page) -> None:
            if not coming.done():
                coming.set_result(page)

        context = window.page.context
        context.on("page", comes)
        pressing = asyncio.ensure_future(self._pressing.pressed(window, control, signs))
        either: set[asyncio.Future[Any]] = {coming, pressing}
        limit = self._shared.clock.timeouts.navigation
        try:
            with window.rules.errors("opening a window"):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    await pressing
                    await asyncio.wait({coming}, timeout=limit)
            if coming.done():
                return coming.result()
        finally:
            context.remove_listener("page", comes)
            pressing.cancel()
            await asyncio.wait({pressing})
            if not pressing.cancelled():
                pressing.exception()
        raise Stop(
            Outcome.LAYOUT_CHANGED,
            f"{self._shared.portal.name} opens no window after {control.what} was pressed; the script needs "
            "mending.",
        )

    async def _loaded(self, popup: PageWindow) -> None:
        """A window may begin blank, and be led on when an address for it has come."""
        page, limit = popup.page, self._access.navigation_ms
        if page.url in _UNLOADED:
            with suppress(PlaywrightError):
                await self._shared.clock.patiently(
                    lambda left: page.wait_for_url(lambda url: url not in _UNLOADED, timeout=left), limit
                )
        await self._shared.clock.patiently(
            lambda left: page.wait_for_load_state("domcontentloaded", timeout=left), limit
        )
