"""Hrefs of an ESPI file, so that they can be compared: host, path and query.

Real files have them absolute or not, with a host in some entries and none in others, with a slash at the end
or doubled, and with a query for the format. A host or a query distinguishes two links only where both have
one.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urljoin

_HOST = re.compile(r"(?:([A-Za-z][\w+.-]*):)?//([^/?#]*)")
_USUAL_PORT = re.compile(r":(?:443|80)?$")
_SLASHES = re.compile("/{2,}")
_OUTER = 2
"""Segments of what a resource lies in: a noun and an id."""


class Href(NamedTuple):
    """``path`` has no outer slashes and is not quoted; all are empty where there is no link."""

    host: str = ""
    path: str = ""
    query: str = ""

    @property
    def parent(self) -> Href:
        """The collection or resource that it lies in; without a path at the end."""
        return Href(self.host, self.path.rpartition("/")[0])

    def may_be(self, other: Href) -> bool:
        """Whether nothing that both say differs."""
        return (
            self.path == other.path
            and (self.host == other.host or not self.host or not other.host)
            and (self.query == other.query or not self.query or not other.query)
        )

    def within(self, kind: str) -> Href:
        """The resource of a kind that it is, or lies in, as ``/UsagePoint/7`` of ``/UsagePoint/7/a``."""
        before, found, after = f"/{self.path}/".partition(f"/{kind}/")
        if not found or after in ("", "/"):
            return NOWHERE
        name, _, rest = after.partition("/")
        path = f"{before}/{kind}/{name}".lstrip("/")
        return Href(self.host, path, "" if rest else self.query) if name else NOWHERE

    def id(self, kind: str) -> str:
        """The id of the resource of a kind that it is or lies in, empty if there is none."""
        return self.within(kind).path.rpartition("/")[2]

    def outside(self, kind: str) -> tuple[str, ...]:
        """The last segments before a kind, as ``RetailCustomer`` and ``9``; fewer if there are fewer."""
        before = f"/{self.path}/".partition(f"/{kind}/")[0]
        return tuple(filter(None, before.split("/")))[-_OUTER:]

    def __str__(self) -> str:
        host = f"//{self.host}" if self.host else ""
        return f"{host}/{self.path}{'?' if self.query else ''}{self.query}"


NOWHERE = Href()


def href(text: str, base: str = "") -> Href:
    """A link's address, against ``base`` (``xml:base``) if there is one."""
    text = text.strip()
    if base:
        text = joined(base, text)
    plain, _, fragment = text.partition("#")
    found = _HOST.match(plain)
    host = _USUAL_PORT.sub("", found[2].rpartition("@")[2].lower()) if found else ""
    path, _, query = (plain[found.end() :] if found else plain).partition("?")
    if not path and not query and not host:
        return Href("", f"#{fragment}" if fragment else "")
    if "%" in path:
        path = unquote(path.replace("%2F", "%252F").replace("%2f", "%252F"))
    if "//" in path:
        path = _SLASHES.sub("/", path)
    if "./" in path or path.endswith("."):
        path = _without_dots(path)
    return Href(host, path.strip("/"), query)


def joined(base: str, text: str) -> str:
    """``text`` against ``base``; ``text`` itself if that makes no sense."""
    try:
        return urljoin(base, text)
    except ValueError:
        return text


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)
