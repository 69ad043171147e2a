"""How a request goes out: with the cookies of the browser page that is open, or with a saved session's.

Both go by aiohttp, for Playwright's request context can neither stream nor be limited: it holds each body in
its driver, and takes fewer heads than a browser does.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import aiohttp
from playwright.async_api import BrowserContext
from playwright.async_api import Error as PlaywrightError
from yarl import URL

from meterfarm.scrapers.http.body import PAGE, Limit, TooLarge, Unreadable, taken
from meterfarm.scrapers.http.cookies import Cookies
from meterfarm.scrapers.http.heads import LARGEST, MOST_FIELDS, LenientConnector
from meterfarm.scrapers.http.resolver import LocalFirst
from meterfarm.scrapers.http.response import HttpResponse, readable
from meterfarm.scrapers.state import PortalSession
from meterfarm.support.local_hosts import NOTHING_LOCAL, LocalHosts

if TYPE_CHECKING:
    from playwright._impl._api_structures import SetCookieParam

LANGUAGE = "en-US"
"""What a browser page and a request without one say alike."""
_AT_A_TIME = 4 * 1024 * 1024
"""An export of a year is as much; in smaller pieces it costs twice the time."""


_LARGEST_REDIRECT = 64 * 1024


class Fault(Enum):
    """What was the matter with an answer that did not come, or not whole."""

    UNREACHABLE = "could not be reached"
    CLOSED = "closed the connection without an answer"
    SILENT = "did not answer in time"
    SLOW = "did not send all in time"
    BROKEN_OFF = "broke off"
    UNREADABLE = "sends what cannot be read"
    TOO_LARGE = "sends too much"

    @property
    def is_no_answer(self) -> bool:
        """Whether nothing came at all; else the portal is there, and this one answer is at fault."""
        return self in {Fault.UNREACHABLE, Fault.CLOSED, Fault.SILENT}

    @property
    def may_pass(self) -> bool:
        """Whether the same request may go well a moment later."""
        return self in {Fault.UNREACHABLE, Fault.CLOSED, Fault.BROKEN_OFF}


class NoAnswer(Exception):
    """No answer came, or not all of it. ``detail`` says more, in words that stand in brackets."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.value} ({detail})" if detail else fault.value)
        self.fault = fault
        self.detail = detail


class Transport(Protocol):
    """Sends GET requests with a visit's cookies, and keeps the cookies that come back."""

    async def get(self, url: URL, limit: Limit) -> HttpResponse:
        """One exchange; a redirect is an answer. A page is never taken for larger than a page may be.

        Raises:
            NoAnswer, playwright.async_api.Error: none came.
        """

    async def storage_state(self) -> Any:
        """Cookies and local storage, as Playwright saves them."""


class _Connections:
    """A visit's own, in a browser's name. Use ``async with``."""

    def __init__(self, user_agent: str, local_hosts: LocalHosts) -> None:
        self._user_agent = user_agent
        self._local = local_hosts
        self._local_tls: ssl.SSLContext | None = None
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        named = {"User-Agent": self._user_agent} if self._user_agent else {}
        self._client = aiohttp.ClientSession(
            connector=LenientConnector(resolver=LocalFirst(self._local)),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Language": LANGUAGE, "Accept-Encoding": "gzip, deflate", **named},
            auto_decompress=False,
            read_bufsize=_AT_A_TIME,
            max_line_size=LARGEST,
            max_field_size=LARGEST,
            max_headers=MOST_FIELDS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def exchange(self, url: URL, cookie: str, limit: Limit) -> tuple[HttpResponse, Sequence[str]]:
        """The answer, and the cookies that it sets."""
        if self._client is None:
            raise RuntimeError("the visit has not started")
        has_head = False
        try:
            async with self._client.get(
                url,
                headers={"Cookie": cookie} if cookie else None,
                ssl=self._tls(url),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=limit.seconds),
            ) as response:
                has_head = True
                headers = {name.lower(): _told(name, value) for name, value in response.headers.items()}
                answer = HttpResponse(str(url), response.status, headers, b"")
                content = await _body(response, PAGE if answer.is_page else limit)
        except TimeoutError as exc:
            raise NoAnswer(Fault.SLOW if has_head else Fault.SILENT, f"{limit.seconds:.0f} s") from exc
        except TooLarge as exc:
            raise NoAnswer(Fault.TOO_LARGE, str(exc)) from exc
        except (Unreadable, aiohttp.ClientResponseError) as exc:
            raise NoAnswer(Fault.UNREADABLE, str(exc) if isinstance(exc, Unreadable) else "") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            if has_head or isinstance(exc, aiohttp.ClientPayloadError):
                raise NoAnswer(Fault.BROKEN_OFF) from exc
            if isinstance(exc, (aiohttp.ServerDisconnectedError, ConnectionResetError)):
                raise NoAnswer(Fault.CLOSED) from exc
            raise NoAnswer(Fault.UNREACHABLE, type(exc).__name__) from exc
        return answer.holding(content), response.headers.getall("Set-Cookie", ())

    def _tls(self, url: URL) -> ssl.SSLContext | bool:
        """What the connection is verified by."""
        if self._local.target(url.raw_host or "", url.port or 0) is None:
            return True
        self._local_tls = self._local_tls or self._local.tls()
        return self._local_tls


def _told(name: str, value: str) -> str:
    """A header's value; of an address its very bytes are sent back."""
    return value if name.lower() == "location" else readable(value)


async def _body(response: aiohttp.ClientResponse, limit: Limit) -> bytes:
    """Of a redirect nothing is wanted but where it leads."""
    announced = response.content_length
    if response.status // 100 == 3 and (announced is None or announced > _LARGEST_REDIRECT):
        response.close()
        return b""
    encoding = ",".join(response.headers.getall("Content-Encoding", ()))
    whole_at_once = announced is not None and announced <= limit.size
    pieces = _whole(response) if whole_at_once else response.content.iter_any()
    return await taken(pieces, encoding, announced, limit)


async def _whole(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """In a piece, of which the size is known: in many it takes longer."""
    yield await response.read()


class InBrowser(_Connections):
    """With the cookies of an open page's context, where those that come back are kept too."""

    def __init__(
        self, context: BrowserContext, user_agent: str, local_hosts: LocalHosts = NOTHING_LOCAL
    ) -> None:
        super().__init__(user_agent, local_hosts)
        self._context = context

    async def get(self, url: URL, limit: Limit) -> HttpResponse:
        """See ``Transport``."""
        kept: Sequence[Any] = await self._context.cookies()
        answer, lines = await self.exchange(url, Cookies(kept).header(str(url)), limit)
        if lines:
            await self._keep(str(url), kept, lines)
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

    async def storage_state(self) -> Any:
        """See ``Transport``."""
        return await self._context.storage_state()


def _place(cookie: Any) -> tuple[str, str, str]:
    return cookie["name"], cookie["domain"], cookie["path"]


class WithoutBrowser(_Connections):
    """From a saved session, by itself."""

    def __init__(self, session: PortalSession, local_hosts: LocalHosts = NOTHING_LOCAL) -> None:
        super().__init__(session.user_agent, local_hosts)
        self._cookies = Cookies(session.storage_state.get("cookies", ()))
        self._origins = session.storage_state.get("origins", [])

    async def get(self, url: URL, limit: Limit) -> HttpResponse:
        """See ``Transport``."""
        answer, lines = await self.exchange(url, self._cookies.header(str(url)), limit)
        self._cookies.take(str(url), lines)
        return answer

    def cookies(self) -> Any:
        """As Playwright saves them."""
        return self._cookies.as_browser()

    async def storage_state(self) -> Any:
        """See ``Transport``."""
        return {"cookies": self.cookies(), "origins": self._origins}
