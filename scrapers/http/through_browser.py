"""A client that is the browser itself: for portals that let nobody else in, whatever they look at.

Each request is a navigation of a tab that shows nothing. Chromium's DevTools hold it before it is sent, where
it gets its method, headers, cookies and body. They hold the answer before the browser does anything with it:
the body is read there as it comes, and the navigation ends. So no document is made, no script runs, nothing
is downloaded, and a redirect is an answer.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.body import PAGE, Limit, TooLarge
from meterfarm.scrapers.http.exchange import LANGUAGE, LARGEST_REDIRECT, Fault, NoAnswer, header_value
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.response import HttpResponse

_PIECE = 4 * 1024 * 1024
_COOKIES_SECONDS = 2.0
_CLOSE_SECONDS = 10.0
_STAGES = {"patterns": [{"requestStage": stage} for stage in ("Request", "Response")]}
_LEFT_OUT = frozenset({"cookie", "referer", "upgrade-insecure-requests"})
"""What a navigation has by itself, and not what is asked for."""
_FAULTS: Mapping[str, Fault] = {
    "ERR_EMPTY_RESPONSE": Fault.CLOSED,
    "ERR_CONNECTION_CLOSED": Fault.CLOSED,
    "ERR_CONNECTION_RESET": Fault.CLOSED,
    "ERR_TIMED_OUT": Fault.SILENT,
    "ERR_CONTENT_DECODING_FAILED": Fault.UNREADABLE,
    "ERR_INVALID_HTTP_RESPONSE": Fault.UNREADABLE,
    "ERR_INVALID_CHUNKED_ENCODING": Fault.UNREADABLE,
    "ERR_RESPONSE_HEADERS_TOO_BIG": Fault.UNREADABLE,
}


class ThroughBrowser:
    """A visit's tabs, in a context of their own that begins with the first request. Use ``async with``."""

    def __init__(self, user_agent: str, chromium: Chromium, hosts: Sequence[str]) -> None:
        self._chromium = chromium
        self._hosts = hosts
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._context: BrowserContext | None = None
        self._idle: list[_Lane] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._open:
            if self._context is not None:
                with suppress(PlaywrightError, TimeoutError):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await self._context.close()

    async def exchange(
        self, request: HttpRequest, cookie: str, limit: Limit
    ) -> tuple[HttpResponse, Sequence[str]]:
        """See ``HttpClient``; what Playwright raises is raised too."""
        has_head = False
        try:
            async with asyncio.timeout(limit.seconds), self._lane() as lane:
                try:
                    return await lane.exchange(request, cookie, limit)
                finally:
                    has_head = lane.has_head
        except TimeoutError as exc:
            fault = Fault.SLOW if has_head else Fault.SILENT
            raise NoAnswer(fault, f"{limit.seconds:.0f} s") from exc
        except TooLarge as exc:
            raise NoAnswer(Fault.TOO_LARGE, str(exc)) from exc

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator[_Lane]:
        """A tab for one request; one that does not come to its end well is given up."""
        lane = self._idle.pop() if self._idle else await self._new_lane()
        try:
            yield lane
        except BaseException:
            await lane.close()
            raise
        self._idle.append(lane)

    async def _new_lane(self) -> _Lane:
        async with self._opening:
            if self._context is None:
                browser = await self._open.enter_async_context(self._chromium.borrowed())
                self._context = await self._new_context(browser)
        page = await self._context.new_page()
        return await _Lane(page, await self._context.new_cdp_session(page)).begun()

    async def _new_context(self, browser: Browser) -> BrowserContext:
        proxy = self._chromium.proxy(self._hosts)
        return await browser.new_context(locale=LANGUAGE, proxy=proxy, service_workers="block")


class _Lane:
    """One tab, which sends one request after the other. ``has_head`` tells whether an answer has begun."""

    def __init__(self, page: Page, devtools: CDPSession) -> None:
        self.has_head = False
        self._page = page
        self._devtools = devtools
        self._held: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._cookies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def begun(self) -> _Lane:
        """The same, ready."""
        self._devtools.on("Fetch.requestPaused", self._held.put_nowait)
        self._devtools.on("Network.responseReceivedExtraInfo", self._cookies.put_nowait)
        await self._devtools.send("Network.enable")
        await self._devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        await self._devtools.send("Fetch.enable", _STAGES)
        return self

    async def close(self) -> None:
        """Give it up, with what it is about."""
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._page.close()

    async def exchange(
        self, request: HttpRequest, cookie: str, limit: Limit
    ) -> tuple[HttpResponse, Sequence[str]]:
        self.has_head = False
        going = asyncio.ensure_future(self._devtools.send("Page.navigate", {"url": str(request.url)}))
        try:
            await self._sent(request, cookie, await self._next(going))
            came = await self._next(going)
            if "responseStatusCode" not in came:
                raise _no_answer(str(came.get("responseErrorReason", "")))
            self.has_head = True
            fields = [(one["name"], one["value"]) for one in came["responseHeaders"]]
            headers = {name.lower(): header_value(name, value) for name, value in fields}
            answer = HttpResponse(str(request.url), came["responseStatusCode"], headers, b"")
            content = await self._body(came["requestId"], answer, PAGE if answer.is_page else limit)
            set_cookies = await self._set_cookies(came.get("networkId", ""))
            await self._devtools.send(
                "Fetch.failRequest", {"requestId": came["requestId"], "errorReason": "Aborted"}
            )
            await going
        finally:
            going.cancel()
        return answer.holding(content), set_cookies

    async def _next(self, going: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
        """What is held next, unless the navigation ends before. Raises NoAnswer."""
        held = asyncio.ensure_future(self._held.get())
        try:
            await asyncio.wait({held, going}, return_when=asyncio.FIRST_COMPLETED)
            if held.done():
                return held.result()
        finally:
            held.cancel()
        raise _no_answer(str(going.result().get("errorText", "")))

    async def _sent(self, request: HttpRequest, cookie: str, held: Mapping[str, Any]) -> None:
        own = {name.lower(): value for name, value in held["request"]["headers"].items()}
        headers = {
            **{name: value for name, value in own.items() if name not in _LEFT_OUT},
            "accept": "*/*",
            "accept-language": LANGUAGE,
            **request.headers,
            **({"cookie": cookie} if cookie else {}),
        }
        body = {"postData": base64.b64encode(request.body).decode()} if request.body else {}
        await self._devtools.send(
            "Fetch.continueRequest",
            {
                "requestId": held["requestId"],
                "method": request.method,
                "headers": [{"name": name, "value": value} for name, value in headers.items()],
                **body,
            },
        )

    async def _body(self, held: str, answer: HttpResponse, limit: Limit) -> bytes:
        announced = answer.headers.get("content-length", "")
        size = int(announced) if announced.isascii() and announced.isdigit() else 0
        if answer.status // 100 == 3:
            limit, size = Limit("a redirect", LARGEST_REDIRECT), 0
            if answer.headers.get("location"):
                return b""
        limit.must_hold_announced(size)
        whole = io.BytesIO()
        taken = await self._devtools.send("Fetch.takeResponseBodyAsStream", {"requestId": held})
        while True:
            piece = await self._devtools.send("IO.read", {"handle": taken["stream"], "size": _PIECE})
            data = piece["data"]
            part = base64.b64decode(data) if piece.get("base64Encoded") else data.encode()
            limit.must_hold(whole.tell() + len(part))
            whole.write(part)
            if piece["eof"]:
                break
        await self._devtools.send("IO.close", {"handle": taken["stream"]})
        if whole.tell() < size and "content-encoding" not in answer.headers:
            raise NoAnswer(Fault.BROKEN_OFF)
        return whole.getvalue()

    async def _set_cookies(self, network_id: str) -> Sequence[str]:
        """What the answer sets; that comes apart from it, also before it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_COOKIES_SECONDS):
                while True:
                    event = await self._cookies.get()
                    if event["requestId"] == network_id:
                        break
            values = [value for name, value in event["headers"].items() if name.lower() == "set-cookie"]
            if values:  # the browser keeps none: those of the visit are sent with each request
                await self._devtools.send("Network.clearBrowserCookies")
            return [line for value in values for line in value.split("\n")]
        return ()


def _no_answer(error: str) -> NoAnswer:
    name = error.removeprefix("net::")
    return NoAnswer(_FAULTS.get(name, Fault.UNREACHABLE), name)
