"""Opening an address of the portal in a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.sight import is_navigating
from meterfarm.scrapers.page.window import PageWindow
from meterfarm.support.tracing import span

_ABORTED = re.compile(r"ERR_ABORTED|Download is starting")


@contextmanager
def going(window: PageWindow, doing: str) -> Iterator[None]:
    """The boundary around a navigation. Raises what ``PageWindow.boundary`` does."""
    with span("page", doing=doing) as stage, window.boundary(doing):
        yield
        if window.shown is not None:
            stage.set(url__path=urlsplit(window.page.url).path)


class Opening:
    """Of one page."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._shared = access.shared

    async def open(self, path: str) -> None:
        """See ``BrowserPage``."""
        async with self._access.turn():
            window = await self._access.window()
            url = urljoin(self._shared.base_url, path)
            self._shared.note("page.opened", path=urlsplit(url).path)
            window.watch.opened()
            window.expect_navigation()
            async with window.slot():
                with going(window, f"opening {urlsplit(url).path}"):
                    await self._go(window, url)

    async def _go(self, window: PageWindow, url: str) -> None:
        """To an address. A navigation may end without a document (a download, HTTP 204) or lead on at once;
        a page that says what is wrong is heard before it is called down."""
        try:
            await window.page.goto(url, wait_until="commit", timeout=self._access.navigation_ms)
            await self.loaded(window.page)
        except PlaywrightError as exc:
            if is_navigating(exc):
                await self.loaded(window.page)
            elif _ABORTED.search(str(exc)) and not window.led_away:
                self._shared.note("navigation.aborted", path=urlsplit(url).path)
            else:
                stop = await window.watch.declared(self._shared.portal.signs)
                if stop is None:
                    raise
                raise stop from exc

    async def loaded(self, page: Page) -> None:
        """Wait until the document is there, with the scripts that it waits for."""
        await self._shared.clock.patiently(
            lambda left: page.wait_for_load_state("domcontentloaded", timeout=left),
            self._access.navigation_ms,
        )
