"""The days of a bill: issued, due, from when to when; as far as they agree with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from meterfarm.formats.bills.generic.dates import dates_in
from meterfarm.formats.bills.generic.found import Occurrence, Settled, by_value
from meterfarm.formats.bills.generic.labels import Field
from meterfarm.formats.bills.generic.periods import LONGEST, Period, periods_of
from meterfarm.formats.bills.generic.sheet import BillSheet

_SOON = timedelta(days=75)
_OTHER_DAY = re.compile(r"\b(?:next|previous|last|prior)\b[^.:]{0,20}$")
_NOT_DUE = re.compile(
    r"\babschlag|\bpast due\b(?! after| date)|\bdisconnect|\bshut.?off|\bmensualite|"
    r"\boverdue\b|\bprossima\b|\bproxim"
)


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

    good = [period for period in periods if fits(period) and period.last - period.first <= LONGEST]
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
