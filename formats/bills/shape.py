"""The shape of a bill: hashes of words that are printed on all bills of its utility, to be compared. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2s
from itertools import islice, pairwise

MOST_PARTS = 96
_MOST_PAIRS, _FEWEST_PAIRS = 64, 12
_ALIKE = 0.4
"""Such a part of all pairs of words is on both of two bills of a utility. Of two utilities it is a tenth."""
_CONTACT = "@"
_MOST_LINES, _LONGEST = 400, 500
_PHONE = re.compile(r"\(?\b(\d{3})\)?[-. /]{1,2}(\d{3})[-. ](\d{4})\b")
_SITE = re.compile(r"\b(?:www\.)?((?:[a-z0-9-]{1,40}\.){1,3}[a-z]{2,10})\b")


def shape_of(lines: Iterable[str]) -> Sequence[str]:
    """Of the text of a bill's first lines: the least hashes of pairs of words side by side, and contacts."""
    pairs: set[str] = set()
    contacts: set[str] = set()
    for line in islice(lines, _MOST_LINES):
        text = line[:_LONGEST].casefold()
        words = text.split()
        pairs.update(_hash(f"{one} {two}") for one, two in pairwise(words) if one.isalpha() and two.isalpha())
        contacts.update(_CONTACT + _hash(each) for each in _contacts(text))
    return [*sorted(pairs)[:_MOST_PAIRS], *sorted(contacts)[: MOST_PARTS - _MOST_PAIRS]]


def are_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two shapes are of bills of one utility; not if all telephone numbers and sites differ."""
    (pairs, contacts), (others, other_contacts) = _parts(one), _parts(other)
    if min(len(pairs), len(others)) < _FEWEST_PAIRS:
        return False
    if contacts and other_contacts and contacts.isdisjoint(other_contacts):
        return False
    least = sorted(pairs | others)[:_MOST_PAIRS]
    return sum(each in pairs and each in others for each in least) >= _ALIKE * len(least)


def _parts(shape: Sequence[str]) -> tuple[set[str], set[str]]:
    contacts = {each for each in shape if each.startswith(_CONTACT)}
    return set(shape) - contacts, contacts


def _contacts(text: str) -> Iterator[str]:
    """Telephone numbers of North America, and sites, also those of addresses of e-mail."""
    yield from ("".join(found.groups()) for found in _PHONE.finditer(text))
    yield from (found[1] for found in _SITE.finditer(text))


def _hash(text: str) -> str:
    return blake2s(text.encode(), digest_size=4).hexdigest()
