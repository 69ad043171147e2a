"""A client with the TLS and HTTP/2 hello of the browser that earned the cookies: curl-cffi, an extra.

Some portals compare the hello of a request with that of the sign-in, and let no other client go on. Redirects
and cookies are none of curl's: it sends one request, streams the answer, and stops where it is too large.
"""

from __future__ import annotations

import asyncio
import io
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from curl_cffi import AsyncCurl, BrowserType, Curl, CurlECode, CurlError, CurlOpt, ffi, lib

from meterfarm.scrapers.http.body import PAGE, Limit, TooLarge
from meterfarm.scrapers.http.exchange import LANGUAGE, LARGEST_REDIRECT, Fault, NoAnswer, header_value
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.support.local_hosts import NOTHING_LOCAL, LocalHosts

_VERSION = re.compile(r"Chrom(?:e|ium)/(\d+)")
_TARGET = re.compile(r"chrome(\d+)[a-z]?")
_STATUS = re.compile(rb"HTTP/[\d.]+ +(\d{3})")
_SIZE = re.compile("[0-9]{1,18}")
_ENCODINGS = "gzip, deflate, br, zstd"
_ABORT = 0xFFFFFFFF
"""What a callback of curl's answers to stop it (``CURL_WRITEFUNC_ERROR``)."""
_UNREACHABLE = frozenset(
    {
        *(CurlECode.COULDNT_RESOLVE_HOST, CurlECode.COULDNT_CONNECT, CurlECode.SSL_CONNECT_ERROR),
        *(CurlECode.PEER_FAILED_VERIFICATION, CurlECode.SSL_CERTPROBLEM, CurlECode.SSL_CACERT_BADFILE),
    }
)
_UNREADABLE = frozenset({CurlECode.BAD_CONTENT_ENCODING, CurlECode.WEIRD_SERVER_REPLY, CurlECode.HTTP2})


def target_for(user_agent: str) -> str:
    """The newest browser that can be impersonated and is not newer than this one; the oldest if all are."""
    targets = [str(target.value) for target in BrowserType]
    known = {int(found[1]): target for target in targets if (found := _TARGET.fullmatch(target))}
    version = _VERSION.search(user_agent)
    fitting = [number for number in known if version is None or number <= int(version[1])]
    return known[max(fitting, default=min(known))]


@dataclass(slots=True)
class _Taken:
    """What has come of an answer: the head's lines, and no more of the body than it may have."""

    url: str
    limit: Limit
    lines: list[bytes] = field(default_factory=list)
    begun: HttpResponse | None = None
    body: io.BytesIO = field(default_factory=io.BytesIO)
    excess: TooLarge | None = None
    is_enough: bool = False

    def head(self, line: bytes) -> int:
        """A line of a head; one that begins another head, as after ``100 Continue``, ends the last."""
        if _STATUS.match(line):
            self.lines.clear()
        self.lines.append(line)
        return len(line)

    def part(self, piece: bytes) -> int:
        """A piece of the body, unpacked."""
        answer = self.begun = self.begun or self.answer()
        if answer.status // 100 == 3 and self.body.tell() + len(piece) > LARGEST_REDIRECT:
            self.is_enough = True
            return _ABORT
        most, announced = PAGE if answer.is_page else self.limit, answer.headers.get("content-length", "")
        try:
            most.must_hold_announced(int(announced) if _SIZE.fullmatch(announced) else 0)
            most.must_hold(self.body.tell() + len(piece))
        except TooLarge as exc:
            self.excess = exc
            return _ABORT
        return self.body.write(piece)

    def answer(self) -> HttpResponse:
        """The head, as an answer without a body."""
        status = _STATUS.match(self.lines[0]) if self.lines else None
        headers = {name.lower(): header_value(name, value) for name, value in self._fields()}
        return HttpResponse(self.url, int(status[1]) if status else 0, headers, b"")

    def set_cookies(self) -> Sequence[str]:
        """The cookies that it sets, a line each."""
        return [value for name, value in self._fields() if name.lower() == "set-cookie"]

    def _fields(self) -> Sequence[tuple[str, str]]:
        texts = [line.decode("utf-8", "surrogateescape").strip() for line in self.lines[1:]]
        pairs = [text.partition(":") for text in texts if ":" in text]
        return [(name.strip(), value.strip()) for name, _, value in pairs]


class Impersonated:
    """A visit's own connections, in a browser's name and with its hello. Use ``async with``."""

    def __init__(self, user_agent: str, local_hosts: LocalHosts = NOTHING_LOCAL) -> None:
        self._user_agent = user_agent
        self._local = local_hosts
        self._target = target_for(user_agent)
        self._connections: AsyncCurl | None = None

    async def __aenter__(self) -> Self:
        self._connections = AsyncCurl()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connections is not None:
            await self._connections.close()

    async def exchange(
        self, request: HttpRequest, cookie: str, limit: Limit
    ) -> tuple[HttpResponse, Sequence[str]]:
        """See ``HttpClient``."""
        if self._connections is None:
            raise RuntimeError("the visit has not started")
        came = _Taken(str(request.url), limit)
        curl, kept = self._prepared(request, cookie, came)
        try:
            async with asyncio.timeout(limit.seconds):
                await self._performed(self._connections, curl)
        except TimeoutError as exc:
            fault = Fault.SLOW if came.lines else Fault.SILENT
            raise NoAnswer(fault, f"{limit.seconds:.0f} s") from exc
        except CurlError as exc:
            if came.excess is not None:
                raise NoAnswer(Fault.TOO_LARGE, str(came.excess)) from came.excess
            if not came.is_enough:
                raise NoAnswer(_fault(exc.code, has_head=bool(came.lines)), _name(exc.code)) from exc
        finally:
            curl.close()
            lib.curl_slist_free_all(kept)
        answer = came.answer()
        return answer.holding(b"" if came.is_enough else came.body.getvalue()), came.set_cookies()

    async def _performed(self, connections: AsyncCurl, curl: Curl) -> None:
        done = connections.add_handle(curl)
        try:
            await done
        except asyncio.CancelledError:
            connections.remove_handle(curl)
            raise

    def _prepared(self, request: HttpRequest, cookie: str, came: _Taken) -> tuple[Curl, object]:
        """A handle for one request, and what is to be freed after it."""
        curl, url = Curl(), request.url
        curl.impersonate(self._target, default_headers=False)
        curl.setopt(CurlOpt.URL, str(url))
        curl.setopt(CurlOpt.HTTPHEADER, self._headers(request, cookie))
        curl.setopt(CurlOpt.ACCEPT_ENCODING, _ENCODINGS)
        curl.setopt(CurlOpt.HEADERFUNCTION, came.head)
        curl.setopt(CurlOpt.WRITEFUNCTION, came.part)
        curl.setopt(CurlOpt.FOLLOWLOCATION, 0)
        curl.setopt(CurlOpt.PATH_AS_IS, 1)
        curl.setopt(CurlOpt.PROXY, "")  # nor one of the environment
        if request.method != "GET":
            curl.setopt(CurlOpt.CUSTOMREQUEST, request.method)
            curl.setopt(CurlOpt.POSTFIELDSIZE_LARGE, len(request.body))
            curl.setopt(CurlOpt.POSTFIELDS, request.body)
        target = self._local.target(url.raw_host or "", url.port or 0)
        trusted = self._local.authority if target is not None else None
        if authorities := trusted or ssl.get_default_verify_paths().cafile:
            curl.setopt(CurlOpt.CAINFO, str(authorities))  # else curl-cffi's own, by certifi
        if target is None:
            return curl, ffi.NULL
        address, port = target
        there = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        kept = lib.curl_slist_append(ffi.NULL, f"{url.raw_host}:{url.port}:{there}".encode())
        curl.setopt(CurlOpt.CONNECT_TO, kept)
        return curl, kept

    def _headers(self, request: HttpRequest, cookie: str) -> Sequence[bytes]:
        named = {"user-agent": self._user_agent, "accept": "*/*", "accept-language": LANGUAGE}
        sent = {**named, "content-type": "", **request.headers, "expect": ""}
        lines = [f"{name.title()}: {value}" if value else f"{name}:" for name, value in sent.items()]
        if cookie:
            lines.append(f"Cookie: {cookie}")
        return [line.encode("utf-8", "surrogateescape") for line in lines]


def _name(code: CurlECode | int) -> str:
    return code.name if isinstance(code, CurlECode) else str(code)


def _fault(code: CurlECode | int, *, has_head: bool) -> Fault:
    if code in _UNREADABLE:
        return Fault.UNREADABLE
    if has_head:
        return Fault.BROKEN_OFF
    return Fault.UNREACHABLE if code in _UNREACHABLE else Fault.CLOSED
