"""The code in a message's text, by the pattern that a utility declares."""

from __future__ import annotations

import re
from collections.abc import Iterable

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


def code_in(pattern: str, *texts: str) -> str:
    """What the pattern's one group holds, verbatim; "" if nothing fits, or if it fits different codes."""
    found = {code for text in texts for code in _codes(pattern, text)}
    return found.pop() if len(found) == 1 else ""


def _codes(pattern: str, text: str) -> Iterable[str]:
    return (match[1] for match in re.finditer(pattern, text.translate(_INVISIBLE)))
