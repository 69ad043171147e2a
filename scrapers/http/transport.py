"""How a visit's requests go out: with the cookies of the open page's context, or with a saved session's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from playwright.async_api import BrowserContext
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.browser.listeners import listener
from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.cookies import Cookies
from meterfarm.scrapers.http.exchange import HttpClient
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.state import PortalSession

if TYPE_CHECKING:
    from playwright._impl._api_structures import SetCookieParam

_KNOWN_SECONDS = 0.2
"""For so long a script of a page may change cookies unnoticed."""


class Transport(Protocol):
    """Sends requests with a visit's cookies, and keeps the cookies that come back."""

    @property
    def changes(self) -> int:
        """How often what came back may have changed a cookie."""

    async def send(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        """One exchange; a redirect is an answer. A page is never taken for larger than a page may be.

        Raises:
            NoAnswer, playwright.async_api.Error: none came.
        """

    async def cookie_header(self, url: str) -> str:
        """The cookies of a request there, as they would be sent now."""

    async def storage_state(self) -> Any:
        """Cookies and local storage, as Playwright saves them."""


class _ContextCookies:
    """The cookies of a page's context.

    To ask the browser costs milliseconds of processor, so requests that go side by side ask it once: until an
    answer comes to a page or we change a cookie, or for a moment.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._asking = asyncio.Lock()
        self._kept: Sequence[Any] = ()
        self._version, self._known_version, self._known_until = 0, -1, 0.0
        context.on("response", listener(self.changed))

    def changed(self, *_: object) -> None:
        """They may be others now."""
        self._version += 1

    async def now(self, *, is_alone: bool) -> Sequence[Any]:
        """As Playwright gives them; who ``is_alone`` asks the browser."""
        if is_alone:
            self.changed()
        async with self._asking:
            if self._known_version != self._version or time.monotonic() > self._known_until:
                version, at = self._version, time.monotonic()
                self._kept = await self._context.cookies()
                self._known_version, self._known_until = version, at + _KNOWN_SECONDS
            return self._kept


class InBrowser:
    """With the cookies of an open page's context, where those that come back are kept too."""

    def __init__(self, context: BrowserContext, exchange: HttpClient) -> None:
        self._context = context
        self._cookies = _ContextCookies(context)
        self._exchange = exchange
        self._under_way = 0
        self.changes = 0

    async def send(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        """See ``Transport``."""
        self._under_way += 1
        try:
            return await self._send(request, limit)
        finally:
            self._under_way -= 1

    async def _send(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        url = str(request.url)
        kept = await self._cookies.now(is_alone=self._under_way == 1)
        answer, lines = await self._exchange.exchange(request, Cookies(kept).header(url), limit)
        if lines:
            try:
                await self._keep(url, kept, lines)
            finally:
                self.changes += 1
                self._cookies.changed()
        return answer

    async def _keep(self, url: str, kept: Sequence[Any], lines: Sequence[str]) -> None:
        """Only what this answer sets or removes: the page and other requests change the others meanwhile."""
        came, left = Cookies(()), Cookies(kept)
        came.take(url, lines)
        left.take(url, lines)
        still = {_place(cookie) for cookie in left.as_browser()}
        for cookie in Cookies(kept).as_browser():
            if _place(cookie) not in still:
                name, domain, path = _place(cookie)
                await self._context.clear_cookies(name=name, domain=domain, path=path)
        for cookie in came.as_browser():
            if _place(cookie) in still:
                with suppress(PlaywrightError):  # a browser may refuse one, and keeps the others
                    await self._context.add_cookies([cast("SetCookieParam", cookie)])

    async def cookie_header(self, url: str) -> str:
        """See ``Transport``."""
        return Cookies(await self._cookies.now(is_alone=True)).header(url)

    async def storage_state(self) -> Any:
        """See ``Transport``."""
        return await self._context.storage_state()


def _place(cookie: Any) -> tuple[str, str, str]:
    return cookie["name"], cookie["domain"], cookie["path"]


class WithoutBrowser:
    """From a saved session, by itself."""

    def __init__(self, session: PortalSession, exchange: HttpClient) -> None:
        self._exchange = exchange
        self._cookies = Cookies(session.storage_state.get("cookies", ()))
        self._origins = session.storage_state.get("origins", [])

    async def send(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        """See ``Transport``."""
        url = str(request.url)
        answer, lines = await self._exchange.exchange(request, self._cookies.header(url), limit)
        self._cookies.take(url, lines)
        return answer

    @property
    def changes(self) -> int:
        """See ``Transport``."""
        return self._cookies.changes

    async def cookie_header(self, url: str) -> str:
        """See ``Transport``."""
        return self._cookies.header(url)

    async def storage_state(self) -> Any:
        """See ``Transport``."""
        return {"cookies": self._cookies.as_browser(), "origins": self._origins}
