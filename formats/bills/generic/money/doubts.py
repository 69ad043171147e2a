"""Why an amount that the bill has as its total may not be it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from meterfarm.formats.bills.generic.found import Occurrence
from meterfarm.formats.bills.generic.labels import Field
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.sheet import BillSheet

_SETTLES = re.compile(
    r"\breste a payer|\ben votre faveur|\brembours|\bdeduction d|\bmensualite|\bsolde\b|\bpreleve|"
    r"\brest(?:betrag|forderung)|\berstatt|\bgutschrift|\babschlag|\bteilbetrag|\bvorauszahlung|"
    r"\bgezahlt|\bakonto|\bsaldo (?:anterior|solar)|\bacconti\b|\bpagament"
)
_PLAN = re.compile(
    r"\b(?:budget|level(?:ized)?|equal|average) (?:billing|bill|plan|payment|pay|amount)|"
    r"\bpayment (?:arrangement|agreement)|\bcuota fija"
)
_LATE = re.compile(r"\bafter\b|\bif paid late|\bgross\b|\blate\b")
_CREDITED = re.compile(
    r"\bcredit balance\b|\bdo not pay\b|\bno payment (?:is )?(?:due|required|necessary)|"
    r"\d\.\d\d\s?>|\bcr \$?\d"
)
_BY_ITSELF = re.compile(r"\bauto(?:matic|pay|-pay)|\bauto pay\b|\bdirect debit\b|\bbank draft\b")
_LONGEST_ROW = 110
_LONGEST_NOTE = 60

Sightings = Mapping[int, Sequence[Occurrence[int]]]


def doubt_of_total(
    sheet: BillSheet,
    best: int,
    due: Sightings,
    seen: Mapping[Field, Sightings],
    rows: Sequence[ChargeRow],
    *,
    proved: bool,
) -> str:
    """What speaks against the total, "" if nothing does; ``proved``: balance and charges add up to it."""
    others = _others(sheet, best, due, rows)
    if best < 0 and 0 in others:
        return "the bill shows a credit, and that nothing is due"
    of_account = all("account balance" in place.label for place in due[best])
    if of_account and any(
        "account balance" not in each.label for cents in others if cents for each in due[cents]
    ):
        return "the bill shows a balance and another amount due"
    if others and any(_PLAN.search(text) and _has_money(sheet, text) for text in sheet.plain_lines):
        return "the bill shows a balance and what a plan asks for"
    if proved:
        return ""
    if any(cents not in seen[Field.PREVIOUS] and cents not in seen[Field.FORWARD] for cents in others):
        return "the bill shows several amounts due"
    if _is_settled_against(sheet, best):
        return "something is taken from the bill's sum or added to it"
    if all(_is_late(sheet, place) for place in due[best]):
        return "it is what is due after the day to pay by"
    if best > 0 and _speaks_of_credit(sheet):
        return "the bill speaks of a credit balance"
    return ""


def _others(sheet: BillSheet, best: int, due: Sightings, rows: Sequence[ChargeRow]) -> list[int]:
    """Other amounts due, without those for paying late and the parts of this one."""
    lines = {line for row in rows if row.cents == best for line in row.parts}
    parts = {row.cents for row in rows if row.line in lines}
    others = [
        cents
        for cents, places in due.items()
        if cents != best and cents not in parts and not all(_is_late(sheet, place) for place in places)
    ]
    listed = [cents for cents in others if _is_listed(sheet, cents, due, best)]
    return [cents for cents in others if cents not in listed] if len(listed) > 1 else others


def _is_listed(sheet: BillSheet, cents: int, due: Sightings, best: int) -> bool:
    """Whether it is what one of several accounts owes: due on a later page, and in a list before that."""
    first = min(sheet.lines[place.line].page for place in due[cents])
    if sheet.numbers is None or first <= min(sheet.lines[place.line].page for place in due[best]):
        return False
    before = (line.text for line in sheet.lines if line.page < first)
    return any(found.cents == cents for text in before for found in sheet.numbers.money(text))


def _is_late(sheet: BillSheet, place: Occurrence[int]) -> bool:
    return bool(_LATE.search(sheet.plain_lines[place.line]))


def _speaks_of_credit(sheet: BillSheet) -> bool:
    """Whether a short line of the first page does: not the small print."""
    first = sheet.pages[0].number
    return any(
        line.page == first
        and len(text) < _LONGEST_NOTE
        and _CREDITED.search(text)
        and not _BY_ITSELF.search(text)
        for line, text in zip(sheet.lines, sheet.plain_lines, strict=True)
    )


def _has_money(sheet: BillSheet, text: str) -> bool:
    return sheet.numbers is not None and bool(sheet.numbers.money(text))


def _is_settled_against(sheet: BillSheet, best: int) -> bool:
    """Whether a row has another amount: one paid before, given back, or asked for from now on."""
    return sheet.numbers is not None and any(
        len(text) < _LONGEST_ROW
        and _SETTLES.search(text)
        and any(found.cents and abs(found.cents) != abs(best) for found in sheet.numbers.money(text))
        for text in sheet.plain_lines
    )
