"""Cells of NEM12 and NEM13 records: times, and which way a stream flows.

Times are market time, UTC+10 all year round. A stream flows as the first letter of its suffix says: E is
exported from the grid, so delivered to the customer; B imported to it, so received from them; Q and K their
reactive energy; N and X the net of both. Basic meters have a digit there, and record 250 has a direction
indicator, E or I.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13: records 200 (NMISuffix), 250 and 300.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import DAY
from meterfarm.formats.tables.cells import shown
from meterfarm.formats.tables.layout import DELIVERED, NET, RECEIVED, What
from meterfarm.formats.tables.stamps import FIRST_YEAR, LAST_YEAR
from meterfarm.records import Unit

_AHEAD = 10 * 3600
"""Seconds of market time (AEST, without daylight saving) ahead of UTC."""


def day_start(line: int, text: str) -> int:
    """Epoch seconds of the begin of a day, ``20240131``. Raises FormatError."""
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        raise refused(line, f"“{shown(text)}” is no date")
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as exc:
        raise refused(line, f"“{shown(text)}” is no date") from exc
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise refused(line, f"“{shown(text)}” is no date")
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - _AHEAD


def instant(line: int, text: str) -> int:
    """Epoch seconds of ``20240131235959``; 240000 is the day's end. Raises FormatError."""
    clock = text[8:]
    if len(clock) != 6 or not clock.isascii() or not clock.isdigit():
        raise refused(line, f"“{shown(text)}” is no date and time")
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if minutes > 59 or seconds > 59 or hours * 3600 + minutes * 60 + seconds > DAY:
        raise refused(line, f"“{shown(text)}” is no date and time")
    return day_start(line, text[:8]) + hours * 3600 + minutes * 60 + seconds


def refused(line: int, why: str) -> FormatError:
    """An error for a line, with its reason."""
    return FormatError(f"Line {line} of the NEM12 file is invalid: {why}; ask for it again.")


_FLOWS = {"E": DELIVERED, "Q": DELIVERED, "B": RECEIVED, "K": RECEIVED, "N": NET, "X": NET}
_INDICATORS = {"E": DELIVERED, "I": RECEIVED}
_OF_LETTERS = {
    **dict.fromkeys("EBN", (Unit.WH, "active energy")),
    **dict.fromkeys("QKX", (Unit.VARH, "reactive energy")),
}
_PLAIN = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?")
_COUNTED = {Unit.WH, Unit.VARH}


class Flow(NamedTuple):
    """``what`` has no direction where nothing says it, or two things differ; ``doubts`` are clauses."""

    what: What
    doubts: tuple[str, ...] = ()


def flow_of(suffix: str, indicator: str | None = None) -> Flow:
    """``indicator`` is a record 250's 8th cell, None for records that have none."""
    stream = f"the stream “{shown(suffix)}”"
    by_suffix = _FLOWS.get(suffix[:1].upper())
    code = (indicator or "").strip().upper()
    by_indicator = _INDICATORS.get(code)
    if code and by_indicator is None:
        doubt = f"the direction indicator “{shown(code)}” of {stream} is neither E nor I"
        return Flow(by_suffix or What(), (doubt,))
    if by_suffix is NET or by_indicator is None or by_suffix is by_indicator:
        known = by_suffix or by_indicator
        return Flow(known) if known else Flow(What(), (f"the direction of {stream} is not stated",))
    if by_suffix is None:
        return Flow(by_indicator)
    doubt = (
        f"the suffix of {stream} says {by_suffix.direction}, "
        f"its direction indicator {code} says {by_indicator.direction}"
    )
    return Flow(What(), (doubt,))


def unit_doubt(suffix: str, unit: Unit | None) -> str:
    """A clause where a suffix counts another kind of energy than its unit; empty where they agree."""
    expected = _OF_LETTERS.get(suffix[:1].upper())
    if expected is None or unit not in _COUNTED or unit is expected[0]:
        return ""
    return f"the stream “{shown(suffix)}” is of {expected[1]} by its suffix, but its unit is {unit}"


def quantity_doubt(previous: str, current: str, quantity: str) -> str:
    """A clause where a quantity is no whole multiple of what the register went up by.

    Meters behind transformers count a part, so multiples are usual. Empty where a register ran over, or
    where one of its reads is not given.
    """
    texts = [each.strip() for each in (previous, current, quantity)]
    if not all(map(_PLAIN.fullmatch, texts)):
        return ""
    before, after, amount = map(Decimal, texts)
    if after < before:
        return ""
    finest = max(Decimal(1).scaleb(int(each.as_tuple().exponent)) for each in (before, after))
    times = max(Decimal(1), (amount / (after - before)).to_integral_value() if after > before else Decimal(1))
    if abs(amount - times * (after - before)) <= times * finest:
        return ""
    return (
        f"the quantity is {shown(quantity)}, but its register went from {shown(previous)} to {shown(current)}"
    )
