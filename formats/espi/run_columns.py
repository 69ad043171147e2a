"""Runs of plain readings, by column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from meterfarm.formats.espi.reading import (
    ESTIMATED,
    KNOWN_QUALITIES,
    LENGTH_LIMIT,
    NO_LENGTH,
    START_LIMIT,
    Oddities,
    price_period,
)
from meterfarm.formats.espi.runs import patterns

_LEFT_OUT = bytes(set(range(256)) - set(b"0123456789-.Iuoscq"))
"""What is left of a reading's tags without these bytes still tells them apart: ``uo`` is a duration."""
_SHORT_PREFIXES = (b"", b"s")
"""None, or that of ``espi:``. With other letters in a prefix, what is left might not tell tags apart."""
_MOST_QUALITIES = 3
"""Codes that only some readings have."""


class RunColumns(NamedTuple):
    """Readings by column, all as long as each other; a column that no reading has is None.

    ``starts`` are epoch seconds in UTC, ``seconds`` lengths (NO_LENGTH: none is stated); ``values`` have the
    unit and multiplier of the reading type, ``costs`` in hundred-thousandths of its currency.
    """

    starts: list[int]
    seconds: list[int]
    values: list[int] | list[int | Decimal]
    costs: list[int | None] | None
    estimated: list[bool | None] | None
    periods: list[str] | None


def columns(prefix: str, text: bytes, oddities: Oddities) -> RunColumns:
    """The readings of a run's text, or of several's in a row."""
    read = _alike(prefix, text, oddities) or _different(prefix, text, oddities)
    if max(read.starts) >= START_LIMIT or max(read.seconds) > LENGTH_LIMIT:
        return _in_bounds(read, oddities)
    return read


def _alike(prefix: str, text: bytes, oddities: Oddities) -> RunColumns | None:
    """Readings that differ in cost, start, value, quality and blanks alone; None if they differ in more.

    What stands between the numbers of the first reading is replaced by blanks, wherever it stands: if only
    numbers are left then, all readings are written like it. That takes less than half of the time.
    """
    short = prefix.encode().translate(None, _LEFT_OUT)
    if short not in _SHORT_PREFIXES:
        return None
    plain, qualities = _without_qualities(short, text.translate(None, _LEFT_OUT))
    end = plain.find(b"I", plain.find(b"I") + 1) + 1
    first = _shortened(short).fullmatch(plain, 0, end)
    if first is None:
        return None
    spans = [first.span(group) for group in ((1, 3, 5) if first[1] else (3, 5))]
    head, tail = plain[: spans[0][0]], plain[spans[-1][1] : end]
    if not plain.startswith(head, end) and end < len(plain):
        return None
    between = [plain[left:right] for (_, left), (right, _) in pairwise(spans)]
    for written in (tail + head, *between):
        plain = plain.replace(written, b" ")
    plain = plain.removeprefix(head).removesuffix(tail)
    if plain.translate(None, b"0123456789-. "):
        return None
    numbers, each = plain.decode("ascii").split(), len(spans)
    starts = list(map(int, numbers[each - 2 :: each]))
    only = text[: text.find(b"/%bIntervalReading>" % prefix.encode())]
    return RunColumns(
        starts,
        [int(first[2] or first[4] or NO_LENGTH)] * len(starts),
        _numbers(numbers[each - 1 :: each]),
        list(map(int, numbers[::each])) if first[1] else None,
        _estimated_at(qualities, len(starts), oddities),
        [_period(only.decode("ascii"))] * len(starts) if b"tou>" in only else None,
    )


def _without_qualities(short: bytes, plain: bytes) -> tuple[bytes, Sequence[tuple[int, str]]]:
    """The text without the qualities in it, unless there are many, and which of its readings had them."""
    found: list[tuple[int, str]] = []
    begun, ended = b"%bu%bqu" % (short, short), b"%bqu%bu" % (short, short)
    for _ in range(_MOST_QUALITIES):
        at = plain.find(begun)
        code = plain[at + len(begun) : plain.find(ended, at)]
        if at < 0 or not code.isdigit():
            break
        written = begun + code + ended
        tags = counted = 0
        while at >= 0:
            tags += plain.count(b"I", counted, at)
            found.append((tags // 2, code.decode()))
            counted, at = at, plain.find(written, at + 1)
        plain = plain.replace(written, b"")
    return plain, found


@lru_cache(maxsize=len(_SHORT_PREFIXES))
def _shortened(short: bytes) -> re.Pattern[bytes]:
    """A reading without qualities of whose tags only the letters are left that are not left out."""
    return re.compile(
        b"@I(?:@cos(-?[0-9]+)@cos)?@o(?:@uo([0-9]+)@uo)?@s([0-9]+)@s(?:@uo([0-9]+)@uo)?@o"
        b"@u([0-9.-]+)@u(?:@(?:ou|cosuo|c)[0-9-]*@(?:ou|cosuo|c))*@I".replace(b"@", short)
    )


def _estimated_at(
    qualities: Sequence[tuple[int, str]], count: int, oddities: Oddities
) -> list[bool | None] | None:
    """By the qualities of some of ``count`` readings."""
    if not qualities:
        return None
    oddities.qualities |= {code for _, code in qualities} - KNOWN_QUALITIES
    estimated: list[bool | None] = [None] * count
    for place, code in qualities:
        estimated[place] = bool(estimated[place]) or code in ESTIMATED
    return estimated


def _different(prefix: str, text: bytes, oddities: Oddities) -> RunColumns:
    """Readings that are not all of the same elements and blanks."""
    found = patterns(prefix).one.findall(text.decode("ascii"))
    costs, before, durations, starts, otherwise, values, after = zip(*found, strict=True)
    if any(otherwise):
        durations = tuple(one or other for one, other in zip(durations, otherwise, strict=True))
    lengths = {length: int(length or NO_LENGTH) for length in set(durations)}
    return RunColumns(
        list(map(int, starts)),
        list(map(lengths.__getitem__, durations)),
        _numbers(values),
        [int(each) if each else None for each in costs] if any(costs) else None,
        _estimated(before, after, oddities),
        _periods(prefix, text) if b"tou>" in text else None,
    )


def _numbers(texts: Sequence[str]) -> list[int] | list[int | Decimal]:
    try:
        return list(map(int, texts))
    except ValueError:
        return [Decimal(text) if "." in text else int(text) for text in texts]


def _estimated(
    before: tuple[str, ...], after: tuple[str, ...], oddities: Oddities
) -> list[bool | None] | None:
    """By the qualities that stand before and after time and value."""
    codes = {*before, *after}
    if codes == {""}:
        return None
    oddities.qualities |= codes - KNOWN_QUALITIES
    return [
        one in ESTIMATED or other in ESTIMATED if one or other else None
        for one, other in zip(before, after, strict=True)
    ]


def _periods(prefix: str, text: bytes) -> list[str]:
    return [_period(each) for each in text.decode("ascii").split(f"</{prefix}IntervalReading>")[:-1]]


def _period(reading: str) -> str:
    return price_period(reading.rpartition("tou>")[0].rpartition(">")[2].partition("<")[0])


def _in_bounds(read: RunColumns, oddities: Oddities) -> RunColumns:
    usable = [
        place
        for place, (start, seconds) in enumerate(zip(read.starts, read.seconds, strict=True))
        if start < START_LIMIT and seconds <= LENGTH_LIMIT
    ]
    oddities.unreadable += len(read.starts) - len(usable)
    return RunColumns(
        [read.starts[place] for place in usable],
        [read.seconds[place] for place in usable],
        [read.values[place] for place in usable],
        [read.costs[place] for place in usable] if read.costs else None,
        [read.estimated[place] for place in usable] if read.estimated else None,
        [read.periods[place] for place in usable] if read.periods else None,
    )
