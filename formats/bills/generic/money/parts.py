"""What each service, delivery, supply and taxes cost, as far as the sums of a bill prove it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.labels import LABELS, Field, plain
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.money.items import taxed
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.records import Commodity

_PARTS = (
    (Field.ELECTRIC_AMOUNT, "electricity_amount", Commodity.ELECTRIC),
    (Field.GAS_AMOUNT, "gas_amount", Commodity.GAS),
    (Field.WATER_AMOUNT, "water_amount", Commodity.WATER),
    (Field.SEWER_AMOUNT, "sewer_amount", Commodity.WATER),
    (Field.DELIVERY, "delivery_charge", None),
    (Field.SUPPLY, "supply_charge", None),
    (Field.SOLAR_CREDIT, "community_solar_bill_credit", None),
    (Field.LATE_FEES, "late_fees", None),
    (Field.DEPOSITS, "deposits", None),
    (Field.TAXES, "taxes", None),
)


def settle_parts(
    sheet: BillSheet, rows: Sequence[ChargeRow], kinds: frozenset[Commodity], settled: Settled
) -> None:
    """What each service, delivery, supply and taxes cost, where the sums of the bill prove it."""
    current = settled.values.get("current_charges")
    if current is None and settled.values.get("outstanding_balance", 0) == 0:
        current = settled.values.get("total_amount")
    for field, name, kind in _PARTS:
        if kind is not None and kind not in kinds:
            continue
        found: dict[int, list[ChargeRow]] = {}
        for row in rows:
            text = _label_part(row)
            whole = LABELS[field].fullmatch(text) if field in _WHOLE else LABELS[field].match(text)
            if whole is not None and not _NOT_PART.search(plain(row.name)):
                found.setdefault(row.cents, []).append(row)
        if not found:
            if why := _why_not_found(sheet, rows, field):
                settled.leave(name, why)
            continue
        if kind is not None and kinds == {kind} and field is not Field.SEWER_AMOUNT and current in found:
            proved = {current}
        elif kind is not None and kinds == {kind} and kind is not Commodity.WATER:
            proved = set()
        else:
            proved = {
                cents for cents, own in found.items() if any(row.proved & {"sum", "total"} for row in own)
            }
            totals = {cents for cents in proved if any("total" in row.proved for row in found[cents])}
            if field in (Field.DELIVERY, Field.SUPPLY) or (len(totals) == 1 and field in _WHOLE):
                proved = totals
        if field is Field.TAXES and len(proved) == 1 and _has_other_taxes(rows, found[min(proved)]):
            settled.leave(name, "the bill has other taxes beside them")
            continue
        if len(proved) == 1 and (field in _WHOLE or len(found) == 1):
            settled.keep(name, next(iter(proved)), "the bill's sums have it")
        else:
            settled.leave(name, "the sums of the bill do not prove it")
    _settle_delivery_and_supply(rows, current, settled)


def _why_not_found(sheet: BillSheet, rows: Sequence[ChargeRow], field: Field) -> str:
    """Why no row has an amount, "" if the bill does not speak of it."""
    if field is Field.TAXES and any(_A_TAX.search(plain(row.name)) for row in rows):
        return "the bill has taxes one by one, and no sum of them"
    return "no charge has its name alone" if sheet.labels_of(field) else ""


_A_TAX = re.compile(
    r"\btax\b|\b(?:vat|[gh]st|pst|qst|tps|tvq|tva|iva|mwst|umsatzsteuer|mehrwertsteuer)\b|\bsteuer|\bimpuesto|\baccis"
)
_VALUE_ADDED = re.compile(r"\b(?:iva|vat|tva|mwst|mehrwertsteuer|umsatzsteuer|sales tax|g\.?s\.?t)\b")

_EXCISE = re.compile(
    r"\b(?:strom|energie|erdgas|gas)steuer|\baccis[ae]\b|\bimpuestos?\b|\bexcise\b|"
    r"\b(?:utility|franchise) tax|\bcontribution tarifaire\b|\bcta\b|\bticfe\b|\bticgn\b"
)


def _has_other_taxes(rows: Sequence[ChargeRow], own: Sequence[ChargeRow]) -> bool:
    """Whether a tax on sales stands beside a sum of taxes that does not name it, nor is made of it.

    Or a tax on energy beside one on sales.
    """
    is_value_added = any(_VALUE_ADDED.search(plain(row.name)) for row in own)
    if is_value_added and any(_EXCISE.search(plain(row.name)) for row in own):
        return False
    other = _EXCISE if is_value_added else _VALUE_ADDED
    amounts = {row.cents for row in rows}
    parts = {(row.page, line) for row in own for line in row.parts}
    total, bases = own[0].cents, taxed(rows)
    return any(
        row.cents > 0
        and row.cents != total
        and other.search(plain(row.name))
        and (row.page, row.line) not in parts
        and (row.page, row.line, row.cell) not in bases
        and not (row.cents < total and total - row.cents in amounts)
        for row in rows
    )


def _settle_delivery_and_supply(rows: Sequence[ChargeRow], current: object, settled: Settled) -> None:
    """Both, where together they are the charges, with the taxes or without."""
    if "delivery_charge" in settled.values and "supply_charge" in settled.values:
        return
    named: dict[Field, set[int]] = {
        field: {row.cents for row in rows if LABELS[field].fullmatch(_label_part(row)) and row.cents}
        for field in (Field.DELIVERY, Field.SUPPLY)
    }
    taxes = settled.values.get("taxes")
    totals = {current, settled.values.get("electricity_amount"), settled.values.get("gas_amount")} - {None}
    pairs = {
        (delivery, supply)
        for delivery in named[Field.DELIVERY]
        for supply in named[Field.SUPPLY]
        for extra in {0, taxes if isinstance(taxes, int) else 0}
        if delivery + supply + extra in totals
    }
    if len(pairs) == 1:
        delivery, supply = pairs.pop()
        settled.keep("delivery_charge", delivery, "with the supply it is the charges")
        settled.keep("supply_charge", supply, "with the delivery it is the charges")


def _label_part(row: ChargeRow) -> str:
    """A row's name up to its first figure."""
    return re.split(r"[\d($:]|\.\.", plain(row.name), maxsplit=1)[0].strip(" -:.")


_WHOLE = frozenset(
    {
        Field.ELECTRIC_AMOUNT,
        Field.GAS_AMOUNT,
        Field.WATER_AMOUNT,
        Field.SEWER_AMOUNT,
        Field.DELIVERY,
        Field.SUPPLY,
    }
)
_NOT_PART = re.compile(
    r"\bprevious\b|\bpayment|\bbalance\b|\brate\b|\bper\b|\bexempt|\bcredit for|\bx\b|"
    r"\binterest\b|\brefund|\bwaive|\brevers"
)
