"""Interval readings of an ESPI file, as the file has them: one by one, and as columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

# ReadingQuality.quality (NAESB REQ.21, espi.xsd): 8 by a reference day, 9 by interpolation, 12 a forecast.
ESTIMATED = frozenset({"8", "9", "12"})
KNOWN_QUALITIES = frozenset({"", "0", *map(str, range(7, 20))})
START_LIMIT = 2**33
"""Epoch seconds, in the year 2242: a larger start is a mistake, of milliseconds for example."""
NO_LENGTH = -1
"""Of a reading that does not state how long it is; one of 0 s is an instant."""
LENGTH_LIMIT = 400 * 86_400
"""Seconds; no reading is longer than a year and a late bill."""
_AMOUNT = re.compile(r"[+-]?\d{1,15}(\.\d{1,12})?", re.ASCII)
_START = re.compile(r"(\d{1,11})(\.\d*)?", re.ASCII)
_LENGTH = re.compile(r"\d{1,9}", re.ASCII)
_PERIOD = re.compile(r"[1-9]\d?", re.ASCII)


class RawReading(NamedTuple):
    """``start`` is in epoch seconds, UTC; ``value`` in units of the reading type; ``cost`` in 10^-5 currency.

    ``seconds`` is NO_LENGTH where the reading states none, ``estimated`` None without a quality.

    ``period`` is empty where it names no price period.
    """

    start: int
    seconds: int
    value: int | Decimal | None
    cost: int | Decimal | None
    estimated: bool | None
    period: str


@dataclass(slots=True)
class Oddities:
    """What some readings of a stream had that is worth telling: how many, or which."""

    blank: int = 0
    unreadable: int = 0
    fractional: int = 0
    qualities: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.blank or self.unreadable or self.fractional or self.qualities)

    def add(self, other: Oddities) -> None:
        """Add those of further readings."""
        self.blank += other.blank
        self.unreadable += other.unreadable
        self.fractional += other.fractional
        self.qualities |= other.qualities


def raw_reading(fields: Mapping[str, str], qualities: Sequence[str], oddities: Oddities) -> RawReading | None:
    """An ``IntervalReading`` by its parts' texts; None, and counted, if it gives no time or no amount."""
    estimated = is_estimated(qualities, oddities)
    start, length = _START.fullmatch(fields.get("start", "")), fields.get("duration", "")
    try:
        value, cost = _amount(fields.get("value", "")), _amount(fields.get("cost", ""))
    except ValueError:
        oddities.unreadable += 1
        return None
    if start is None or not (not length or _LENGTH.fullmatch(length)):
        oddities.unreadable += 1
        return None
    seconds = int(length) if length else NO_LENGTH
    if int(start[1]) >= START_LIMIT or seconds > LENGTH_LIMIT:
        oddities.unreadable += 1
        return None
    if value is None:
        oddities.blank += 1
        if cost is None:
            return None
    oddities.fractional += bool((start[2] or "").strip(".0"))
    period = price_period(fields.get("tou", ""))
    return RawReading(int(start[1]), seconds, value, cost, estimated, period)


def price_period(code: str) -> str:
    """The code (``tou``) of a price period, empty if it is that of none."""
    return code if _PERIOD.fullmatch(code) else ""


def is_estimated(qualities: Sequence[str], oddities: Oddities) -> bool | None:
    """By its quality codes, or the word where a file has words; None if it has none."""
    if not qualities:
        return None
    if not KNOWN_QUALITIES.issuperset(qualities) and len(oddities.qualities) < 20:
        oddities.qualities |= {each[:40] for each in qualities if each not in KNOWN_QUALITIES}
    return any(each in ESTIMATED or each.lower().startswith("estimat") for each in qualities)


def _amount(text: str) -> int | Decimal | None:
    """An exact number, None for no text; ValueError if it is none or beyond what a meter can show."""
    if not text:
        return None
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(text[:40])
    return Decimal(text) if found[1] else int(text)
