"""The pairs of days on a bill that may be its period, each with what speaks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from meterfarm.formats.bills.generic.dates import FoundDate, dates_in
from meterfarm.formats.bills.generic.labels import Field
from meterfarm.formats.bills.generic.sheet import BillSheet, Label

_BETWEEN = re.compile(
    r"^[\s,)]*(?:-|to:?|through|thru|until|till|au|al|a|e|et|bis(?: zum)?|hasta(?: el)?|fino al|and)"
    r"(?: the| le| el| il)?[\s:(]*(?:to:? ?)?$"
)
_DAYS = re.compile(
    r"(?<![\d.,])(\d{1,3})\s?-?(?:days?|jours?|dias?|tage?n?|giorni|gg)\b|(?:days(?: billed)?|"
    r"dias facturados|tage|giorni)\s?:?\s?(\d{1,3})(?![\d.,/])"
)
LONGEST = timedelta(days=400)
_NOT_OURS = re.compile(
    r"\blast year\b|\bprevious year\b|\bprior year\b|\bconsumo annuo\b|\bspesa annua\b|"
    r"\bultimi 12 mesi|\bcontrat|\bofferta\b|\bannual\b|"
    r"\bbudget\b|\bconsiderato\b|\bsince\b|\bdepuis\b|\banno\b|\bvorjahr|"
    r"\bricalcol|\bconguagli|\brettific|\bregularis"
)


@dataclass(frozen=True, slots=True)
class Period:
    """First and last day as printed, and what speaks for it."""

    first: date
    last: date
    line: int
    labelled: bool
    days_agree: bool
    beside: bool = False
    adjacent: bool = False
    counted: bool = False


def periods_of(sheet: BillSheet, anchor: date | None) -> Iterator[Period]:
    """All pairs of days that may be a period; a year that is not printed is that of ``anchor``."""
    for index, text in enumerate(sheet.plain_lines):
        found = sheet.dates_of[index]
        if len(found) < 2:
            continue
        labelled_line = _has_label(sheet, index)
        for one, other in pairwise(found):
            between = text[one.end : other.start]
            joined = bool(_BETWEEN.match(between))
            beside = not joined and between.strip() == "" and labelled_line
            if not (joined or beside):
                continue
            pair = _pair(sheet, one, other, anchor)
            if pair is None:
                continue
            first, last = pair
            days = _days_near(sheet, index, text[other.end :])
            agree = any((last - first).days + plus in days for plus in (0, 1))
            if _NOT_OURS.search(text[: one.start]) and not agree:
                continue
            if beside and not agree:
                continue
            own = any(
                label.field is Field.PERIOD and _offset(sheet, label) <= one.start
                for label in sheet.labels_of_line(index)
            )
            near_by = any(
                label.field is Field.PERIOD
                and 0 <= one.start - _offset(sheet, label) - (label.end - label.start) <= 9
                for label in sheet.labels_of_line(index)
            )
            counted = (
                re.match(rf"\s*(?:\(\s?)?{(last - first).days}(?![\d.,/])", text[other.end :]) is not None
            )
            yield Period(first, last, index, labelled_line, agree, own, near_by, counted)
    yield from _stacked(sheet, anchor)


def _offset(sheet: BillSheet, label: Label) -> int:
    """Where a label begins in its line's text."""
    return sum(len(text) + 1 for text in sheet.plains[label.line][: label.cell]) + label.start


def _has_label(sheet: BillSheet, index: int) -> bool:
    """Whether a label of a period stands on the line, or within the three lines above it over the dates."""
    line = sheet.lines[index]
    dated = [
        cell for place, cell in enumerate(line.cells) if dates_in(sheet.plains[index][place])
    ] or line.cells
    left, right = min(cell.left for cell in dated), max(cell.right for cell in dated)
    for above in range(index, max(-1, index - 17), -1):
        other = sheet.lines[above]
        if other.page != line.page or other.middle - line.middle > 60:
            break
        for label in sheet.labels_of_line(above):
            if label.field is not Field.PERIOD:
                continue
            cell = other.cells[label.cell]
            if above == index or (cell.left < right + 8 and cell.right > left - 8):
                return True
    return False


def _days_near(sheet: BillSheet, index: int, rest: str) -> set[int]:
    found: set[int] = set()
    for place in range(max(0, index - 1), min(len(sheet.lines), index + 3)):
        if sheet.lines[place].page != sheet.lines[index].page:
            continue
        for match in _DAYS.finditer(sheet.plain_lines[place]):
            found.add(int(match[1] or match[2]))
    number = re.match(r"^\s*\|?\s*(\d{1,3})(?![\d.,/])", rest)
    if number:
        found.add(int(number[1]))
    found |= {int(match[1] or match[2]) for match in _DAYS.finditer(sheet.text)}
    for label in sheet.labels_of(Field.DAYS):
        if abs(label.line - index) > 40:
            continue
        for region in sheet.regions(label):
            value = re.match(r"^[\s:]*(\d{1,3})(?![\d.,/])", region.plain)
            if value:
                found.add(int(value[1]))
                break
    return found


def _pair(
    sheet: BillSheet, one: FoundDate, other: FoundDate, anchor: date | None
) -> tuple[date, date] | None:
    last = sheet.dates.date(other, anchor)
    if last is None:
        return None
    first = sheet.dates.date(one, last)
    if first is None or not timedelta(0) < last - first <= LONGEST:
        if first is not None and first > last and not one.year and other.year and not _is_leap_day(first):
            first = first.replace(year=first.year - 1)
        else:
            return None
    return (first, last) if timedelta(0) < last - first <= LONGEST else None


def _is_leap_day(day: date) -> bool:
    """Whether the year before has no such day."""
    return (day.month, day.day) == (2, 29)


def _stacked(sheet: BillSheet, anchor: date | None) -> Iterator[Period]:
    """Two days one below the other, under a label of a period or of reads, with their number."""
    for label in sheet.labels_of(Field.PERIOD):
        below = [region for region in sheet.regions(label) if region.how == "below"]
        days = []
        for region in below:
            found = dates_in(region.plain)
            if len(found) == 1 and found[0].end - found[0].start > len(region.plain.strip()) - 3:
                day = sheet.dates.date(found[0], anchor)
                if day is not None:
                    days.append(day)
        if len(days) == 2 and days[0] != days[1]:
            first, last = sorted(days)
            numbers = _days_near(sheet, below[-1].line, "")
            if any((last - first).days + plus in numbers for plus in (0, 1)):
                yield Period(first, last, label.line, True, True)
