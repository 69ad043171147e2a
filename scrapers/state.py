"""A saved portal session: what a browser needs to be known again. It is kept encrypted, in `storage/`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from typing import Any

import structlog

from meterfarm.scrapers.http.cookies import from_browser, to_browser

VERSION = 2
SHORTEST_SECRET = 8
_A_DAY = 86_400
_LONGEST_AGENT = 512
_KEY = re.compile(r"\S{16,}|(?=\S*[0-9])(?=\S*[A-Za-z])\S{8,}")
_MOST_WITHIN = 300
"""Texts of JSON and of databases: each is looked for in everything that is kept."""


@dataclass(frozen=True, slots=True)
class PortalSession:
    """Cookies, local storage and IndexedDB (as Playwright saves them), session storage by origin, the user
    agent, and the tokens that a script keeps by names of its own.

    Without ``signed_in`` it is only what lets the portal know the device: whoever has it must sign in.
    """

    storage_state: Any = field(repr=False)
    session_storage: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    user_agent: str = ""
    version: int = VERSION
    signed_in: bool = True
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def of_device(self, now: float) -> PortalSession:
        """What is left in a browser that was closed before the sign-in was through, and opened a day later.

        A trusted device is part of it, a session that is not signed in is not. ``now`` is in epoch seconds.
        """
        lasting = [one for one in self.storage_state["cookies"] if one["expires"] > now + _A_DAY]
        return replace(
            self,
            storage_state={**self.storage_state, "cookies": lasting},
            session_storage={},
            signed_in=False,
        )

    def local_storage(self, origin: str) -> dict[str, str]:
        """The local storage of an origin like ``https://my.portal.example``."""
        origins = self.storage_state.get("origins", ())
        kept = [one.get("localStorage", ()) for one in origins if one["origin"] == origin]
        return {item["name"]: item["value"] for items in kept for item in items}

    def to_bytes(self) -> bytes:
        """As it is sealed and stored: JSON in UTF-8; see ``from_bytes``."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> PortalSession | None:
        """The session that was saved, or None if another version of the program wrote it.

        Cookies and origins that no browser takes are left out.

        Raises:
            ValueError, TypeError: nothing of it can be used.
        """
        fields = json.loads(content)
        if not isinstance(fields, dict) or fields.get("version") != VERSION:
            return None
        state = fields.get("storage_state")
        if not isinstance(state, dict):
            raise TypeError("it has no storage state")
        cookies, origins = _dicts(state.get("cookies")), _dicts(state.get("origins"))
        usable = [to_browser(cookie) for one in cookies if (cookie := from_browser(one)) is not None]
        known = [origin for one in origins if (origin := _origin(one)) is not None]
        if left_out := len(cookies) - len(usable) + len(origins) - len(known):
            structlog.get_logger("run").warning("state.mended", left_out=left_out)
        user_agent = fields.get("user_agent", "")
        return cls(
            {"cookies": usable, "origins": known},
            _session_storage(fields.get("session_storage")),
            user_agent if _is_header(user_agent) else "",
            signed_in=fields.get("signed_in") is not False,
            tokens=_texts(fields.get("tokens")),
        )

    def secrets(self) -> Iterator[str]:
        """Every value that may let its bearer in; what is too short for that (``light``, ``true``) is not.

        Of a value that is JSON, and of a database's records, also each text within that looks like a key.
        """
        whole = [value for value in self._values() if len(value) >= SHORTEST_SECRET]
        yield from whole
        within = chain(chain.from_iterable(map(_texts_of_json, whole)), self._records())
        yield from islice(filter(_looks_like_a_key, within), _MOST_WITHIN)

    def _values(self) -> Iterator[str]:
        for cookie in self.storage_state.get("cookies", ()):
            yield cookie["value"]
        for origin in self.storage_state.get("origins", ()):
            for item in origin.get("localStorage", ()):
                yield item["value"]
        for items in self.session_storage.values():
            yield from items.values()
        yield from self.tokens.values()

    def _records(self) -> Iterator[str]:
        for origin in self.storage_state.get("origins", ()):
            for database in origin.get("indexedDB", ()):
                for store in _dicts(database.get("stores")):
                    yield from _texts_within(store.get("records"))


def _is_header(text: object) -> bool:
    """Whether a request can be sent with it: a page's script may have put anything in its place."""
    return isinstance(text, str) and text.isascii() and text.isprintable() and len(text) <= _LONGEST_AGENT


def _dicts(kept: object) -> list[dict[str, Any]]:
    return [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []


def _origin(kept: dict[str, Any]) -> dict[str, Any] | None:
    origin, items = kept.get("origin"), _dicts(kept.get("localStorage"))
    texts = [(item.get("name"), item.get("value")) for item in items]
    if not isinstance(origin, str) or not origin.startswith(("http://", "https://")):
        return None
    stored = [
        {"name": name, "value": value}
        for name, value in texts
        if isinstance(name, str) and isinstance(value, str)
    ]
    databases = _dicts(kept.get("indexedDB"))
    return {"origin": origin, "localStorage": stored, **({"indexedDB": databases} if databases else {})}


def _texts(kept: object) -> dict[str, str]:
    items = kept if isinstance(kept, dict) else {}
    return {name: value for name, value in items.items() if isinstance(value, str)}


def _session_storage(kept: object) -> dict[str, dict[str, str]]:
    by_origin = kept if isinstance(kept, dict) else {}
    return {origin: _texts(items) for origin, items in by_origin.items() if isinstance(items, dict)}


def _texts_of_json(value: str) -> Iterator[str]:
    if value.startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            yield from _texts_within(json.loads(value))


def _texts_within(kept: object) -> Iterator[str]:
    """Every text, however they lie in one another, but for the names of what they are."""
    parts = [kept]
    while parts:
        part = parts.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            parts += [part["v"]] if part.keys() == {"k", "v"} else part.values()


def _looks_like_a_key(text: str) -> bool:
    """Texts of a page, like ``accounts`` or a name, are none: they would be missing in all that is kept."""
    return _KEY.fullmatch(text) is not None
