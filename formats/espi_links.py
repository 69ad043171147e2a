"""Which ESPI resource belongs to which: by href, and else by order.

Real files point up (``up``), down (``related``) or both, to a resource or to the collection it lies in, with
or without a host.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote

_HOST = re.compile(r"^(?:\w+:)?//[^/]*")
_DOTS = re.compile(r"(?<![^/])\.{1,2}/")
_SLASHES = re.compile("/{2,}")
_MOST_RELATED = 1_000
_IN = {"UsagePoint": (), "MeterReading": ("UsagePoint",), "ReadingType": ()}


@dataclass(frozen=True, slots=True)
class Links:
    """An entry's title and hrefs, each a path without host and outer slashes; empty for a bare resource."""

    title: str = ""
    own: str = ""
    up: str = ""
    related: tuple[str, ...] = ()

    @property
    def hrefs(self) -> tuple[str, ...]:
        return (*self.related, self.up, self.own)

    def named(self, kind: str) -> str:
        """The id of the resource of a kind that an href names, or lies in; empty if none does."""
        for href in self.hrefs:
            found = _id(href, kind)
            if found:
                return found
        return ""


def path(href: str) -> str:
    """An href as the paths of one file can be compared."""
    plain = _HOST.sub("", href.strip()).partition("#")[0].partition("?")[0]
    plain = _SLASHES.sub("/", _DOTS.sub("", unquote(plain)))
    return plain.strip("/")


def with_link(links: Links, rel: str, href: str) -> Links:
    """``links`` and one more; of several ``self`` or ``up`` the last stands."""
    if rel == "self":
        return Links(links.title, path(href), links.up, links.related)
    if rel == "up":
        return Links(links.title, links.own, path(href), links.related)
    if rel == "related" and len(links.related) < _MOST_RELATED:
        return Links(links.title, links.own, links.up, (*links.related, path(href)))
    return links


class Linked(Protocol):
    """A resource with its links."""

    @property
    def links(self) -> Links: ...


T = TypeVar("T", bound=Linked)


class LinkIndex(Generic[T]):
    """The resources of one kind, with their places in the file's order, to be found from another resource.

    ``first_block`` is the place of the first readings: if resources of this kind only come after those, then
    each follows what it describes.
    """

    def __init__(self, kind: str, resources: Sequence[tuple[int, T]], first_block: int) -> None:
        self._kind = kind
        self._places: list[int] = [place for place, _ in resources]
        self._resources: list[T] = [resource for _, resource in resources]
        self._leading = bool(resources) and resources[0][0] < first_block
        self._by_href: dict[str, T | None] = {}
        self._by_tail: dict[str, T | None] = {}
        for resource in self._resources:
            links = resource.links
            for href in {links.up, *links.related}:
                _add(self._by_href, href, resource)  # a shared href tells nothing apart
            _add(self._by_tail, _tail(links.own, kind), resource)
        self._by_href |= {each.links.own: each for each in reversed(self._resources)}  # the first of twins

    def __iter__(self) -> Iterator[T]:
        return iter(self._resources)

    def names(self, href: str) -> bool:
        """Whether a resource is of this href, or has a link to it."""
        return href in self._by_href

    def linked(self, links: Links) -> T | None:
        """The resource that ``links`` lead to, or that leads to them."""
        for href in _candidates(links):
            found = self._by_href.get(href)
            if found is not None and not self._another(found, links):
                return found
        for href in links.hrefs:
            found = self._by_tail.get(_tail(href, self._kind))
            if found is not None:
                return found
        return None

    def nearest(self, place: int, links: Links) -> T | None:
        """By order: the last resource before ``place``, or else the first after it; never one of another id.

        Where resources follow what they describe, the first one after ``place``.
        """
        if not self._resources:
            return None
        following = bisect_left(self._places, place)
        if self._leading or following == len(self._places):
            following = max(0, following - 1)
        found = self._resources[following]
        return None if self._another(found, links) else found

    def _another(self, found: T, links: Links) -> bool:
        """Whether ``links`` name a resource of this kind, and not this one."""
        return any(
            _differ(links.named(kind), _id(found.links.own, kind)) for kind in {self._kind, *_IN[self._kind]}
        )


def _differ(one: str, other: str) -> bool:
    return bool(one and other) and one.lstrip("0") != other.lstrip("0")


def _add(index: dict[str, T | None], href: str, resource: T) -> None:
    if href:
        index[href] = None if href in index else resource


def _candidates(links: Links) -> Iterator[str]:
    """Hrefs that may name the other resource or what it lies in, the surest first."""
    yield from (href for href in links.related if href)
    for href in (links.up, links.own):
        while href:
            yield href
            href = href.rpartition("/")[0]


def _id(href: str, kind: str) -> str:
    """Of ``.../UsagePoint/7/MeterReading/1`` and the kind ``UsagePoint``: ``7``."""
    _, found, after = f"/{href}/".partition(f"/{kind}/")
    return after.partition("/")[0] if found else ""


def _tail(href: str, kind: str) -> str:
    """An href up to its resource of a kind, without what differs in front of it; empty if it names none."""
    found = _id(href, kind)
    if not found:
        return ""
    point = _id(href, "UsagePoint") if kind == "MeterReading" else ""
    return f"{point}/{found.lstrip('0')}"
