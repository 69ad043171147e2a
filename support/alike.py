"""Words that a person reads as the same: in any case, with other blanks, quotes and marks. Pure."""

from __future__ import annotations

import re

_WITHIN = re.compile(r"['’‘ʼ`´\u00ad\u200b-\u200d\u2060\ufeff]")  # noqa: RUF001 - they are meant
_BETWEEN = re.compile(r"[\W_]+")
WITHIN_JS = r"/['’‘ʼ`´\u00ad\u200b-\u200d\u2060\ufeff]/g"  # noqa: RUF001 - they are meant
BETWEEN_JS = r"/[^\p{L}\p{N}]+/gu"
"""The same for a browser."""


def alike(text: str) -> str:
    """What texts have in common that a person reads as the same; of marks alone, these."""
    words = _BETWEEN.sub(" ", _WITHIN.sub("", text)).lower().strip()
    return words or " ".join(text.split())
