"""The code in a message's text, by the pattern that a utility declares."""

from __future__ import annotations

import re
from collections.abc import Iterable

INVISIBLE = dict.fromkeys(
    [
        *map(ord, "\u00ad\u034f\u061c\ufeff"),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    ]
)
"""Soft hyphens, joiners, and what says in which direction a text runs."""


def code_in(pattern: str, *texts: str) -> str:
    """What the pattern's one group holds, verbatim; "" if nothing fits, or if it fits different codes."""
    found = {code for text in texts for code in _codes(pattern, text)}
    return found.pop() if len(found) == 1 else ""


def _codes(pattern: str, text: str) -> Iterable[str]:
    return (match[1] for match in re.finditer(pattern, text.translate(INVISIBLE)))
