"""A text changed so that what had it does not match it any more. Pure."""

from __future__ import annotations

import re

_LETTER = "q"
_RUN = re.compile(r"[A-Za-z]{2,}(?![\w-]*\()")
"""Letters in a row that name no function of XPath."""
_OUT_OF_BOUNDS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[^}]*\}|\(\?P[<=]\w+[>)]|\(\?P<\w+>|\(\?[^)]?")
"""What of a regular expression stands for something else: escapes, classes, counts, names of groups."""


def mangled(text: str, *, is_pattern: bool) -> str:
    """A letter more, in the middle of the longest word; before everything where there is none."""
    readable = _OUT_OF_BOUNDS.sub(lambda found: "\0" * len(found[0]), text) if is_pattern else text
    runs = list(_RUN.finditer(readable))
    if runs:
        longest = max(runs, key=lambda run: len(run[0]))
        middle = (longest.start() + longest.end()) // 2
        return f"{text[:middle]}{_LETTER}{text[middle:]}"
    if is_pattern and text.startswith("^"):
        return f"^{_LETTER}{text[1:]}"
    return f"{_LETTER}{text}"
