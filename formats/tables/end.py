"""Whether the last row of a table that lacks its line's end is known to be whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

_DIGIT, _LETTER = re.compile(r"\d", re.ASCII), re.compile(r"[^\W\d_]")


def is_whole(before: Sequence[str], last: Sequence[str], *, quoted: bool) -> bool:
    """Whether its last cell is as long and of the same shape as the one in the row above, ``before``.

    A stamp that rows write alike cannot have lost its end; a number or a word can, unless it is ``quoted``.
    """
    if not last or len(last) != len(before):
        return False
    shape = _shape(last[-1])
    return quoted or (shape == _shape(before[-1]) and bool(shape.strip("9a.")))


def _shape(text: str) -> str:
    return _LETTER.sub("a", _DIGIT.sub("9", text.strip()))
