"""Which ESPI resource belongs to which: by href, and else by order.

Real files point up (``up``), down (``related``) or both, to a resource or to the collection it lies in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from formats.espi import Links, MeterReading, ReadingType, UsagePoint

T = TypeVar("T", bound=UsagePoint | MeterReading | ReadingType)


class LinkIndex(Generic[T]):
    """The resources of one kind, with their places in the file's order, to be found from another resource."""

    def __init__(self, resources: Sequence[tuple[int, T]]) -> None:
        self._places: list[int] = [place for place, _ in resources]
        self._resources: list[T] = [resource for _, resource in resources]
        self._by_href: dict[str, T | None] = {}
        for resource in self._resources:
            for href in {resource.links.up, *resource.links.related}:
                self._by_href[href] = (
                    None if href in self._by_href else resource
                )  # a shared href tells nothing apart
        self._by_href |= {each.links.own: each for each in reversed(self._resources)}  # the first of twins

    def __iter__(self) -> Iterator[T]:
        return iter(self._resources)

    def linked(self, links: Links) -> T | None:
        """The resource that ``links`` lead to, or that leads to them."""
        for href in _candidates(links):
            found = self._by_href.get(href) if href else None
            if found is not None:
                return found
        return None

    def nearest(self, place: int) -> T | None:
        """The last resource before ``place``, or else the first after it."""
        if not self._resources:
            return None
        return self._resources[max(0, bisect_left(self._places, place) - 1)]


def _candidates(links: Links) -> tuple[str, ...]:
    """Hrefs that may name the other resource or its collection, the surest first."""
    return (
        *links.related,
        links.up,
        _parent(links.up),
        links.own,
        _parent(links.own),
        _parent(_parent(links.own)),
    )


def _parent(href: str) -> str:
    return href.rpartition("/")[0]
