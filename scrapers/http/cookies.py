"""A saved session's cookies, sent and kept without a browser as Chromium would (RFC 6265bis, 5.7 and 5.8)."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from meterfarm.scrapers.guard import host_of
from meterfarm.scrapers.http.set_cookie import (
    LONGEST_ATTRIBUTE,
    LONGEST_LIFE,
    SESSION,
    Cookie,
    is_address,
    is_trusted,
    read_set_cookie,
)

_MOST_OF_A_DOMAIN = 180
"""As in Chromium: a portal that sets more loses its oldest."""
_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")
_SAME_SITE = frozenset({"Strict", "Lax", "None"})


class Cookies:
    """The cookies of one visit. On this machine's own addresses Secure ones go over plain HTTP too.

    ``changes`` is how often an answer changed one.
    """

    def __init__(self, kept: Iterable[Mapping[str, Any]]) -> None:
        self.changes = 0
        self._jar: dict[tuple[str, str, str, str, bool], Cookie] = {}
        for cookie in kept:
            if (read := from_browser(cookie)) is not None:
                self._jar[read.key] = read

    def header(self, url: str) -> str:
        """The Cookie header of a request there; "" if there is none. Longer paths come first, then older."""
        host, path, trusted = host_of(url), urlsplit(url).path or "/", is_trusted(url)
        sent = [
            cookie
            for cookie in self._fresh()
            if (trusted or not cookie.secure)
            and _is_for(cookie.domain, host)
            and _is_below(cookie.path, path)
            and _is_of_site(cookie, host)
        ]
        sent.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in sent)

    def take(self, url: str, set_cookies: Iterable[str]) -> None:
        """Keep what an answer from there sets; a line that cannot be read sets nothing, and the others do."""
        for line in set_cookies:
            now = time.time()
            cookie = read_set_cookie(line, url, now)
            if cookie is None or (not is_trusted(url) and self._hides_secure(cookie)):
                continue
            old = self._jar.get(cookie.key)
            self.changes += old != cookie
            if old is not None and old.value != cookie.value:
                del self._jar[cookie.key]  # it counts as new
            self._jar[cookie.key] = cookie
            if SESSION < cookie.expires <= now:
                del self._jar[cookie.key]
            self._make_room(cookie.domain)

    def as_browser(self) -> list[dict[str, Any]]:
        """As Playwright's storage state has them."""
        return [to_browser(kept) for cookie in self._fresh() if (kept := _in_utf8(cookie)) is not None]

    def _fresh(self) -> list[Cookie]:
        now = time.time()
        return [cookie for cookie in self._jar.values() if not SESSION < cookie.expires <= now]

    def _hides_secure(self, new: Cookie) -> bool:
        """A Secure cookie is not replaced over plain HTTP (section 5.7, "leave secure cookies alone")."""
        return any(
            old.secure
            and old.name == new.name
            and (
                _is_for(old.domain, new.domain.removeprefix("."))
                or _is_for(new.domain, old.domain.removeprefix("."))
            )
            and _is_below(old.path, new.path)
            for old in self._jar.values()
        )

    def _make_room(self, domain: str) -> None:
        its = [key for key, cookie in self._jar.items() if cookie.domain == domain]
        for key in its[: max(0, len(its) - _MOST_OF_A_DOMAIN)]:
            del self._jar[key]


def from_browser(kept: Mapping[str, Any]) -> Cookie | None:
    """A cookie of a storage state as a browser would take it back; None if none would.

    What was written otherwise by a former version, or elsewhere, is put right: `Unspecified` is no value of
    SameSite that Playwright knows, and no cookie lasts for ten thousand years.
    """
    texts = [kept.get(name) for name in ("name", "value", "domain")]
    path = kept.get("path", "/")
    name, value, domain = (text if isinstance(text, str) else None for text in texts)
    if name is None or value is None or not domain or not isinstance(path, str):
        return None
    same_site = str(kept.get("sameSite")).capitalize()
    cookie = Cookie(
        name=name,
        value=value,
        domain=f"[{domain}]" if ":" in domain and is_address(domain) and domain[0] != "[" else domain.lower(),
        path=path,
        expires=_expires(kept.get("expires")),
        http_only=bool(kept.get("httpOnly")),
        secure=bool(kept.get("secure")),
        same_site=same_site if same_site in _SAME_SITE else "Lax",
        partition=str(kept.get("partitionKey") or ""),
        is_embedded=bool(kept.get("_crHasCrossSiteAncestor")),
    )
    return cookie if cookie.is_valid and _is_placed(cookie) else None


def to_browser(cookie: Cookie) -> dict[str, Any]:
    """As Playwright's storage state has it."""
    in_part = {"partitionKey": cookie.partition, "_crHasCrossSiteAncestor": cookie.is_embedded}
    return {
        "name": cookie.name,
        "value": cookie.value,
        "domain": cookie.domain,
        "path": cookie.path,
        "expires": cookie.expires,
        "httpOnly": cookie.http_only,
        "secure": cookie.secure,
        "sameSite": cookie.same_site,
        **(in_part if cookie.partition else {}),
    }


def _is_placed(cookie: Cookie) -> bool:
    """Whether it is known where it goes: a state may have been written elsewhere."""
    return (
        bool(cookie.domain.removeprefix("."))
        and ".." not in cookie.domain
        and len(cookie.path) <= LONGEST_ATTRIBUTE
        and not re.search(r"[\x00-\x1f\x7f;]", cookie.path + cookie.domain)
        and (not cookie.partition or "://" in cookie.partition)
    )


def _in_utf8(cookie: Cookie) -> Cookie | None:
    """Without the bytes that are not UTF-8: so Playwright tells it, and in JSON there are none."""
    name, value, path = (_NOT_UTF8.sub("", text) for text in (cookie.name, cookie.value, cookie.path))
    kept = replace(cookie, name=name, value=value, path=path)
    return kept if kept.is_valid else None


def _expires(kept: object) -> float:
    """Numbers that are none, or lie before 1970, are of cookies that last as long as the session."""
    if isinstance(kept, bool) or not isinstance(kept, (int, float)) or not math.isfinite(kept) or kept < 0:
        return SESSION
    return min(float(kept), time.time() + LONGEST_LIFE)


def _is_for(domain: str, host: str) -> bool:
    """Section 5.1.3."""
    if not domain.startswith(".") or is_address(host):
        return domain.removeprefix(".").strip("[]") == host
    return host == domain[1:] or host.endswith(domain)


def _is_of_site(cookie: Cookie, host: str) -> bool:
    """A partitioned cookie is sent where it was set in a page of the same site, as those of a visit are."""
    site = host_of(cookie.partition)
    return not cookie.partition or (not cookie.is_embedded and (host == site or host.endswith(f".{site}")))


def _is_below(folder: str, path: str) -> bool:
    """Section 5.1.4."""
    return path == folder or (path.startswith(folder) and (folder.endswith("/") or path[len(folder)] == "/"))
