"""The aiohttp session that a library is given: each of its requests is one of the visit's own.

Hosts, limits, sizes, times, local names and proxies are ours, and what is sent is known before it goes out;
the library keeps its cookies and follows redirects itself. A session that it opens by itself on the same
connector is held just so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from email.utils import formatdate
from http.cookies import Morsel, SimpleCookie
from itertools import islice
from typing import Any, Self, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.cookies import from_browser, to_browser
from meterfarm.scrapers.http.exchange import HttpClient
from meterfarm.scrapers.http.json_answer import parsed
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.http.set_cookie import SESSION, read_set_cookie

Answering = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Gives the answer to a request as it is sent, its cookies among the headers; a redirect is one."""
_SET_COOKIE = "set-cookie"
_OF_CONNECTION = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "expect", "host"),
        *("keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that are of a connection, which is ours."""
_MOST_COOKIES = 500


class Exact(float):
    """A number of a JSON answer, with the digits that it was written in."""

    written: Decimal

    @classmethod
    def of(cls, written: Decimal) -> Self:
        """The nearest float, which knows the number itself."""
        found = cls(written)
        found.written = written
        return found


def exactly(number: float) -> Decimal:
    """The number as the portal wrote it; of one that was computed the shortest decimal that is it.

    Raises:
        ValueError: it is none that is finite.
    """
    found = number.written if isinstance(number, Exact) else Decimal(str(number))
    if not found.is_finite():
        raise ValueError("a number is not finite")
    return found


class WithItsCookies:
    """A ``Transport`` that sends a request with the cookies that it has, and keeps none.

    Those that an answer sets are in its header, a line each.
    """

    def __init__(self, client: HttpClient) -> None:
        self.changes = 0
        self._client = client

    async def send(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        """See ``Transport``."""
        headers = {name: value for name, value in request.headers.items() if name != "cookie"}
        sent = replace(request, headers=headers)
        answer, lines = await self._client.exchange(sent, request.headers.get("cookie", ""), limit)
        self.changes += bool(lines)
        return replace(answer, headers={**answer.headers, _SET_COOKIE: "\n".join(lines)})

    async def cookie_header(self, url: str) -> str:
        """The library's cookies are its own."""
        return ""

    async def storage_state(self) -> Any:
        """Likewise."""
        return {"cookies": [], "origins": []}


class LibraryConnector(aiohttp.BaseConnector):
    """Connections that lead nowhere but into ``answering``: one for each request, with the whole answer."""

    def __init__(self, answering: Answering) -> None:
        super().__init__(force_close=True, limit=0)
        self._answering = answering

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> ResponseHandler:
        body = await req.body.as_bytes() if req.body else b""
        headers = {name.lower(): value for name, value in req.headers.items()}
        sent = {name: value for name, value in headers.items() if name not in _OF_CONNECTION}
        answer = await self._answering(HttpRequest(req.url, req.method, sent, body))
        handler = ResponseHandler(asyncio.get_running_loop())
        handler.connection_made(cast("asyncio.Transport", _Nowhere()))
        handler.data_received(_written(answer))
        return handler


class _Nowhere(asyncio.Transport):
    """Takes what aiohttp writes: it has gone out already."""

    def __init__(self) -> None:
        super().__init__()
        self._closing = False

    def write(self, data: object) -> None:
        pass

    def writelines(self, list_of_data: Iterable[object]) -> None:
        pass

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def abort(self) -> None:
        self._closing = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def _written(answer: HttpResponse) -> bytes:
    """An answer as HTTP/1.1, its body unpacked."""
    given = ((name, value) for name, value in answer.headers.items() if name not in _OF_CONNECTION)
    fields = [
        (name, line)
        for name, value in given
        for line in (value.split("\n") if name == _SET_COOKIE else [value])
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields if value)
    framing = f"content-length: {len(answer.content)}\r\nconnection: close\r\n\r\n"
    start = f"HTTP/1.1 {answer.status} \r\n{head}{framing}"
    return start.encode("utf-8", "surrogateescape") + answer.content


class _ExactResponse(aiohttp.ClientResponse):
    async def json(self, **options: Any) -> Any:
        """As aiohttp's, with numbers that know how they were written.

        Raises:
            aiohttp.ContentTypeError: it is of another type, as a page is.
            NoJson: it cannot be read.
        """
        content = await self.read()
        if options.get("content_type", "application/json") and "json" not in self.content_type:
            raise aiohttp.ContentTypeError(
                self.request_info,
                self.history,
                status=self.status,
                message="it is of another type than JSON",
                headers=self.headers,
            )
        return _with_exact(parsed(content, self.headers.get("content-type", ""))) if content.strip() else None


def _with_exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return Exact.of(value)
    if isinstance(value, dict):
        return {name: _with_exact(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_exact(part) for part in value]
    return value


@dataclass(slots=True)
class LibrarySession:
    """A library's session, and its cookies as a browser's storage state has them."""

    session: aiohttp.ClientSession
    jar: aiohttp.CookieJar

    @classmethod
    def begin(cls, answering: Answering, kept: Iterable[Mapping[str, Any]]) -> Self:
        """One that knows the cookies ``kept``."""
        jar = aiohttp.CookieJar(quote_cookie=False)
        _fill(jar, kept)
        return cls(
            aiohttp.ClientSession(
                connector=LibraryConnector(answering),
                cookie_jar=jar,
                response_class=_ExactResponse,
                timeout=aiohttp.ClientTimeout(total=None),
                read_bufsize=2**30,
            ),
            jar,
        )

    async def close(self) -> None:
        """End it."""
        await self.session.close()

    def cookies(self) -> list[dict[str, Any]]:
        """Those that it keeps now."""
        return list(islice(_kept(self.jar), _MOST_COOKIES))


def _fill(jar: aiohttp.CookieJar, kept: Iterable[Mapping[str, Any]]) -> None:
    for one in kept:
        cookie = from_browser(one)
        if cookie is None:
            continue
        read: SimpleCookie = SimpleCookie()
        read[cookie.name] = cookie.value
        morsel = read[cookie.name]
        morsel["path"] = cookie.path
        if cookie.domain.startswith("."):
            morsel["domain"] = cookie.domain
        if cookie.secure:
            morsel["secure"] = True
        if cookie.expires != SESSION:
            morsel["expires"] = formatdate(cookie.expires, usegmt=True)
        jar.update_cookies([(cookie.name, morsel)], URL(f"https://{cookie.domain.removeprefix('.')}/"))


def _kept(jar: aiohttp.CookieJar) -> Iterator[dict[str, Any]]:
    now = time.time()
    for cookie in jar:
        host = str(cookie["domain"])
        written: Morsel[str] = cookie.copy()
        if (host, str(cookie["path"]), cookie.key) in jar.host_only_cookies:
            written["domain"] = ""
        read = read_set_cookie(written.OutputString(), f"https://{host}{cookie['path'] or '/'}", now)
        if read is not None:
            yield to_browser(read)
