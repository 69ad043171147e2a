"""Between the network and the app: which proxy is believed, what is answered unencrypted, what browsers do.

API keys, codes and links are secrets. By plain http they are answered on this machine alone, and there under
its own name alone: else a page in somebody's browser could ask by a name of its own that leads here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from meterfarm.api.errors import ApiError
from meterfarm.scrapers.guard import is_loopback

MOST_BODY = 33 * 1024 * 1024
"""Bytes of any request's body: the largest upload and its form. Most routes take far less."""
_HEALTH = ("/healthz", "/readyz")
_OPEN = (*_HEALTH, "/openapi.json", "/docs", "/static-offline-docs")
"""What has no secret in it, and whatever is below."""
_FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded")
_ARRIVAL = "meterfarm.arrival"
_LOCAL, _BY_PROXY, _ABROAD = "local", "by proxy", "abroad"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""Of an HTML page that has none of its own. What `/docs` runs is in the page itself."""
_HSTS = "max-age=31536000"


class Arrivals:
    """Believes ``X-Forwarded-For``, ``-Proto`` and ``-Host`` of ``proxies``, and removes those of others.

    The outermost layer: all that is inside sees the client's address, the scheme and the host that it used.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._believing = ProxyHeadersMiddleware(cast("Any", app), trusted_hosts=list(proxies))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = (scope.get("client") or ("",))[0]
        given = {name: value for name, value in scope["headers"] if name in _FORWARDED}
        if not given:
            how = _LOCAL if is_loopback(peer) else _ABROAD
            await self._app({**scope, _ARRIVAL: how}, receive, send)
        elif peer in self._believing.trusted_hosts:
            headers = _with_host(scope["headers"], given.get(b"x-forwarded-host", b""))
            scope = {**scope, "headers": headers, _ARRIVAL: _BY_PROXY}
            await self._believing(cast("Any", scope), cast("Any", receive), cast("Any", send))
        else:
            headers = [(name, value) for name, value in scope["headers"] if name not in _FORWARDED]
            await self._app({**scope, "headers": headers, _ARRIVAL: _ABROAD}, receive, send)


def _with_host(headers: Sequence[tuple[bytes, bytes]], host: bytes) -> list[tuple[bytes, bytes]]:
    """With the host that the proxy was asked for, if it says it; of several the nearest proxy's."""
    host = host.rpartition(b",")[2].strip()
    if not host:
        return list(headers)
    return [(b"host", host), *((name, value) for name, value in headers if name != b"host")]


class EdgeGuard:
    """Refuses what came unencrypted, under a foreign name or too large; adds headers that hold browsers."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._public_url = public_url
        parts = urlsplit(public_url)
        self._is_https = parts.scheme == "https"
        self._host = parts.hostname or ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kept = _Kept(scope["scheme"] == "https", self._is_https, send)
        error = self._refusal(scope)
        if error is not None:
            await error.response(self._public_url)(scope, receive, kept.send)
        else:
            await self._app(scope, _Bounded(receive).receive, kept.send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        headers = Headers(scope=scope)
        if not _is_below(scope["path"], _OPEN):
            host, arrival = _host_of(headers.get("host", "")), scope[_ARRIVAL]
            is_public = host == self._host
            if scope["scheme"] != "https" and (arrival != _LOCAL or (is_public and self._is_https)):
                return ApiError("https_required")
            if arrival != _BY_PROXY and not is_public and not _is_own_name(host):
                return ApiError("host_not_served", host=host)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > MOST_BODY:
            return _too_large()
        return None


def _is_below(path: str, paths: Sequence[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in paths)


def _host_of(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return "?"


def _is_own_name(host: str) -> bool:
    """Whether no foreign name server can lead it here: none, this machine's, or an address in figures."""
    if not host or is_loopback(host) or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _too_large() -> ApiError:
    return ApiError("request_too_large", most=f"{MOST_BODY // 1024 // 1024} MiB")


class _Bounded:
    """A request with a body that ends in an error where it is longer than any may be."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > MOST_BODY:
            raise _too_large()
        return message


class _Kept:
    """Sends an answer with what keeps browsers from doing harm with it."""

    def __init__(self, is_encrypted: bool, is_public_https: bool, send: Send) -> None:
        self._sends_hsts = is_encrypted and is_public_https
        self._is_secure = is_encrypted or is_public_https
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            is_page = headers.get("content-type", "").startswith("text/html")
            if is_page and "content-security-policy" not in headers:
                _add(headers, _PAGE_HEADERS)
            if self._sends_hsts:
                headers["Strict-Transport-Security"] = _HSTS
            message["headers"] = [(name, self._cookie(name, value)) for name, value in message["headers"]]
        await self._send(message)

    def _cookie(self, name: bytes, value: bytes) -> bytes:
        """A cookie of ours is never for scripts, other sites or, where there is https, for http."""
        if name.lower() != b"set-cookie":
            return value
        known = {part.partition(b"=")[0].strip().lower() for part in value.split(b";")[1:]}
        wanted = {b"httponly": b"HttpOnly", b"samesite": b"SameSite=Lax"}
        if self._is_secure:
            wanted[b"secure"] = b"Secure"
        return b"; ".join([value, *(text for word, text in wanted.items() if word not in known)])


def _add(headers: MutableHeaders, more: Mapping[str, str]) -> None:
    for name, value in more.items():
        headers.setdefault(name, value)
