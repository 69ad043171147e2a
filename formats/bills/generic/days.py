"""The days of a bill: issued, due, from when to when; as far as they agree with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from meterfarm.formats.bills.generic.dates import FoundDate, dates_in
from meterfarm.formats.bills.generic.found import Occurrence, Settled, by_value
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
_LONGEST = timedelta(days=400)
_SOON = timedelta(days=75)
_NOT_OURS = re.compile(
    r"\blast year\b|\bprevious year\b|\bprior year\b|\bconsumo annuo\b|\bspesa annua\b|"
    r"\bultimi 12 mesi|\bcontrat|\bofferta\b|\bannual\b|"
    r"\bbudget\b|\bconsiderato\b|\bsince\b|\bdepuis\b|\banno\b|\bvorjahr|"
    r"\bricalcol|\bconguagli|\brettific|\bregularis"
)
_OTHER_DAY = re.compile(r"\b(?:next|previous|last|prior)\b[^.:]{0,20}$")
_NOT_DUE = re.compile(
    r"\babschlag|\bpast due\b(?! after| date)|\bdisconnect|\bshut.?off|\bmensualite|"
    r"\boverdue\b|\bprossima\b|\bproxim"
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


def settle_days(sheet: BillSheet, settled: Settled) -> None:
    """When the bill was issued, when it is due, and what time it is of."""
    due = by_value(_first_page(sheet, _sightings(sheet, Field.DUE_ON, None)))
    billed = by_value(_first_page(sheet, _sightings(sheet, Field.BILLED_ON, None)))
    anchor = next(iter(billed), None) or next(iter(due), None)
    if anchor is not None and not due:
        due = by_value(_first_page(sheet, _sightings(sheet, Field.DUE_ON, anchor)))
    periods = [
        period for period in periods_of(sheet, anchor) if not (period.first in billed and period.last in due)
    ]
    _settle_period(periods, set(billed), set(due), settled)
    _settle_billed(billed, due, settled)
    _settle_due(due, settled)


def _sightings(sheet: BillSheet, field: Field, near: date | None) -> list[Occurrence[date]]:
    found = []
    for label in sheet.labels_of(field):
        text = sheet.plains[label.line][label.cell]
        if label.start > 48 or len(text) > 130 or _OTHER_DAY.search(text[: label.start]):
            continue
        if field is Field.DUE_ON and _NOT_DUE.search(sheet.plain_lines[label.line]):
            continue
        at = sheet.date_at(label, near)
        if at is not None:
            day, region = at
            found.append(Occurrence(day, region.line, region.cell, label.text, region.how))
    if field is Field.BILLED_ON:
        found += _beside_invoice(sheet, near)
    if field is Field.DUE_ON:
        found += _beside_amount_due(sheet, near)
    return found


_INVOICE_OF = re.compile(
    r"(?:\bfattura|\bdocumento|\bbolletta|\bfacture|\bfactura|\brechnung\w*|"
    r"\binvoice)\b.{0,45}?\d{5,}.{0,4}? (?:del|du|vom|dated)\s+"
)


def _beside_invoice(sheet: BillSheet, near: date | None) -> Iterator[Occurrence[date]]:
    """The day that follows the number of an invoice."""
    for index, text in enumerate(sheet.plain_lines):
        match = _INVOICE_OF.search(text)
        if match is None:
            continue
        found = dates_in(text[match.end() : match.end() + 24])
        if found and found[0].start == 0 and found[0].year:
            day = sheet.dates.date(found[0], near)
            if day is not None:
                yield Occurrence(day, index, 0, "invoice", "same")


def _beside_amount_due(sheet: BillSheet, near: date | None) -> Iterator[Occurrence[date]]:
    """The day that stands between the words of an amount due and the amount."""
    for label in sheet.labels_of(Field.DUE):
        text = sheet.plains[label.line][label.cell]
        rest = text[label.end :]
        found = dates_in(rest)
        if (
            found
            and len(text) < 70
            and not _NOT_DUE.search(sheet.plain_lines[label.line])
            and re.fullmatch(r"[\s:(]*(?:by|on|before|until)?[\s:(]*", rest[: found[0].start])
        ):
            day = sheet.dates.date(found[0], near)
            if day is not None:
                yield Occurrence(day, label.line, label.cell, label.text, "same")


def _first_page(sheet: BillSheet, sightings: list[Occurrence[date]]) -> list[Occurrence[date]]:
    """Those on the first page, if they agree: further pages may be of parts of the bill."""
    first = [each for each in sightings if sheet.lines[each.line].page == sheet.pages[0].number]
    return first if len({each.value for each in first}) == 1 else sightings


def _settle_billed(
    billed: dict[date, list[Occurrence[date]]], due: dict[date, list[Occurrence[date]]], settled: Settled
) -> None:
    last = settled.values.get("billing_period_to")
    possible = {
        day: places
        for day, places in billed.items()
        if not (isinstance(last, date) and not timedelta(days=-4) <= day - last <= timedelta(days=120))
        and (not due or any(timedelta(0) <= other - day <= _SOON for other in due))
    }
    if not possible and len(billed) == 1 and len(next(iter(billed.values()))) > 1:
        possible = billed
    if not billed:
        settled.leave("billed_on", "no label of a day of issue has one beside it")
        return
    if not possible:
        settled.leave("billed_on", "it does not fit the days of the bill's period and payment")
        return
    ranked = sorted(possible, key=lambda day: -len(possible[day]))
    if len(ranked) > 1 and len(possible[ranked[1]]) * 2 > len(possible[ranked[0]]):
        settled.leave("billed_on", "the bill shows several days of issue")
        return
    proofs = []
    if len(possible[ranked[0]]) > 1:
        proofs.append(f"it stands at {len(possible[ranked[0]])} places")
    if isinstance(last, date):
        proofs.append("it follows the period")
    if due:
        proofs.append("the bill is due after it")
    if not proofs:
        settled.leave("billed_on", "no other day of the bill agrees with it")
        return
    settled.keep("billed_on", ranked[0], *proofs)


def _settle_due(due: dict[date, list[Occurrence[date]]], settled: Settled) -> None:
    if not due:
        return
    billed, last = settled.values.get("billed_on"), settled.values.get("billing_period_to")
    start = billed if isinstance(billed, date) else last
    possible = {
        day: places
        for day, places in due.items()
        if not isinstance(start, date) or timedelta(0) <= day - start <= _SOON
    }
    strict = {
        day: [each for each in places if "past due" not in each.label] for day, places in possible.items()
    }
    strict = {day: places for day, places in strict.items() if places} or possible
    ranked = sorted(strict, key=lambda day: -len(strict[day]))
    if not ranked:
        settled.leave("due_on", "it does not fit the day of issue")
    elif len(ranked) > 1 and len(strict[ranked[1]]) * 2 > len(strict[ranked[0]]):
        settled.leave("due_on", "the bill shows several days to pay by")
    elif isinstance(start, date) or len(strict[ranked[0]]) > 1:
        settled.keep("due_on", ranked[0], "it follows the day of issue")
    else:
        settled.leave("due_on", "no other day of the bill agrees with it")


def _settle_period(periods: Sequence[Period], billed: set[date], due: set[date], settled: Settled) -> None:
    ends = billed or due

    def fits(period: Period) -> bool:
        return not ends or any(timedelta(days=-4) <= day - period.last <= timedelta(days=120) for day in ends)

    good = [period for period in periods if fits(period) and period.last - period.first <= _LONGEST]
    labelled = [period for period in good if period.labelled]
    chosen = _one(labelled) or _one([each for each in labelled if each.counted])
    chosen = chosen or _one([each for each in labelled if each.days_agree])
    if chosen is None:
        chosen = _one([each for each in labelled if each.adjacent])
    if chosen is None and labelled:
        chosen = _covering(labelled)
    if chosen is None and not labelled:
        chosen = _one([period for period in good if period.days_agree])
        if chosen is None and len(good) > 1:
            chosen = _one(good)
    if chosen is not None:
        chosen = _of_the_bill(chosen, good)
    if chosen is None:
        why = (
            "the bill shows several periods"
            if good
            else "no two days with a label of a period, or their number, are there"
        )
        settled.leave("billing_period_from", why)
        settled.leave("billing_period_to", why)
        return
    proofs = []
    same = [each for each in good if (each.first, each.last) == (chosen.first, chosen.last)]
    if any(each.days_agree for each in same):
        proofs.append("its days are as many as the bill says")
    if len({each.line for each in same}) > 1:
        proofs.append(f"it stands at {len({each.line for each in same})} places")
    if ends:
        proofs.append("the bill was issued after it")
    if not proofs:
        settled.leave("billing_period_from", "nothing else on the bill agrees with it")
        settled.leave("billing_period_to", "nothing else on the bill agrees with it")
        return
    settled.keep("billing_period_from", chosen.first, *proofs)
    settled.keep("billing_period_to", chosen.last, *proofs)


def _one(periods: Sequence[Period]) -> Period | None:
    different = {(each.first, each.last) for each in periods}
    return periods[0] if len(different) == 1 else None


def _of_the_bill(service: Period, periods: Sequence[Period]) -> Period:
    """The period that a service's is a part of, but for a few days, if it stands at more places."""
    lines: dict[tuple[date, date], set[int]] = {}
    for each in periods:
        lines.setdefault((each.first, each.last), set()).add(each.line)
    own = len(lines[service.first, service.last])
    wider = [
        each
        for each in periods
        if each.first <= service.first
        and each.last >= service.last
        and timedelta(0) < (each.last - each.first) - (service.last - service.first) <= _FEW_DAYS
        and len(lines[each.first, each.last]) > own
    ]
    return _one(wider) or service


_FEW_DAYS = timedelta(days=5)
"""By how much the periods of the services of a bill differ from its own."""


def _covering(periods: Sequence[Period]) -> Period | None:
    """The period that all others are parts of, if its label stands beside it, and not beside others."""
    first, last = min(each.first for each in periods), max(each.last for each in periods)
    beside = [each for each in periods if each.beside]
    if any((each.first, each.last) != (first, last) for each in beside):
        return None
    return next(iter(beside), None)


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
    if first is None or not timedelta(0) < last - first <= _LONGEST:
        if first is not None and first > last and not one.year and other.year and not _is_leap_day(first):
            first = first.replace(year=first.year - 1)
        else:
            return None
    return (first, last) if timedelta(0) < last - first <= _LONGEST else None


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
