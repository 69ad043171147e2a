"""Names of others as names of files."""

from __future__ import annotations

import re
from pathlib import Path

_UNSAFE = re.compile(r"[^\w.+@=-]+")
_LONGEST = 120


def safe_name(name: str) -> str:
    """``name`` as one path component: no separators, not hidden, not empty, short enough in UTF-8."""
    path = Path(_UNSAFE.sub("_", name).lstrip("."))
    stem = path.stem.encode()[:_LONGEST].decode(errors="ignore")
    return f"{stem}{path.suffix[:16]}" or "_"


class Names:
    """Safe names, each given out once: a second ``a.pdf`` becomes ``a-2.pdf``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """A safe file name for ``name`` that none before it has."""
        wanted = Path(safe_name(name))
        candidate, number = wanted.name, 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{wanted.stem}-{number}{wanted.suffix}"
        self._taken.add(candidate.casefold())
        return candidate
