"""A visit's tab: a page in a browser context of its own, from its first use to its end.

It is kept to the utility's hosts, throttled, traced until signed in, and watched for signs of life. What
scripts do with the page is in ``page.py``.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)

from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    Response,
    Route,
    ViewportSize,
)
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.browser.chromium import BrowserGone, Chromium
from meterfarm.scrapers.browser.listeners import listener
from meterfarm.scrapers.browser.scratch import new_trace_name, remove_trace
from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.evidence.browser_log import BrowserLog
from meterfarm.scrapers.guard import is_allowed, led_to, origins_of
from meterfarm.scrapers.http.client import Http
from meterfarm.scrapers.http.transport import InBrowser
from meterfarm.scrapers.page.browser_state import ContextState, context_with
from meterfarm.scrapers.page.request_throttle import RequestThrottle
from meterfarm.scrapers.page.web_storage import WebStorage
from meterfarm.scrapers.page.window import PageWindow, WindowRules, is_same_document
from meterfarm.scrapers.rate_limiter import RateLimiter, Unlimited
from meterfarm.scrapers.state import PortalSession

_DOCUMENTS = 20
_A_SESSION = 60 * 86_400
"""Seconds for which a portal may keep somebody signed in; devices are trusted for longer."""
_AT_REST: ViewportSize = {"width": 320, "height": 240}


class Tab:
    """One page, opened at its first use, and the windows that it opens. ``opened`` counts how often a page
    was opened: 0 or 1. ``window_led_away`` is the foreign host that a window was last led to. ``log`` is what
    the browser says beside its pages. ``given_mark`` is the ``session_mark`` of the session given last.
    """

    def __init__(
        self,
        portal: str,
        hosts: Sequence[str],
        chromium: Chromium,
        http: Http,
        session: PortalSession | None,
        note: Callable[..., None],
        limiter: RateLimiter,
        clock: VisitClock,
        *,
        trace_snapshots: bool,
    ) -> None:
        self.opened = 0
        self.window_led_away = ""
        self.given_mark: object = None
        self._hosts = hosts
        self._chromium = chromium
        self._http = http
        self._came_with = session
        self._storage = WebStorage(session.session_storage if session is not None else {})
        self.log = BrowserLog(note)
        self._note = note
        self._clock = clock
        self._trace_snapshots = trace_snapshots
        self._throttle = (
            None if isinstance(limiter, Unlimited) else RequestThrottle(limiter, self._allows, self._refuse)
        )
        self._rules = WindowRules(portal, hosts, note, clock, self._throttle)
        self._windows: list[PageWindow] = []
        self._documents: deque[Response] = deque(maxlen=_DOCUMENTS)
        self._answers = 0
        self._browser = AsyncExitStack()
        self._context: BrowserContext | None = None
        self._state: ContextState | None = None
        self._page: Page | None = None
        self._tracing = False
        self._trace = ""

    @property
    def hangs(self) -> bool:
        """Whether a page gives no sign of life."""
        return any(window.hangs for window in self._windows)

    @property
    def main(self) -> PageWindow | None:
        """The window of the page, if it was opened."""
        return self._windows[0] if self._windows else None

    @property
    def shown(self) -> Page | None:
        """The page, if it was opened and has not closed or crashed."""
        return self._page if self._page is not None and not self._page.is_closed() else None

    async def close(self) -> None:
        """Give the page up, with whatever its scripts do: its renderer ends with its context."""
        async with self._browser:
            for window in self._windows:
                window.give_up()
            try:
                async with asyncio.timeout(self._clock.timeouts.aside):
                    if self._throttle is not None:
                        await self._throttle.shut()
                    if self._context is not None:
                        await self._context.close()
            except PlaywrightError:
                self._note("browser.gone")
            except TimeoutError:
                self._give_up_browser("closing a page")
            finally:
                self._release()

    def _give_up_browser(self, doing: str) -> None:
        """Other visits go on in it as long as they can; new ones get another, and then it is ended."""
        self._note("browser.stuck", doing=doing)
        if self._context is not None and self._context.browser is not None:
            self._chromium.retire(self._context.browser)

    async def window(self) -> PageWindow:
        """That of the page, which is opened at the first call.

        Raises:
            Stop: the browser or the portal's page failed meanwhile.
            BrowserGone: no page could be opened.
        """
        if self._windows:
            return self._windows[0]
        with self._rules.errors("opening a page"):
            browser = await self._browser.enter_async_context(self._chromium.borrowed())
            self.opened += 1
            try:
                async with asyncio.timeout(self._clock.timeouts.opening):
                    return await self._opened_in(browser)
            except TimeoutError as exc:
                self._chromium.retire(browser)
                raise BrowserGone("The browser opened no page in time; run again.") from exc

    def adopt(self, page: Page) -> PageWindow:
        """A window that the page opened: watched from now on like the page itself."""
        landed = (one for one in reversed(self._documents) if is_same_document(one.url, page.url))
        window = PageWindow(page, self._rules, next(landed, None))
        self._windows.append(window)
        return window

    async def give_back(self, window: PageWindow) -> None:
        """Close such a window."""
        await window.close()
        self._windows.remove(window)

    async def _opened_in(self, browser: Browser) -> PageWindow:
        state = await self._http.transport.storage_state() if self._http.transport is not None else None
        self._context = await context_with(browser, state, self._chromium.proxy(self._hosts))
        if self._throttle is None:
            await self._context.route(lambda url: not self._allows(url), self._refuse)
        else:
            await self._throttle.start(self._context)
        self._state = ContextState(self._context, self._note)
        self.log.listen(self._context)
        if self._chromium.makes_traces:
            await self._start_trace(self._context)
        if first := self._chromium.first_script:
            await self._context.add_init_script(first)
        self._page = await self._context.new_page()
        has_stored = bool(state and state["origins"])
        await self._storage.start(self._page, origins_of(self._hosts), has_stored=has_stored)
        self._context.on("response", listener(self._brings_document))
        self._context.on("requestfailed", listener(self._leads_away))
        self._page.on("close", self._release)
        self._page.on("crash", self._release)
        window = self.adopt(self._page)
        agent = await self._chromium.user_agent(browser, self._page)
        exchange = await self._browser.enter_async_context(self._http.connect(agent))
        self._http.transport = InBrowser(self._context, exchange)
        return window

    async def _start_trace(self, context: BrowserContext) -> None:
        self._trace = new_trace_name()
        await context.tracing.start(
            name=self._trace, snapshots=self._trace_snapshots, screenshots=False, sources=False
        )
        self._tracing = True

    def _leads_away(self, request: Request) -> None:
        """For a window, likewise."""
        if request.is_navigation_request() and not self._allows(request.url):
            self.window_led_away = led_to(request.url, self._hosts)

    def _brings_document(self, response: Response) -> None:
        """For a window, which is seen only once its first document is there."""
        self._answers += 1
        if response.request.is_navigation_request():
            self._documents.append(response)

    def _allows(self, url: str) -> bool:
        return is_allowed(url, self._hosts)

    def _release(self, _: Page | None = None) -> None:
        if self._throttle is not None:
            self._throttle.close()

    async def _refuse(self, route: Route) -> None:
        self._note("request.refused", host=led_to(route.request.url, self._hosts))
        await route.abort("blockedbyclient")

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """While nothing is done with the page: no caret that blinks, which takes a percent of a core, a small
        view and no garbage, which takes half the memory. It is given back as it was but for the focus."""
        page = self.shown
        size = page.viewport_size if page is not None else None
        if page is None or size is None:
            yield
            return
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(self._clock.timeouts.aside):
                await page.evaluate("document.activeElement && document.activeElement.blur()")
                await page.set_viewport_size(_AT_REST)
                await page.request_gc()
        try:
            yield
        finally:
            with suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(self._clock.timeouts.aside):
                    await page.set_viewport_size(size)

    @property
    def stirs(self) -> object:
        """Something else when an answer came, or something was stored."""
        return self._answers, self._storage.mark

    async def session_mark(self) -> object:
        """The cookies, and the mark of what is stored besides; None without a page."""
        if self._context is None or not self.shown:
            return None
        return await self._context.cookies(), self._storage.mark

    async def drop_cookies(self) -> bool:
        """Do without those that the visit came with, but for those of trusted devices; whether there were
        any.
        """
        session, self._came_with = self._came_with, None
        if session is None or self._context is None or not self.shown:
            return False
        until = time.time() + _A_SESSION
        old = [one["name"] for one in session.storage_state["cookies"] if one["expires"] < until]
        with self._rules.errors("dropping cookies"):
            for name in old:
                await self._context.clear_cookies(name=name)
        return bool(old)

    async def session(self) -> PortalSession | None:
        """What a browser needs to be known again, if the page is still there to ask."""
        page = self.shown
        if self._state is None or page is None or self.hangs:
            return None
        stored = self._storage.mark
        try:
            async with asyncio.timeout(self._clock.timeouts.aside):
                user_agent = await self._storage.take_stock(page, self._allows)
                state = await self._state.read(self._storage.kept_as, self._storage.local_storage)
        except TimeoutError:
            self._note("session.unknown", reason="the page does not answer")
            return None
        self.given_mark = state["cookies"], stored
        return PortalSession(state, self._storage.by_origin(), user_agent)

    async def end_trace(self, path: str | None = None) -> None:
        """Stop tracing, into the file ``path`` or, without one, into nothing."""
        if self._context is not None and self._tracing:
            self._tracing = False
            try:
                async with asyncio.timeout(self._clock.timeouts.aside):
                    await self._context.tracing.stop(path=path)
            except TimeoutError:
                self._note("trace.lost")
            remove_trace(self._chromium.traces, self._trace)
