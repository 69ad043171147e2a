"""A `Set-Cookie` line as Chromium reads it: draft-ietf-httpbis-rfc6265bis, sections 5.1 and 5.6.

Where the two differ, Chromium is followed: `tests/scrapers/test_cookies.py` asks both. Pure.
"""

from __future__ import annotations

import calendar
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from meterfarm.scrapers.guard import host_of, is_loopback

LONGEST_LIFE = 400 * 86_400
"""Seconds; browsers keep no cookie for longer (section 5.5)."""
SESSION = -1.0
"""``expires`` of a cookie that lasts as long as the session, as Playwright writes it."""
PAST = 0.0
LONGEST_ATTRIBUTE = 1024
"""Bytes, as of ``_LONGEST_PAIR`` (section 5.6)."""
_LONGEST_PAIR = 4096
_BLANK = " \t"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECONDS = re.compile(r"[+-]?[0-9]+")
_DATE_PARTS = re.compile(r"[^\t !\"#$%&'()*+,\-./;<=>?@\[\\\]^_`{|}~]+")
_CLOCK = re.compile(r"([0-9]+):([0-9]+):([0-9]+)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None"}
_REGISTRIES = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gov", "govt", "gv", "ne", "net", "or", "org"}
)
"""Second-level names below a country's under which others register. The public suffix list has far more; a
visit's cookies only go to its own portal's hosts, so that what is lacking here leaks to nobody."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """``domain`` has a leading dot if subdomains get it too; ``expires`` is in epoch seconds or SESSION."""

    name: str
    value: str = field(repr=False)
    domain: str
    path: str = "/"
    expires: float = SESSION
    http_only: bool = False
    secure: bool = False
    same_site: str = "Lax"
    partition: str = ""
    is_embedded: bool = False
    """Whether a partitioned cookie belongs to a frame of another site."""

    @property
    def key(self) -> tuple[str, str, str, str, bool]:
        """Of two cookies with the same one the newer takes the older's place."""
        return self.name, self.domain, self.path, self.partition, self.is_embedded

    @property
    def is_valid(self) -> bool:
        """Whether a browser would keep it (sections 4.1.3 and 5.7)."""
        return (
            _is_pair(self.name, self.value)
            and self.path.startswith("/")
            and (self.secure or (self.same_site != "None" and not self.partition))
            and _has_what_its_name_says(self)
        )


def read_set_cookie(line: str, url: str, now: float) -> Cookie | None:
    """The cookie that an answer from ``url`` sets, None where Chromium keeps none.

    One that is to be deleted expires in the past. ``now`` is in epoch seconds; bytes that are not UTF-8 are
    in ``line`` as ``surrogateescape`` decodes them.
    """
    (name, value), *rest = (_pair(part) for part in line.split(";"))
    if "=" not in line.partition(";")[0]:
        name, value = "", name
    attributes = _attributes(rest)
    domain = _domain(attributes.get("domain", ""), host_of(url))
    secure = "secure" in attributes
    if any(_CONTROL.search(text) for pair in rest for text in pair):
        return None
    if domain is None or (secure and not is_trusted(url)):
        return None
    cookie = Cookie(
        name=name,
        value=value,
        domain=domain,
        path=_path(attributes.get("path", ""), url),
        expires=_expires(attributes, now),
        http_only="httponly" in attributes,
        secure=secure,
        same_site=_SAME_SITE.get(attributes.get("samesite", "").lower(), "Lax"),
        partition=_site(url) if "partitioned" in attributes else "",
    )
    return cookie if cookie.is_valid else None


def is_trusted(url: str) -> bool:
    """Whether Secure cookies go there and come from there: encrypted, or on this machine."""
    host = host_of(url)
    return urlsplit(url).scheme.lower() == "https" or is_loopback(host) or host.endswith(".localhost")


def is_address(host: str) -> bool:
    """Whether it is an IP address, which has no subdomains."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def read_date(text: str) -> float | None:
    """A cookie's date in epoch seconds, by section 5.1.1; None if it is none."""
    day = month = year = clock = None
    for part in _DATE_PARTS.findall(text):
        if not "0" <= part[0] <= "9":
            if month is None and part[:3].lower() in _MONTHS:
                month = _MONTHS.index(part[:3].lower()) + 1
        elif ":" in part:
            found = _CLOCK.fullmatch(part)
            if clock is None and found:
                clock = tuple(map(int, found.groups()))
        elif not part.isascii() or not part.isdigit():
            continue
        elif day is None and len(part) <= 2:
            day = int(part)
        elif year is None and len(part) <= 5:
            year = int(part)
    if day is None or month is None or year is None or clock is None:
        return None
    year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    hour, minute, second = clock
    if (
        not 1 <= day <= calendar.monthrange(min(year, 9999), month)[1]
        or hour > 23
        or max(minute, second) > 59
    ):
        return None
    return float(calendar.timegm((min(year, 9999), month, day, hour, minute, second)))


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip(_BLANK), value.strip(_BLANK)


def _attributes(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Of those with the same name the last counts; one that is too long is none."""
    return {name.lower(): value for name, value in pairs if _size(value) <= LONGEST_ATTRIBUTE}


def _expires(attributes: Mapping[str, str], now: float) -> float:
    seconds = attributes.get("max-age", "")
    if _SECONDS.fullmatch(seconds):
        lasts = int(seconds)
        return now + min(lasts, LONGEST_LIFE) if lasts > 0 else PAST
    at = read_date(attributes.get("expires", ""))
    return SESSION if at is None else min(max(at, PAST), now + LONGEST_LIFE)


def _path(path: str, url: str) -> str:
    """Section 5.1.4: without one that begins with a slash, the folder of what was asked for."""
    return path if path.startswith("/") else urlsplit(url).path.rpartition("/")[0] or "/"


def _domain(domain: str, host: str) -> str | None:
    """As ``Cookie.domain``; None where ``host`` may not set cookies for that domain."""
    alone = f"[{host}]" if ":" in host else host
    if not domain:
        return alone
    named = domain.lower().removeprefix(".")
    if is_address(host) or is_registry(host):
        return alone if named == alone else None
    ends_it = host == named or host.endswith(f".{named}")
    return f".{named}" if named and ends_it and not is_registry(named) else None


def is_registry(host: str) -> bool:
    """Whether others register below it (com, co.uk), as far as ``_REGISTRIES`` says."""
    first, dot, last = host.partition(".")
    return not dot or (first in _REGISTRIES and len(last) == 2)


def _site(url: str) -> str:
    """The site that a partitioned cookie is kept for: the scheme and the domain that was registered."""
    host = host_of(url)
    labels = host.split(".")
    if not is_address(host):
        host = next(
            (".".join(labels[i:]) for i in range(len(labels)) if is_registry(".".join(labels[i + 1 :]))), host
        )
    return f"{urlsplit(url).scheme}://{host}"


def _is_pair(name: str, value: str) -> bool:
    both = name + value
    return (
        bool(both)
        and _size(both) <= _LONGEST_PAIR
        and not re.search(r"[\x00-\x1f\x7f;]", both)
        and "=" not in name
        and not (not name and "=" in value)
        and name == name.strip(_BLANK)
        and value == value.strip(_BLANK)
    )


def _has_what_its_name_says(cookie: Cookie) -> bool:
    name = (cookie.name or cookie.value).lower()
    if not name.startswith(("__secure-", "__host-", "__http-")):
        return True
    at_home = cookie.path == "/" and not cookie.domain.startswith(".")
    hidden = name.startswith(("__http-", "__host-http-"))
    return (
        bool(cookie.name)
        and cookie.secure
        and (at_home or not name.startswith("__host-"))
        and (cookie.http_only or not hidden)
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
