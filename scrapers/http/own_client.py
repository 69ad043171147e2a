"""Our own client: it streams, takes what browsers take of an answer's head, and knows the local host names.

Playwright's request context can neither stream nor be limited: it holds each body in its driver, and takes
fewer heads than a browser does.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from meterfarm.scrapers.http.body import PAGE, Limit, TooLarge, Unreadable, taken
from meterfarm.scrapers.http.exchange import LANGUAGE, LARGEST_REDIRECT, Fault, NoAnswer, header_value
from meterfarm.scrapers.http.heads import LARGEST, MOST_FIELDS, LenientConnector
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.resolver import LocalFirst
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.support.local_hosts import NOTHING_LOCAL, LocalHosts

_AT_A_TIME = 4 * 1024 * 1024
"""An export of a year is as much; in smaller pieces it costs twice the time."""

_RECEIVED = 1024 * 1024
"""What the kernel may hold of a connection: left alone, Linux holds up to 32 MiB of what nobody reads."""


class OwnClient:
    """A visit's own connections, in a browser's name. Use ``async with``."""

    def __init__(self, user_agent: str, local_hosts: LocalHosts = NOTHING_LOCAL) -> None:
        self._user_agent = user_agent
        self._local = local_hosts
        self._local_tls: ssl.SSLContext | None = None
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        named = {"User-Agent": self._user_agent} if self._user_agent else {}
        self._client = aiohttp.ClientSession(
            connector=LenientConnector(resolver=LocalFirst(self._local), socket_factory=_connecting),
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

    async def exchange(
        self, request: HttpRequest, cookie: str, limit: Limit
    ) -> tuple[HttpResponse, Sequence[str]]:
        """See ``HttpClient``."""
        if self._client is None:
            raise RuntimeError("the visit has not started")
        has_head = False
        try:
            async with self._client.request(
                request.method,
                request.url,
                headers={**request.headers, **({"Cookie": cookie} if cookie else {})},
                data=request.body or None,
                skip_auto_headers=("content-type",),
                ssl=self._tls(request.url),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=limit.seconds),
            ) as response:
                has_head = True
                headers = {
                    name.lower(): header_value(name, value) for name, value in response.headers.items()
                }
                answer = HttpResponse(str(request.url), response.status, headers, b"")
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


def _connecting(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    connecting = socket.socket(family, kind, protocol)
    connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED)
    return connecting


async def _body(response: aiohttp.ClientResponse, limit: Limit) -> bytes:
    """Of a redirect nothing is wanted but where it leads."""
    announced = response.content_length
    if response.status // 100 == 3 and (announced is None or announced > LARGEST_REDIRECT):
        response.close()
        return b""
    encoding = ",".join(response.headers.getall("Content-Encoding", ()))
    whole_at_once = announced is not None and announced <= limit.size
    pieces = _whole(response) if whole_at_once else response.content.iter_any()
    return await taken(pieces, encoding, announced, limit)


async def _whole(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """In a piece, of which the size is known: in many it takes longer."""
    yield await response.read()
