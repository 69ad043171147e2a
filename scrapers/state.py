"""A saved portal session: what a browser needs to be known again. It is kept encrypted, in `storage/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import structlog

from meterfarm.scrapers.http.cookies import from_browser, to_browser

VERSION = 1
SHORTEST_SECRET = 8
_A_DAY = 86_400
_LONGEST_AGENT = 512


@dataclass(frozen=True, slots=True)
class PortalSession:
    """Cookies and local storage (as Playwright saves them), session storage by origin, the user agent.

    Without ``signed_in`` it is only what lets the portal know the device: whoever has it must sign in.
    """

    storage_state: Any = field(repr=False)
    session_storage: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    user_agent: str = ""
    version: int = VERSION
    signed_in: bool = True

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
        )

    def secrets(self) -> Iterator[str]:
        """Every value that may let its bearer in; what is too short for that (``light``, ``true``) is not."""
        return (value for value in self._values() if len(value) >= SHORTEST_SECRET)

    def _values(self) -> Iterator[str]:
        for cookie in self.storage_state.get("cookies", ()):
            yield cookie["value"]
        for origin in self.storage_state.get("origins", ()):
            for item in origin.get("localStorage", ()):
                yield item["value"]
        for items in self.session_storage.values():
            yield from items.values()


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
    return {"origin": origin, "localStorage": stored}


def _session_storage(kept: object) -> dict[str, dict[str, str]]:
    by_origin = kept if isinstance(kept, dict) else {}
    return {
        origin: {name: value for name, value in items.items() if isinstance(value, str)}
        for origin, items in by_origin.items()
        if isinstance(items, dict)
    }
