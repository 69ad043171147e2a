"""A saved session's cookies, sent and kept without a browser, as a browser would.

``http.cookiejar`` does the work. Its cookies and Playwright's storage state are turned into each other here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.request import Request

from scrapers.guard import host_of, is_loopback

_SESSION = -1
_NO_DOTS = ".local"
"""What ``http.cookiejar`` appends to a host name without dots."""


class _Response:
    """What ``http.cookiejar`` wants to see of a response."""

    def __init__(self, set_cookies: Iterable[str]) -> None:
        self._headers = Message()
        for value in set_cookies:
            self._headers["Set-Cookie"] = value

    def info(self) -> Message:
        return self._headers


class Cookies:
    """The cookies of one visit. On this machine's own addresses Secure ones go over plain HTTP too."""

    def __init__(self, base_url: str, kept: Iterable[Mapping[str, Any]]) -> None:
        trusted = ("http",) if is_loopback(host_of(base_url)) else ()
        policy = DefaultCookiePolicy(
            secure_protocols=("https", *trusted), strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain
        )
        self._jar = CookieJar(policy)
        for cookie in kept:
            self._jar.set_cookie(_from_browser(cookie))

    def header(self, url: str) -> str:
        """The Cookie header of a request there; "" if there is none."""
        request = Request(url)  # noqa: S310 - nothing is opened; the address was checked
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie", "") or ""

    def take(self, url: str, set_cookies: Iterable[str]) -> None:
        """Keep what an answer from there sets."""
        values = list(set_cookies)
        if values:
            response: Any = _Response(values)
            self._jar.extract_cookies(response, Request(url))  # noqa: S310 - as above

    def as_browser(self) -> list[dict[str, Any]]:
        """As Playwright's storage state has them."""
        self._jar.clear_expired_cookies()
        return [_to_browser(cookie) for cookie in self._jar]


def _from_browser(kept: Mapping[str, Any]) -> Cookie:
    domain = str(kept["domain"])
    expires = kept.get("expires", _SESSION)
    rest = {"SameSite": kept["sameSite"]} if kept.get("sameSite") else {}
    return Cookie(
        version=0,
        name=kept["name"],
        value=kept["value"],
        port=None,
        port_specified=False,
        domain=domain if "." in domain or ":" in domain else domain + _NO_DOTS,
        domain_specified=domain.startswith("."),
        domain_initial_dot=domain.startswith("."),
        path=kept.get("path", "/"),
        path_specified=True,
        secure=bool(kept.get("secure")),
        expires=None if expires == _SESSION else int(expires),
        discard=expires == _SESSION,
        comment=None,
        comment_url=None,
        rest=rest | ({"HttpOnly": ""} if kept.get("httpOnly") else {}),
    )


def _to_browser(cookie: Cookie) -> dict[str, Any]:
    said = {
        name.casefold(): cookie.get_nonstandard_attr(name)
        for name in ("HttpOnly", "httponly", "SameSite", "samesite")
        if cookie.has_nonstandard_attr(name)
    }
    return {
        "name": cookie.name,
        "value": cookie.value or "",
        "domain": cookie.domain.removesuffix(_NO_DOTS),
        "path": cookie.path,
        "expires": _SESSION if cookie.expires is None else max(cookie.expires, int(time.time())),
        "httpOnly": "httponly" in said,
        "secure": cookie.secure,
        "sameSite": (said.get("samesite") or "Lax").capitalize(),
    }
