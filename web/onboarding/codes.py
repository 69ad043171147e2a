"""What a code looks like by the portal's own words, and the code that somebody means who typed it. Pure.

``fields.js`` does the same while somebody types, and finds the code in a message that is pasted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from meterfarm.records import Challenge, Factor

_NUMBERS = {"four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_LENGTH = re.compile(
    rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)})[- ](?:digit|number|numeral|figure|character|letter)", re.IGNORECASE
)
_LETTERS = re.compile(r"\balpha-?numeric|\bletters?\b|\bcharacters?\b", re.IGNORECASE)
_TOTP_LENGTH = 6
_SHORTEST, _LONGEST = 4, 10
_BETWEEN = re.compile("[\\s.\u2010-\u2015\u200b-\u200d\u2060\ufeff-]")
_PREFIX = re.compile("^[a-z]{1,2}-(?=[0-9])", re.IGNORECASE)
"""As in G-123456: not of the code, where that has no letters."""


@dataclass(frozen=True, slots=True)
class CodeShape:
    """How long a code is, None if the portal does not name it, and whether it may have letters."""

    length: int | None = None
    has_letters: bool = False


def code_shape(challenge: Challenge) -> CodeShape:
    """What the portal's words have of its code."""
    if challenge.factor is Factor.TOTP:
        return CodeShape(_TOTP_LENGTH)
    found = _LENGTH.search(challenge.prompt)
    length = None
    if found is not None:
        named = _NUMBERS.get(found[1].casefold()) or int(found[1])
        length = named if _SHORTEST <= named <= _LONGEST else None
    return CodeShape(length, bool(_LETTERS.search(challenge.prompt)))


def meant_code(text: str, shape: CodeShape) -> str:
    """The code without what only makes it easier to read: spaces, hyphens, a prefix such as ``G-``."""
    text = text.strip()
    if shape.has_letters:
        return _BETWEEN.sub("", text)
    code = _BETWEEN.sub("", _PREFIX.sub("", text))
    digits = re.sub("[^0-9]", "", code)
    return digits if len(digits) == shape.length else code
