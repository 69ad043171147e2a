"""Which ESPI resource belongs to which: by href, and else by order.

Real files point up (``up``), down (``related``) or both, to a resource or to the collection it lies in. They
also have links that contradict each other, and several resources of one href; both come back as such.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Generic, Protocol, TypeVar

from meterfarm.formats.espi.href import NOWHERE, Href, href

_MOST_RELATED = 1_000
_IN = {"UsagePoint": (), "MeterReading": ("UsagePoint",), "ReadingType": ()}


@dataclass(frozen=True, slots=True)
class Links:
    """An entry's title and links; those that it has not are empty."""

    title: str = ""
    own: Href = NOWHERE
    up: Href = NOWHERE
    related: tuple[Href, ...] = ()
    also: tuple[tuple[str, Href], ...] = ()
    """Further ``self`` and ``up`` links that differ, with their ``rel``."""

    @property
    def hrefs(self) -> tuple[Href, ...]:
        """Own, up and related links."""
        return (self.own, self.up, *self.related)

    def by_rel(self) -> Iterator[tuple[str, Href]]:
        """The links there are, in the order in which they are believed."""
        yield from (("related", each) for each in self.related)
        yield from (("self", self.own), ("up", self.up), *self.also)


@dataclass(slots=True)
class EntryLinks:
    """Title and links of an entry that is being read; of several ``self`` or ``up`` links the last stands."""

    title: str = ""
    own: Href = NOWHERE
    up: Href = NOWHERE
    related: list[Href] = field(default_factory=list)
    also: list[tuple[str, Href]] = field(default_factory=list)

    def add(self, rel: str, text: str, base: str = "") -> None:
        """A further link, to ``text``."""
        if rel not in ("self", "up", "related"):
            return
        found = href(text, base)
        if rel == "related":
            self.related += [found] if _room(self.related) else []
            return
        before = self.own if rel == "self" else self.up
        if before not in (NOWHERE, found) and _room(self.also):
            self.also.append((rel, before))
        if rel == "self":
            self.own = found
        else:
            self.up = found

    def links(self) -> Links:
        """What there is by now."""
        return Links(self.title, self.own, self.up, tuple(self.related), tuple(self.also))


def _room(links: Sequence[object]) -> bool:
    return len(links) < _MOST_RELATED


class Linked(Protocol):
    """A resource with its links. Two of one href and one ``content`` are the same."""

    @property
    def links(self) -> Links:
        """Its entry's links."""

    @property
    def content(self) -> Hashable:
        """What makes it the same as another of its href."""


T = TypeVar("T", bound=Linked)


@dataclass(frozen=True, slots=True)
class FoundLink(Generic[T]):
    """What links lead to: nothing, a resource, or several that share an href (twins)."""

    resources: tuple[T, ...] = ()
    conflict: str = ""
    """A clause, if the links contradict each other."""


@dataclass(slots=True)
class _Shared(Generic[T]):
    """The resources of one path, in order, with their places."""

    places: list[int] = field(default_factory=list)
    resources: list[T] = field(default_factory=list)


class LinkIndex(Generic[T]):
    """The resources of one kind, with their places in the file's order, to be found from another resource.

    ``first_block`` is the place of the first readings: if resources of this kind only come after those, then
    each follows what it describes. ``repeated`` are those that a file has twice, word for word.
    """

    def __init__(self, kind: str, resources: Sequence[tuple[int, T]], first_block: int) -> None:
        self.kind = kind
        self._places: list[int] = []
        self._resources: list[T] = []
        self._leading = bool(resources) and resources[0][0] < first_block
        self._by_path: dict[str, _Shared[T]] = {}
        self._by_claim: dict[str, list[tuple[Href, T]]] = {}
        self._by_tail: dict[str, list[T]] = {}
        self._places_of: dict[int, list[int]] = {}
        self.repeated: list[T] = []
        for place, resource in resources:
            self._add(place, resource)

    def _add(self, place: int, resource: T) -> None:
        links = resource.links
        shared = self._by_path.setdefault(links.own.path, _Shared()) if links.own.path else _Shared[T]()
        same = (each for each in shared.resources if _same(each, resource))
        first = next(same, resource)
        if first is not resource:
            self.repeated.append(resource)
        shared.places.append(place)
        shared.resources.append(first)
        self._places.append(place)
        self._resources.append(first)
        self._places_of.setdefault(id(first), []).append(place)
        if first is resource:
            for claimed in dict.fromkeys((links.up, *links.related)):
                self._by_claim.setdefault(claimed.path, []).append((claimed, first))
        tail = _tail(links.own, self.kind)
        if tail:
            _append(self._by_tail.setdefault(tail, []), first)

    def __iter__(self) -> Iterator[T]:
        """Each once."""
        return iter({id(each): each for each in self._resources}.values())

    def places_of(self, resource: T) -> Sequence[int]:
        """Where it is, each time that it is there, in order."""
        return self._places_of[id(resource)]

    def names(self, link: Href) -> bool:
        """Whether a resource is of this href, or has a link to it."""
        return link.path in self._by_path or len(self._claiming(link)) == 1

    def find(self, links: Links) -> FoundLink[T]:
        """The resources that ``links`` lead to, or that lead to them."""
        named = [(rel, at, self._of(at)) for rel, link in links.by_rel() if (at := self._named(link)).path]
        sure = next((each for _, _, each in named if each), ())
        conflict = _contradiction(named, self.kind)
        if sure:
            return FoundLink(sure, conflict or self._claimed_by_another(links, sure))
        found = self._climb(links)
        return FoundLink((found,) if found else (), conflict)

    def _named(self, link: Href) -> Href:
        """The href of a resource of this kind in ``link``."""
        return link if link.path in self._by_path else link.within(self.kind)

    def _of(self, at: Href) -> tuple[T, ...]:
        """The resources of an href; else the one that it may name from another point of view."""
        shared = self._by_path.get(at.path)
        alike = [each for each in shared.resources if each.links.own.may_be(at)] if shared else []
        exact = [each for each in alike if each.links.own == at]
        found = {id(each): each for each in exact or alike}
        if found or shared:
            return tuple(found.values())
        views = self._by_tail.get(_tail(at, self.kind), ())
        return tuple(views) if len(views) == 1 and _same_view(at, views[0].links.own) else ()

    def _claiming(self, link: Href) -> Sequence[T]:
        """Resources that have this link."""
        claims = self._by_claim.get(link.path, ()) if link.path else ()
        return [resource for claimed, resource in claims if claimed.may_be(link)]

    def _claimed_by_another(self, links: Links, sure: Sequence[T]) -> str:
        """A clause, if a resource that ``links`` do not name has a link to what has them."""
        own = sure[0].links.own
        for link in (links.own,) if self.kind == "ReadingType" else (links.own, links.own.parent, links.up):
            claiming = self._claiming(link)
            others = [each for each in claiming if not any(each is other for other in sure)]
            if others and (len(claiming) == 1 or link.path.startswith(f"{own.path}/")):
                return f"it leads to {own}, and {others[0].links.own} has a related link to it"
        return ""

    def _climb(self, links: Links) -> T | None:
        """The resource that alone has a link to one of ``links``, or to what it lies in."""
        for link in (*links.related, links.up, links.own):
            at = link
            while at.path:
                found = self._claiming(at)
                if len(found) == 1 and not self._another(found[0], links):
                    return found[0]
                at = at.parent
        return None

    def among(self, twins: Sequence[T], place: int, used: Sequence[int]) -> T | None:
        """Of resources that share an href the one that is meant at ``place``, if their order tells.

        ``used`` are the places, in order, at which the href is: it tells if each twin has one of its own
        following it, or each one before it.
        """
        shared = self._by_path[twins[0].links.own.path]
        meant = {id(each) for each in twins}
        both = zip(shared.places, shared.resources, strict=True)
        places, resources = zip(*((at, each) for at, each in both if id(each) in meant), strict=True)
        leads = all(_any(used, begin + 1, end) for begin, end in zip(places, (*places[1:], inf), strict=True))
        follows = all(_any(used, begin + 1, end) for begin, end in zip((-1, *places), places, strict=False))
        if leads == follows:
            return None
        at = bisect_left(places, place) - leads
        found: T = resources[min(max(at, 0), len(places) - 1)]
        return found

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
        """Whether ``links`` name a resource of this kind, or one that such lie in, and not this one."""
        own = found.links.own
        for kind in (self.kind, *_IN[self.kind]):
            mine = own.within(kind)
            theirs = next((at for _, link in links.by_rel() if (at := link.within(kind)).path), NOWHERE)
            if mine.path and theirs.path and not (mine.may_be(theirs) or _alike(mine, theirs, kind)):
                return True
        return False


def _same(one: Linked, other: Linked) -> bool:
    return one.links.own == other.links.own and one.content == other.content


def _append(resources: list[T], resource: T) -> None:
    if not any(each is resource for each in resources):
        resources.append(resource)


def _any(places: Sequence[int], first: int, last: float) -> bool:
    """Whether one of ``places``, which are in order, is from ``first`` to ``last``."""
    at = bisect_left(places, first)
    return at < bisect_right(places, last)


def _contradiction(named: Sequence[tuple[str, Href, Sequence[Linked]]], kind: str) -> str:
    """A clause, if two links name resources that differ."""
    for number, (rel, at, found) in enumerate(named):
        for other_rel, other, others in named[:number]:
            if found and others:
                differ = {id(each) for each in found}.isdisjoint(map(id, others))
            else:
                differ = not (at.may_be(other) or _alike(at, other, kind))
            if differ:
                return f"its {other_rel} link leads to {other}, its {rel} link to {at}"
    return ""


def _alike(one: Href, other: Href, kind: str) -> bool:
    return _tail(one, kind) == _tail(other, kind) and _same_view(one, other)


def _same_view(one: Href, other: Href) -> bool:
    """Whether two hrefs of one id may be of one resource: seen as a customer's, and as a subscription's.

    Not if they lie in two things of one kind.
    """
    if one.host and other.host and one.host != other.host:
        return False
    for kind in ("UsagePoint", "ReadingType"):
        if one.within(kind).path and other.within(kind).path:
            outside, other_outside = one.outside(kind), other.outside(kind)
            alike = len(outside) == len(other_outside) == 2 and outside[0] == other_outside[0]
            return not alike or outside == other_outside
    return True


def _tail(link: Href, kind: str) -> str:
    """An href up to its resource of a kind, without what differs in front of it; empty if it names none."""
    found = link.id(kind)
    if not found:
        return ""
    point = link.id("UsagePoint").lstrip("0") if kind != "UsagePoint" else ""
    return f"{point}/{found.lstrip('0')}"
