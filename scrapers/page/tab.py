"""A visit's tab: a page in a browser context of its own, from its first use to its end.

It is kept to the utility's hosts, throttled, traced until signed in, and watched for signs of life. What
scripts do with the page is in ``page.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    Download,
    Frame,
    Page,
    Request,
    Response,
    Route,
    ViewportSize,
)
from playwright.async_api import Error as PlaywrightError

from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import playwright_errors
from meterfarm.scrapers.browser.chromium import BrowserGone, Chromium
from meterfarm.scrapers.browser.scratch import new_trace_name, remove_trace
from meterfarm.scrapers.clock import VisitClock, watch_heartbeat
from meterfarm.scrapers.evidence.browser_log import BrowserLog
from meterfarm.scrapers.guard import is_allowed, led_to
from meterfarm.scrapers.http.client import Http
from meterfarm.scrapers.http.transport import InBrowser
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.browser_state import ContextState, context_with
from meterfarm.scrapers.page.request_throttle import RequestThrottle
from meterfarm.scrapers.page.watch import Watch
from meterfarm.scrapers.page.web_storage import WebStorage
from meterfarm.scrapers.rate_limiter import RateLimiter, Unlimited
from meterfarm.scrapers.state import PortalSession
from meterfarm.support.tasks import detached_task

_AT_REST: ViewportSize = {"width": 320, "height": 240}


class Tab:
    """One page, opened at its first use. ``opened`` counts how often a page was opened: 0 or 1.

    ``hangs`` is set when the page gives no sign of life. Of the last navigation, ``landed`` is the answer
    that brought the document shown, ``led_away`` the foreign host it led to, and ``downloaded`` the address
    of the file it led to instead of a page, "" for none: the browser does not keep it. ``log`` is what the
    browser says beside its pages.
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
        self.hangs = False
        self.opened = 0
        self.downloaded = ""
        self.led_away = ""
        self.landed: Response | None = None
        self._portal = portal
        self._hosts = hosts
        self._chromium = chromium
        self._http = http
        self._storage = WebStorage(session.session_storage if session is not None else {})
        self.log = BrowserLog(note)
        self._note = note
        self._clock = clock
        self._trace_snapshots = trace_snapshots
        self._throttle = (
            None if isinstance(limiter, Unlimited) else RequestThrottle(limiter, self._allows, self._refuse)
        )
        self._pulse: asyncio.Task[None] | None = None
        self._browser = AsyncExitStack()
        self._context: BrowserContext | None = None
        self._state: ContextState | None = None
        self._page: Page | None = None
        self._watch: Watch | None = None
        self._answered: Response | None = None
        self._tracing = False
        self._trace = ""

    @property
    def is_throttled(self) -> bool:
        """Whether requests may have to wait for our own limits."""
        return self._throttle is not None

    def expect_navigation(self) -> None:
        """Forget where the last navigation led."""
        self.led_away = self.downloaded = ""

    @property
    def shown(self) -> Page | None:
        """The page, if it was opened and has not closed or crashed."""
        return self._page if self._page is not None and not self._page.is_closed() else None

    async def close(self) -> None:
        """Give the page up, with whatever its scripts do: its renderer ends with its context."""
        async with self._browser:
            if self._pulse is not None:
                self._pulse.cancel()
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

    async def watched(self) -> tuple[Page, Watch]:
        """The page and what is watched of it; opened at the first call.

        Raises:
            Stop: the browser or the portal's page failed meanwhile.
            BrowserGone: no page could be opened.
        """
        page = await self._opened()
        if self._watch is None:
            raise RuntimeError("the page is not watched")
        return page, self._watch

    async def _opened(self) -> Page:
        if self._page is not None:
            return self._page
        with self.errors("opening a page"):
            browser = await self._browser.enter_async_context(self._chromium.borrowed())
            self.opened += 1
            try:
                async with asyncio.timeout(self._clock.timeouts.opening):
                    return await self._page_of(browser)
            except TimeoutError as exc:
                self._chromium.retire(browser)
                raise BrowserGone("The browser opened no page in time; run again.") from exc

    async def _page_of(self, browser: Browser) -> Page:
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
        await self._storage.start(self._page)
        self._watch = Watch(self._portal, self._context, self._page, self._allows, self._clock)
        self._page.on("requestfailed", self._failed)
        self._page.on("download", self._downloads)
        self._page.on("response", self._answers)
        self._page.on("framenavigated", self._lands)
        self._page.on("close", self._release)
        self._page.on("crash", self._release)
        self._pulse = detached_task(watch_heartbeat(self._page, self._clock, self._hangs))
        agent: str = await self._page.evaluate("navigator.userAgent")
        exchange = await self._browser.enter_async_context(self._http.connect(agent))
        self._http.transport = InBrowser(self._context, exchange)
        return self._page

    async def _start_trace(self, context: BrowserContext) -> None:
        self._trace = new_trace_name()
        await context.tracing.start(
            name=self._trace, snapshots=self._trace_snapshots, screenshots=False, sources=False
        )
        self._tracing = True

    def _hangs(self) -> None:
        """The page's script does not yield: nothing that is asked of the page will be answered."""
        self.hangs = True
        self._note("page.hangs")
        seconds = f"{self._clock.timeouts.unresponsive:g}"
        self._clock.end(
            Stop(
                Outcome.PORTAL_DOWN,
                f"{self._portal}'s page has not answered for {seconds} seconds; try again later.",
            )
        )

    def _failed(self, request: Request) -> None:
        """Routes do not see redirects; the browser resolves no foreign host, and this says which it was."""
        if request.is_navigation_request() and not self._allows(request.url):
            self.led_away = led_to(request.url, self._hosts)

    async def _downloads(self, download: Download) -> None:
        self.downloaded = download.url
        self._note("download.refused", path=urlsplit(download.url).path)
        with suppress(PlaywrightError):
            await download.cancel()

    def _answers(self, response: Response) -> None:
        """Of a redirect chain the last answer is the one that counts."""
        request, page = response.request, self._page
        leads_on = 300 <= response.status < 400 and "location" in response.headers
        if page and request.is_navigation_request() and not leads_on and request.frame == page.main_frame:
            self._answered = response

    def _lands(self, frame: Frame) -> None:
        """``landed`` answers for the document that is shown: an answer without one, like a download, does
        not, and an address that a script changes is the same document's."""
        if frame.parent_frame is not None:
            return
        if self._answered is not None and _is_same_document(self._answered.url, frame.url):
            self.landed = self._answered
        elif frame.url.startswith("about:"):
            self.landed = None

    def _allows(self, url: str) -> bool:
        return is_allowed(url, self._hosts)

    def slot(self, cost: int = 1) -> AbstractAsyncContextManager[None]:
        """The rate limiter's slot of the navigation in the block, with ``cost - 1`` redirects."""
        return nullcontext() if self._throttle is None else self._throttle.ahead(cost)

    def _release(self, _: Page | None = None) -> None:
        if self._throttle is not None:
            self._throttle.close()

    async def _refuse(self, route: Route) -> None:
        self._note("request.refused", host=led_to(route.request.url, self._hosts))
        await route.abort("blockedbyclient")

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Around what is done with the page: Playwright's errors become ours, and the visit's end ends it.

        Raises:
            Stop, BrowserGone: see ``boundaries.playwright_errors``.
        """
        with self._clock.scope(), playwright_errors(self._portal, doing, note=self._note):
            yield

    @contextmanager
    def boundary(self, doing: str) -> Iterator[None]:
        """As ``errors``, around what may lead to a foreign host or wait for the rate limiter.

        Raises:
            Stop: also ``blocked``, if it led to a foreign host.
            RateLimiterUnavailable: a request could not be sent.
        """
        try:
            with self.errors(doing):
                yield
        except Stop as stop:
            if self._throttle is not None and self._throttle.lost is not None:
                raise self._throttle.lost from stop
            if not self.led_away:
                raise
            raise Stop(
                Outcome.BLOCKED,
                f"{self._portal} led to {self.led_away}, a host that is not its own; not followed.",
            ) from stop

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

    async def cookies(self) -> object:
        """All that the context has, and the mark of what it stores besides; None without one."""
        if self._context is None or not self.shown:
            return None
        return await self._context.cookies(), self._storage.mark

    async def session(self) -> PortalSession | None:
        """What a browser needs to be known again, if the page is still there to ask."""
        page = self.shown
        if self._state is None or page is None or self.hangs:
            return None
        try:
            async with asyncio.timeout(self._clock.timeouts.aside):
                state = await self._state.read()
                user_agent = await self._storage.take_stock(page, self._allows)
        except TimeoutError:
            self._note("session.unknown", reason="the page does not answer")
            return None
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


def _is_same_document(url: str, other: str) -> bool:
    return url.partition("#")[0] == other.partition("#")[0]
