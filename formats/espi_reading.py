"""One interval reading of an ESPI file, as the file has it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from lxml import etree

# ESPI QualityOfReading: 8 by a reference day, 9 by interpolation, 12 a forecast. No other code says so.
ESTIMATED = frozenset({"8", "9", "12"})
START_LIMIT = 2**33
LENGTH_LIMIT = 400 * 86_400
_VALUE = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?", re.ASCII)
_VALUE_LIMIT = 10**15


class RawReading(NamedTuple):
    """``seconds`` is 0 and ``estimated`` None where the reading leaves it to its reading type."""

    start: int
    seconds: int
    value: int | Decimal
    estimated: bool | None


def read_element(element: etree._Element) -> RawReading | None:
    """An ``IntervalReading``, whatever else is in it; None without a usable start, length or value."""
    namespace = str(element.tag)[: -len("IntervalReading")]
    texts = {part.tag: part.text for part in element.iter()}
    quality = namespace + "quality"
    estimated = None
    if quality in texts:
        estimated = any((part.text or "").strip() in ESTIMATED for part in element.iter(quality))
    try:
        start = int(texts[namespace + "start"] or "")
        seconds = int(texts.get(namespace + "duration") or 0)
        value = _value(texts[namespace + "value"] or "")
    except (KeyError, ValueError):
        return None
    if 0 <= start < START_LIMIT and 0 <= seconds <= LENGTH_LIMIT:
        return RawReading(start, seconds, value, estimated)
    return None


def _value(text: str) -> int | Decimal:
    """An exact number; ValueError if it is none or beyond what a meter can show."""
    try:
        whole = int(text)
    except ValueError:
        if not _VALUE.fullmatch(text.strip()):
            raise
        return Decimal(text.strip())
    if -_VALUE_LIMIT < whole < _VALUE_LIMIT:
        return whole
    raise ValueError("out of range")
