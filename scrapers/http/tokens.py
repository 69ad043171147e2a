"""What a script keeps of a portal's tokens: sealed with the session, and known to be secret at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping

from meterfarm.scrapers.state import SHORTEST_SECRET

_LONGEST = 64 * 1024
_MOST = 100


class Tokens(MutableMapping[str, str]):
    """By names that the script gives them. ``version`` counts the changes."""

    def __init__(self, saved: Mapping[str, str], register: Callable[[str], None]) -> None:
        self.version = 0
        self._values = dict(saved)
        self._register = register

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __setitem__(self, name: str, value: str) -> None:
        """Keep it. Raises ValueError for what is no token: too long, or one of too many."""
        if not isinstance(value, str):
            raise TypeError(f"the token {name!r} is no text")
        if len(value) > _LONGEST or (name not in self._values and len(self._values) >= _MOST):
            raise ValueError(f"the token {name!r} is longer than {_LONGEST} characters, or one of too many")
        if len(value) >= SHORTEST_SECRET:
            self._register(value)
        if self._values.get(name) != value:
            self._values[name] = value
            self.version += 1

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self.version += 1

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Tokens: {', '.join(self._values)}>"
