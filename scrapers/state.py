"""A saved portal session: what a browser needs to be known again. It is kept encrypted, in `storage/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1
SHORTEST_SECRET = 8


@dataclass(frozen=True, slots=True)
class PortalSession:
    """Cookies and local storage (as Playwright saves them), session storage by origin, the user agent."""

    storage_state: Any = field(repr=False)
    session_storage: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    user_agent: str = ""
    version: int = VERSION

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> PortalSession | None:
        """The session that was saved, or None if another version of the program wrote it."""
        fields = json.loads(content)
        if not isinstance(fields, dict) or fields.get("version") != VERSION:
            return None
        return cls(**fields)

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
