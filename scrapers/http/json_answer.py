"""JSON as portals send it: behind guards against other sites' scripts, with a mark of byte order, of any size
that an answer may have. Numbers with a fraction are decimals, exactly as written. Pure.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from meterfarm.support.charset import decoded

_GUARD = re.compile(
    r"\s*(?:\)\]\}'?,?|while\s*\((?:1|true)\)\s*;?|for\s*\(\s*;\s*;\s*\)\s*;?|throw\s*1\s*;|\{\}\s*&&)\s*"
)
"""What makes an answer no script: Angular's, Google's and Facebook's prefixes."""
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:[\[{\"]|\)\]\}|(?:while|for|throw)\b)")
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_NUMBER = 100
_LARGEST_EXPONENT = 400
_DEEPEST = 200
_TYPES = re.compile(r"(?:application|text)/(?:[a-z0-9.+-]+\+)?(?:json|javascript|x-javascript)(?:-[a-z]+)?")
_TEXT = frozenset({"", "text/plain", "application/octet-stream"})


class NoJson(ValueError):
    """It is not JSON, or none that can be read; the text says why."""


def is_type_of_json(media_type: str) -> bool:
    """Whether an answer of this type is to be looked into, if it begins like JSON."""
    return media_type in _TEXT or _TYPES.fullmatch(media_type) is not None


def may_be_json(content: bytes, media_type: str) -> bool:
    """Whether an answer of this type that begins so is to be looked into."""
    return is_type_of_json(media_type) and (_BEGINS.match(content) is not None or content.startswith(_WIDE))


def parsed(content: bytes, content_type: str) -> Any:
    """The JSON in an answer with this Content-Type header.

    Raises:
        NoJson: there is none.
    """
    parameters = content_type.partition(";")[2]
    text = decoded(content, f"text/plain; {parameters}" if "charset" in parameters else "application/json")
    guard = _GUARD.match(text)
    try:
        value = json.loads(
            text[guard.end() :] if guard else text,
            parse_float=_decimal,
            parse_constant=_refused,
        )
    except RecursionError:
        raise NoJson("it is nested too deep") from None
    except ValueError as exc:
        raise NoJson("it is empty" if not text.strip() else "it is not JSON") from exc
    if _is_deeper(value, _DEEPEST):
        raise NoJson("it is nested too deep")
    return value


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if len(text) > _LONGEST_NUMBER or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(text[:_LONGEST_NUMBER])
    return number


def _refused(text: str) -> Any:
    raise ValueError(text)


def _is_deeper(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for part in level
            if isinstance(part, (dict, list))
            for inner in (part.values() if isinstance(part, dict) else part)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
