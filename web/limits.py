"""How often somebody may try at a form: a bucket of tries for each customer or address.

Where the farm has Redis, all processes that serve forms take from the same buckets (``api.shared_limits``).
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

from fastapi import Request

from meterfarm.farm.redis.token_buckets import TokenBuckets

_HOUR = 3600.0
_ONES_OWN = 64
"""Bits of an address of IPv6 that a provider gives: the others anybody changes at will."""


def place_of(request: Request) -> str:
    """From where somebody asks, as tries are counted: an address, of IPv6 the network."""
    text = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text
    mapped = address.ipv4_mapped
    return str(mapped or ipaddress.IPv6Network((address, _ONES_OWN), strict=False))


class Tries(TokenBuckets):
    """At most ``burst`` tries at once, and ``hourly`` more in an hour; ``clock`` is in seconds."""

    def __init__(self, burst: int, hourly: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(burst, hourly / _HOUR, clock)


class FollowedForms:
    """Open forms that are followed: so many of a customer, and of all, at once."""

    def __init__(self, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._open: Counter[Hashable] = Counter()

    @contextmanager
    def one(self, who: Hashable) -> Iterator[bool]:
        """Whether there is room for one more, which lasts as long as the block."""
        has_room = self._open[who] < self._each and self._open.total() < self._most
        self._open[who] += has_room
        try:
            yield has_room
        finally:
            self._open[who] -= has_room
            self._open += Counter()  # without those of nobody


@dataclass(frozen=True, slots=True)
class FormLimits:
    """Of forms; open forms that are followed are counted by each process for itself.

    By customer: ``logins`` that are given, ``answers``, and ``uploads`` with other things that are kept.
    ``usernames``: logins of one user name at a utility, by whomever. By address: ``submitters`` of logins,
    ``strangers`` who come with a token that is none, forms that are ``begun`` with an e-mail address. Of the
    dashboard: ``sign_ins`` and ``codes`` by user, ``sign_in_places`` by address, ``mails`` by who asks for
    them, ``mailed`` by whom they go to, ``tests`` of webhooks by company.
    """

    logins: Tries = field(default_factory=lambda: Tries(10, 10))
    answers: Tries = field(default_factory=lambda: Tries(30, 60))
    usernames: Tries = field(default_factory=lambda: Tries(10, 10))
    submitters: Tries = field(default_factory=lambda: Tries(200, 600))
    uploads: Tries = field(default_factory=lambda: Tries(20, 30))
    strangers: Tries = field(default_factory=lambda: Tries(60, 600))
    begun: Tries = field(default_factory=lambda: Tries(200, 600))
    sign_ins: Tries = field(default_factory=lambda: Tries(10, 60))
    codes: Tries = field(default_factory=lambda: Tries(10, 10))
    sign_in_places: Tries = field(default_factory=lambda: Tries(100, 600))
    mails: Tries = field(default_factory=lambda: Tries(10, 20))
    mailed: Tries = field(default_factory=lambda: Tries(5, 5))
    tests: Tries = field(default_factory=lambda: Tries(20, 60))
    streams: FollowedForms = field(default_factory=lambda: FollowedForms(4, 200))

    def by_name(self) -> Mapping[str, TokenBuckets]:
        """Those that all processes may share."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {f"form.{name}": each for name, each in found.items() if isinstance(each, Tries)}
