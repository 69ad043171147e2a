"""The catalogue: what is known of utilities, with a script or without, and by which names they are found.

``catalogue.toml`` has those that are known without a script. What a script declares completes it, or goes
before it; a script's utility needs no line there.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meterfarm.records import Factor, Part

if TYPE_CHECKING:
    from meterfarm.scrapers.utility import Utility

INSTANT = "instant"
"""The velocity of data that is there within a minute of signing in."""
NEAR = 0.6
"""From here on (0 to 1) a name is taken for another one misspelt."""
_DATA = Path(__file__).with_name("catalogue.toml")
_LONGEST_NAME = 80
_SHORTEST_BEGINNING = 3
_PART = 0.7


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A utility as it is known. ``parts`` is what its portal offers, so far as that is known.

    ``velocity`` is ``instant``, or hours as ``8 hours``, or "" if it is not known how fast its data come.
    ``mfa``: ``asked`` of accounts, ``optional`` for customers who turn it on, "" if that is not known;
    ``factors`` by what. Meters have additional attributes named ``meter_attributes``, electric ones also
    ``electric_meter_attributes``.
    ``account_meter`` is the meter id of intervals that are the sum over an account, "" where there are none.
    """

    id: str
    name: str
    aliases: Sequence[str] = ()
    group: str = ""
    parts: frozenset[Part] = frozenset()
    velocity: str = ""
    mfa: str = ""
    factors: frozenset[Factor] = frozenset()
    meter_attributes: Sequence[str] = ()
    electric_meter_attributes: Sequence[str] = ()
    account_meter: str = ""

    def with_script(self, script: Utility) -> CatalogueEntry:
        """The same where there is a script: what it declares goes before."""
        factors = script.factors or self.factors
        return replace(
            self,
            name=script.name,
            aliases=(*script.aliases, *(each for each in self.aliases if each not in script.aliases)),
            parts=script.capabilities.parts,
            velocity=f"{script.within_hours} hours" if script.within_hours else INSTANT,
            mfa=self.mfa or ("asked" if factors else ""),
            factors=factors,
            meter_attributes=script.meter_attributes or self.meter_attributes,
        )

    @property
    def names(self) -> Sequence[str]:
        """All that it is called."""
        return (self.id, self.name, *self.aliases)

    def likeness(self, key: str) -> float:
        """How much what somebody typed (``as_key``) is like one of its names, 0 to 1; a part of a name is."""
        within = any(len(key) >= _SHORTEST_BEGINNING and key in spelling for spelling in self.spellings)
        return max(_PART if within else 0, *(_likeness(key, spelling) for spelling in self.spellings))

    @property
    def spellings(self) -> Iterable[str]:
        """The keys of its names, and of those with ``&`` left out: PGE is like PG&E, and not the same."""
        return {as_key(spelt) for name in self.names for spelt in (name, name.replace("&", ""))}


class Directory:
    """Entries by their names; a name that several have finds none of them."""

    def __init__(self, entries: Iterable[CatalogueEntry]) -> None:
        self._by_id = {entry.id: entry for entry in sorted(entries, key=lambda entry: entry.id)}
        self._by_name: dict[str, set[str]] = {}
        for entry in self._by_id.values():
            for name in entry.names:
                self._by_name.setdefault(as_key(name), set()).add(entry.id)

    def entries(self) -> Sequence[CatalogueEntry]:
        """All, by id."""
        return list(self._by_id.values())

    def find(self, name: str) -> CatalogueEntry | None:
        """The one of this id, name or alias, however it is spaced, punctuated and capitalised."""
        if name in self._by_id:
            return self._by_id[name]
        found = self._by_name.get(as_key(name), set())
        return self._by_id[next(iter(found))] if len(found) == 1 else None

    def called(self, name: str) -> Sequence[CatalogueEntry]:
        """Those of this group, or that share this name."""
        key = as_key(name)
        if not key:
            return []
        sharing = self._by_name.get(key, set())
        return [entry for entry in self._by_id.values() if entry.id in sharing or as_key(entry.group) == key]

    def nearest(self, name: str) -> tuple[CatalogueEntry, float]:
        """The one that is spelt most alike, and how much so, 0 to 1; from ``NEAR`` on it may be meant."""
        key = as_key(name)
        return max(
            (
                (entry, _likeness(key, spelling))
                for entry in self._by_id.values()
                for spelling in entry.spellings
            ),
            key=itemgetter(1),
        )


@cache
def known_utilities() -> Mapping[str, CatalogueEntry]:
    """What ``catalogue.toml`` has, by id."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return {utility_id: _entry(utility_id, table) for utility_id, table in tables.items()}


def as_key(name: str) -> str:
    """By what names are compared: lower-case letters and digits, and ``&`` as a word."""
    text = unicodedata.normalize("NFKC", name[:_LONGEST_NAME]).casefold().replace("&", "and")
    return "".join(character for character in text if character.isalnum())


def _likeness(key: str, spelling: str) -> float:
    """0 to 1; the beginning of a name is nearly the name."""
    if len(key) >= _SHORTEST_BEGINNING and spelling.startswith(key):
        return 1 - (1 - len(key) / len(spelling)) * (1 - NEAR)
    return SequenceMatcher(None, key, spelling, autojunk=False).ratio()


def _entry(utility_id: str, table: Mapping[str, Any]) -> CatalogueEntry:
    known = {"name", "aliases", "group", "parts", "velocity", "mfa", "factors"}
    known |= {"meters", "electric_meters", "account_meter"}
    if unknown := table.keys() - known:
        raise ValueError(f"{_DATA.name} has {sorted(unknown)} at {utility_id}, which no entry has")
    return CatalogueEntry(
        id=utility_id,
        name=table["name"],
        aliases=tuple(table.get("aliases", ())),
        group=table.get("group", ""),
        parts=frozenset(map(Part, table.get("parts", ()))),
        velocity=table.get("velocity", ""),
        mfa=table.get("mfa", ""),
        factors=frozenset(map(Factor, table.get("factors", ()))),
        meter_attributes=tuple(table.get("meters", ())),
        electric_meter_attributes=tuple(table.get("electric_meters", ())),
        account_meter=table.get("account_meter", ""),
    )
