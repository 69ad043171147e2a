"""Reads of meters: the rows in which two reads, and perhaps a multiplier, make what was used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from meterfarm.formats.bills.generic.amounts import UNIT, Amount
from meterfarm.formats.bills.generic.sheet import BillSheet

READ_HEAD = re.compile(
    r"\bprev(?:ious)?\b|\bpres(?:ent)?\b|\bcurr(?:ent)?\b|\bprior\b|\bread(?:ing)?s?\b|\bindex\b|\blettur|\blectura|"
    r"\bzahlerstand|\banterior\b|\breleve"
)
_PREVIOUS = re.compile(
    r"\bprev(?:ious)?\b|\bprior\b|\bprecedente?\b|\banterior\b|\balter\b|\bpast\b|\bbegin|\bold\b|"
    r"\bstart\b|anfang"
)
_NOW = re.compile(r"\bcurr(?:ent)?\b|\bpres(?:ent)?\b|\bactual\b|\bnuov|\bnouvel|\bneu\b|\battuale\b|\bnew\b")
_RECEIVED = re.compile(
    r"\breceived\b|\bgenerat(?:ed|ion)\b|\bexport|\breturned\b|\bto (?:the )?grid\b|\bexcess\b|"
    r"\binjected|\bexcedente|\beinspeis|\bimmess"
)
_MULTIPLIER = re.compile(
    r"\bmult(?:iplier)?\b|\bconst(?:ant)?\b|\bct ratio\b|\bmeter factor\b|\bwandlerfaktor|"
    r"\bfactor\b|\bcoefficiente\b"
)


@dataclass(slots=True)
class MeterRead:
    """Two reads, a multiplier and what they make: ``(current - previous) * multiplier`` is ``used``."""

    line: int
    previous: Decimal
    current: Decimal
    multiplier: Decimal
    used: Decimal
    unit: str
    received: bool = False


def reads_of(sheet: BillSheet) -> list[MeterRead]:
    """The rows in which two reads make what was used."""
    if sheet.numbers is None:
        return []
    found = []
    for index, line in enumerate(sheet.lines):
        text = line.text
        if sum(map(str.isdigit, text)) < 7 or len(text) > 260:
            continue
        near = " ".join(sheet.plain_lines[max(0, index - 22) : index + 1])
        unit = _unit_near(sheet, index)
        if unit is None or not READ_HEAD.search(near):
            continue
        one = _read_in(sheet, index, unit)
        if one is None:
            continue
        close = " ".join(sheet.plain_lines[max(0, index - 9) : index + 1])
        if one.multiplier > 1 or READ_HEAD.search(close):
            found.append(one)
    return found


def _read_in(sheet: BillSheet, index: int, unit: str) -> MeterRead | None:
    """The reads of a row: two numbers side by side, then perhaps a multiplier, then what they make."""
    if sheet.numbers is None:
        return None
    text = sheet.lines[index].text
    numbers = [
        each for each in sheet.numbers.amounts(text) if text[each.end : each.end + 2].strip()[:1] != "%"
    ][:14]
    best: tuple[int, MeterRead] | None = None
    for place, (first, second) in enumerate(pairwise(numbers)):
        one, other = abs(first.value), abs(second.value)
        if (max(one, other) < 20 and "." not in text[first.start : second.end]) or one == other:
            continue
        rest = [*numbers[place + 2 :], *reversed(numbers[:place])]
        for used in rest:
            if used.value <= 0:
                continue
            multiplier = _multiplier(abs(one - other), used, rest)
            if multiplier is None:
                continue
            after = used.start > second.start
            score = 4 * after + 2 * bool(used.unit) + (multiplier > 1)
            read = MeterRead(
                index, min(one, other), max(one, other), multiplier, used.value, used.unit or unit
            )
            if score >= 2 and (best is None or score > best[0]):
                best = score, read
    if best is None or (best[1].multiplier == 1 and _is_multiplied(sheet, best[1], numbers)):
        return None
    here = sheet.plain_lines[index]
    best[1].received = bool(_RECEIVED.search(here)) and not re.search(
        r"\bdelivered\b|\bfrom (?:the )?grid", here
    )
    return best[1]


def not_multiplied(sheet: BillSheet) -> set[Decimal]:
    """What two reads of a row make that has a multiplier too, by the head of its table."""
    found: set[Decimal] = set()
    if sheet.numbers is None or not _MULTIPLIER.search(sheet.text):
        return found
    for index, line in enumerate(sheet.lines):
        numbers = sheet.numbers.amounts(line.text)[:14]
        for first, second in pairwise(numbers):
            low, high = sorted((first.value, second.value))
            read = MeterRead(index, low, high, Decimal(1), high - low, "")
            if any(each.value == read.used for each in numbers) and _is_multiplied(sheet, read, numbers):
                found.add(read.used)
    return found


def _is_multiplied(sheet: BillSheet, read: MeterRead, numbers: Sequence[Amount]) -> bool:
    """Whether the table has a multiplier, and the row a number that may be it."""
    if not _MULTIPLIER.search(" ".join(sheet.plain_lines[max(0, read.line - 9) : read.line + 1])):
        return False
    own = (read.previous, read.current, read.used)
    rest = [each.value for each in numbers if each.value not in own and each.value < 100_000]
    return bool(rest) and 1 not in rest


def _multiplier(difference: Decimal, used: Amount, numbers: Sequence[Amount]) -> Decimal | None:
    if difference == used.value:
        return Decimal(1)
    for each in numbers:
        if each is not used and each.value > 1 and difference * each.value == used.value:
            return each.value
    return None


def _unit_near(sheet: BillSheet, index: int) -> str | None:
    """The unit on a line, else in the few lines above it that its table begins with."""
    page = sheet.lines[index].page
    for place in range(index, max(-1, index - 6), -1):
        if sheet.lines[place].page != page:
            break
        found = UNIT.findall(sheet.plain_lines[place])
        if found:
            return str(found[0])
    return None


def names_both(sheet: BillSheet, line: int) -> bool:
    """Whether the row or the head of its table says which read is the earlier, and which the later."""
    near = " ".join(sheet.plain_lines[max(0, line - 4) : line + 1])
    return bool(_PREVIOUS.search(near) and _NOW.search(near))
