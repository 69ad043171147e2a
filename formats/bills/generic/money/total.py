"""What is owed: the total, the balance before it, payments and charges, as far as they add up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from meterfarm.formats.bills.generic.found import Occurrence, Settled, by_value
from meterfarm.formats.bills.generic.labels import Field
from meterfarm.formats.bills.generic.money.balance import Balance, balance_of, payments_of
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.money.doubts import doubt_of_total
from meterfarm.formats.bills.generic.sheet import BillSheet, Label, Region

_SCAN = re.compile(r"(?:\d[ ]?){14,}")
_CREDIT = re.compile(r"\bguthaben\b|\bcredit balance\b")


def amounts_of(sheet: BillSheet, *fields: Field) -> list[Occurrence[int]]:
    """The amounts that labels of these fields have beside them."""
    found = []
    for label in sheet.labels_of(*fields):
        if _is_prose(sheet, label):
            continue
        at = sheet.money_at(label)
        if at is None:
            continue
        money, region = at
        cents = money.cents
        if (whole := _sum_of_columns(sheet, region)) is not None:
            cents = whole
        if _CREDIT.search(label.text) and cents > 0:
            cents = -cents
        found.append(Occurrence(cents, region.line, region.cell, label.text, region.how))
    return found


def _sum_of_columns(sheet: BillSheet, region: Region) -> int | None:
    """The last amount of a row, where it is the sum of those before: a total of columns."""
    if sheet.numbers is None or region.how != "right":
        return None
    found = []
    for cell in sheet.lines[region.line].cells[region.cell :]:
        amounts = sheet.numbers.money(cell.text)
        if len(amounts) != 1:
            return None
        found.append(amounts[0].cents)
    *parts, whole = found
    return whole if len(parts) > 1 and sum(parts) == whole else None


def _is_prose(sheet: BillSheet, label: Label) -> bool:
    """Whether the label stands in the middle of a sentence."""
    text = sheet.plains[label.line][label.cell]
    return label.start > 32 or len(text) > 110


def settle_money(sheet: BillSheet, rows: Sequence[ChargeRow], settled: Settled) -> None:
    """The total, and what it is made of."""
    if sheet.numbers is None:
        settled.leave("total_amount", "the amounts are written with points and with commas before the cents")
        return
    seen: dict[Field, dict[int, list[Occurrence[int]]]] = {
        field: by_value(amounts_of(sheet, field))
        for field in (
            Field.DUE,
            Field.BILL_TOTAL,
            Field.PREVIOUS,
            Field.PAYMENTS,
            Field.FORWARD,
            Field.CURRENT,
            Field.ADJUSTMENTS,
        )
    }
    due = seen[Field.DUE] or seen[Field.BILL_TOTAL]
    balance = balance_of(seen, due, rows)
    scans = list(_scan_lines(sheet))
    total = _total(sheet, due, balance, scans, rows, seen, settled)
    if total is None:
        return
    if balance is not None and balance.total == total:
        _keep_balance(balance, settled, seen)
    if "current_charges" not in settled.values and seen[Field.CURRENT]:
        _keep_current(total, seen, rows, settled)


def _keep_current(
    total: int,
    seen: Mapping[Field, Mapping[int, Sequence[Occurrence[int]]]],
    rows: Sequence[ChargeRow],
    settled: Settled,
) -> None:
    """The charges that lines add up to; unlike the total only where something carried over is seen."""
    sums = {row.cents for row in rows if "total" in row.proved}
    carried = {cents for field in (Field.PREVIOUS, Field.FORWARD) for cents in seen[field]}
    balance = settled.values.get("outstanding_balance")
    carried = (
        {balance}
        if isinstance(balance, int)
        else carried | {prior + paid for prior in carried for paid in payments_of(seen[Field.PAYMENTS])}
    )
    proved = {cents for cents in seen[Field.CURRENT] if cents in sums and total - cents in {0, *carried}}
    if len(proved) == 1:
        settled.keep("current_charges", proved.pop(), "the charges add up to it")
    else:
        settled.leave("current_charges", "nothing adds up to it and from it to the total")


def _keep_balance(
    balance: Balance, settled: Settled, seen: Mapping[Field, Mapping[int, Sequence[Occurrence[int]]]]
) -> None:
    proof = "balance, payments and charges add up to the total"
    named = {
        "previous_balance": balance.previous,
        "payments": balance.payments,
        "outstanding_balance": balance.forward,
        "current_charges": balance.current,
        "adjustments": balance.adjustments,
    }
    if balance.payments is None and balance.forward is None and balance.previous == 0:
        del named["previous_balance"]  # nothing is added to it: that it is 0 has no proof
    if balance.payments == 0 and balance.previous is None:
        del named["payments"]
    for name, cents in named.items():
        if cents is not None:
            settled.keep(name, cents, proof)
    for name, field in (
        ("previous_balance", Field.PREVIOUS),
        ("payments", Field.PAYMENTS),
        ("outstanding_balance", Field.FORWARD),
    ):
        if seen[field]:
            settled.leave(name, "it does not add up with the others to the total")


def _scan_lines(sheet: BillSheet) -> Iterator[str]:
    """What a machine is to read of the part to detach: long runs of digits."""
    for line in sheet.plain_lines:
        for match in _SCAN.finditer(line):
            yield re.sub(r"\D", "", match[0])


def _total(
    sheet: BillSheet,
    due: Mapping[int, Sequence[Occurrence[int]]],
    balance: Balance | None,
    scans: Sequence[str],
    rows: Sequence[ChargeRow],
    seen: Mapping[Field, Mapping[int, Sequence[Occurrence[int]]]],
    settled: Settled,
) -> int | None:
    if not due:
        settled.leave("total_amount", "no label of an amount due has one beside it")
        return None
    proved = {row.cents for row in rows if "total" in row.proved}
    scores: dict[int, list[str]] = {}
    shown = Counter(cents for line in sheet.lines for cents in _amounts_on(sheet, line.text))
    for cents, places in due.items():
        proofs = []
        pages = {(each.line, each.how) for each in places}
        if len(pages) > 1:
            proofs.append(f"it stands at {len(pages)} places")
        elif shown.get(cents, 0) >= _STANDS_AGAIN and abs(cents) > 999 and cents % 100:
            proofs.append(f"the amount stands on {shown[cents]} lines")
        if balance is not None and balance.total == cents and balance.strength >= 3:
            proofs.append("balance, payments and charges add up to it")
        elif cents in proved:
            proofs.append("the charges add up to it")
        if abs(cents) > 999 and any(str(abs(cents)) in scan for scan in scans):
            proofs.append("the line for machines has it")
        if due is seen[Field.DUE] and cents in seen[Field.BILL_TOTAL]:
            proofs.append("the bill's sum is it")
        if cents in seen[Field.CURRENT] and not any(seen[Field.PREVIOUS]) and not any(seen[Field.FORWARD]):
            proofs.append("the current charges are it")
        scores[cents] = proofs
    ranked = sorted(scores, key=lambda cents: (-len(scores[cents]), -len(due[cents])))
    best = ranked[0]
    if not scores[best]:
        settled.leave("total_amount", "no other figure of the bill agrees with it")
        return None
    if len(ranked) > 1:
        other = ranked[1]
        as_good = len(scores[other]) >= len(scores[best]) and not _is_part(other, best, seen)
        if as_good and (len(due[best]) <= len(due[other]) or len(scores[other]) > 1):
            settled.leave("total_amount", "the bill shows several amounts due")
            return None
    added_up = balance is not None and balance.total == best and balance.strength >= 3
    doubt = doubt_of_total(sheet, best, due, seen, rows, proved=added_up)
    if doubt:
        settled.leave("total_amount", doubt)
        return None
    settled.keep("total_amount", best, *scores[best])
    return best


_STANDS_AGAIN = 3
"""On how many lines an amount stands at least, for that to speak for it."""


def _amounts_on(sheet: BillSheet, text: str) -> set[int]:
    return {found.cents for found in sheet.numbers.money(text)} if sheet.numbers else set()


def _is_part(cents: int, total: int, seen: Mapping[Field, Mapping[int, Sequence[Occurrence[int]]]]) -> bool:
    """Whether an amount is known as something else than the total."""
    return (
        any(cents in seen[field] for field in (Field.PREVIOUS, Field.FORWARD, Field.CURRENT))
        and cents != total
    )
