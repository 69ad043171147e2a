"""One page of a visit, a window of its browser: what is watched of it, where it led, whether it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.async_api import Download, Frame, Page, Request, Response
from playwright.async_api import Error as PlaywrightError

from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import playwright_errors
from meterfarm.scrapers.browser.listeners import listener
from meterfarm.scrapers.clock import VisitClock, watch_heartbeat
from meterfarm.scrapers.guard import is_allowed, led_to
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.request_throttle import RequestThrottle
from meterfarm.scrapers.page.watch import Watch
from meterfarm.support.tasks import detached_task


@dataclass(frozen=True, slots=True)
class WindowRules:
    """What holds for all windows of a visit."""

    portal: str
    hosts: Sequence[str]
    note: Callable[..., None]
    clock: VisitClock
    throttle: RequestThrottle | None

    def allows(self, url: str) -> bool:
        """Whether an address is one of the portal's."""
        return is_allowed(url, self.hosts)

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Around what is done with a page: Playwright's errors become ours, and the visit's end ends it.

        Raises:
            Stop, BrowserGone: see ``boundaries.playwright_errors``.
        """
        with self.clock.scope(), playwright_errors(self.portal, doing, note=self.note):
            yield

    def blocked(self, host: str) -> Stop:
        """The end of a run that was led to a host which is not the portal's."""
        return Stop(
            Outcome.BLOCKED, f"{self.portal} led to {host}, a host that is not its own; not followed."
        )


class PageWindow:
    """Watched from when it is made.

    ``hangs`` is set when the page gives no sign of life. Of the last navigation, ``landed`` is the answer
    that brought the document shown, ``led_away`` the foreign host it led to, and ``downloaded`` the address
    of the file it led to instead of a page, "" for none. The browser keeps no file but those that
    ``takes_download`` wants.
    """

    def __init__(self, page: Page, rules: WindowRules, landed: Response | None = None) -> None:
        self.page = page
        self.rules = rules
        self.hangs = False
        self.downloaded = self.led_away = ""
        self.landed = landed
        self.takes_download: Callable[[Download], bool] | None = None
        self.watch = Watch(rules.portal, page.context, page, rules.allows, rules.clock)
        self._answered: Response | None = None
        page.on("requestfailed", listener(self._failed))
        page.on("download", self._downloads)
        page.on("response", listener(self._answers))
        page.on("framenavigated", self._lands)
        self._pulse = detached_task(watch_heartbeat(page, rules.clock, self._gives_no_sign))

    @property
    def shown(self) -> Page | None:
        """The page, if it has not closed or crashed."""
        return None if self.page.is_closed() else self.page

    @property
    def is_throttled(self) -> bool:
        """Whether requests may have to wait for our own limits."""
        return self.rules.throttle is not None

    def slot(self, cost: int = 1) -> AbstractAsyncContextManager[None]:
        """The rate limiter's slot of the navigation in the block, with ``cost - 1`` redirects."""
        throttle = self.rules.throttle
        return nullcontext() if throttle is None else throttle.ahead(cost)

    def expect_navigation(self) -> None:
        """Forget where the last navigation led."""
        self.led_away = self.downloaded = ""

    @contextmanager
    def boundary(self, doing: str) -> Iterator[None]:
        """As ``WindowRules.errors``, around what may lead to a foreign host or wait for the rate limiter.

        Raises:
            Stop: also ``blocked``, if it led to a foreign host.
            RateLimiterUnavailable: a request could not be sent.
        """
        try:
            with self.rules.errors(doing):
                yield
        except Stop as stop:
            if self.rules.throttle is not None and self.rules.throttle.lost is not None:
                raise self.rules.throttle.lost from stop
            if not self.led_away:
                raise
            raise self.rules.blocked(self.led_away) from stop

    def give_up(self) -> None:
        """Listen for signs of life no more."""
        self._pulse.cancel()

    async def close(self) -> None:
        """Close the window, with whatever its scripts do."""
        self.give_up()
        self.watch.reactions.stop()
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(self.rules.clock.timeouts.aside):
                await self.page.close()

    def _gives_no_sign(self) -> None:
        """The page's script does not yield: nothing that is asked of the page will be answered."""
        self.hangs = True
        self.rules.note("page.hangs")
        seconds = f"{self.rules.clock.timeouts.unresponsive:g}"
        self.rules.clock.end(
            Stop(
                Outcome.PORTAL_DOWN,
                f"{self.rules.portal}'s page has not answered for {seconds} seconds; try again later.",
            )
        )

    def _failed(self, request: Request) -> None:
        """Routes do not see redirects; the browser resolves no foreign host, and this says which it was."""
        if request.is_navigation_request() and not self.rules.allows(request.url):
            self.led_away = led_to(request.url, self.rules.hosts)

    async def _downloads(self, download: Download) -> None:
        self.downloaded = download.url
        if self.takes_download is not None and self.takes_download(download):
            return
        self.rules.note("download.refused", path=urlsplit(download.url).path)
        with suppress(PlaywrightError):
            await download.cancel()

    def _answers(self, response: Response) -> None:
        """Of a redirect chain the last answer is the one that counts."""
        request = response.request
        leads_on = 300 <= response.status < 400 and "location" in response.headers
        if request.is_navigation_request() and not leads_on and request.frame == self.page.main_frame:
            self._answered = response

    def _lands(self, frame: Frame) -> None:
        """``landed`` answers for the document that is shown: an answer without one, like a download, does
        not, and an address that a script changes is the same document's."""
        if frame.parent_frame is not None:
            return
        if self._answered is not None and is_same_document(self._answered.url, frame.url):
            self.landed = self._answered
        elif frame.url.startswith("about:"):
            self.landed = None


def is_same_document(url: str, other: str) -> bool:
    """Whether two addresses differ in what comes after ``#`` alone."""
    return url.partition("#")[0] == other.partition("#")[0]
