"""Which rows with an amount are charges by themselves: no sums, balances, or parts of other charges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from meterfarm.formats.bills.generic.amounts import rounded
from meterfarm.formats.bills.generic.labels import plain
from meterfarm.formats.bills.generic.money.charges import ChargeRow, says

_OF_BALANCE = re.compile(
    r"\bprevious\b|\bpayment|\bbalance\b|\blast bill\b|\bprior\b|\bthank you\b|\bpaid\b|"
    r"\bpay this\b|^pay\b|\bplease pay\b|\bpast due\b|"
    r"\bsaldo\b|\bsolde\b|\bzahlungen\b|\bzu zahlen|\babschlag|\bakonto|"
    r"\bvorauszahl|\bguthaben|\bzahlbetrag|\bnachzahlung|"
    r"\brest(?:betrag|forderung)|\barrears\b|\bdirect debit\b|\bpaiements?\b|\bfacture precedente\b|"
    r"\bmensualite|\bpreleve|\breste a payer|\bacconti\b|\bpagament|\bpagos?\b"
)
_SUM_NAME = re.compile(
    r"^(?:current|new) (?:charges|bill)$|^(?:sous[- ]?|sub[- ]?)?total(?:e|es)?\b|\bsumme\b|zwischensumme|"
    r"^gesamt|\brechnungsbetrag|\bbruttobetrag|"
    r"\bnettobetrag|\bimponibile\b|\bbase imponible\b|\bimporte total\b"
)


def items_of(rows: Sequence[ChargeRow]) -> list[ChargeRow]:
    """The rows that are charges by themselves, each once: not what a summary repeats of them."""
    totals = {row.cents for row in rows if "total" in row.proved and row.parts}
    bases = taxed(rows)
    items = [row for row in rows if _is_item(row) and (row.page, row.line, row.cell) not in bases]
    detailed = {row.cents for row in items if "product" in row.proved}
    return [
        row
        for row in items
        if "product" in row.proved or not (row.cents in totals or (row.cents and row.cents in detailed))
    ]


def taxed(rows: Sequence[ChargeRow]) -> set[tuple[int, int, int]]:
    """The places of amounts that a tax is a part of: another on their line is so many percent of them."""
    on_line: dict[tuple[int, int], list[ChargeRow]] = {}
    for row in rows:
        on_line.setdefault((row.page, row.line), []).append(row)
    found = set()
    for beside in on_line.values():
        shares = {
            Decimal(share.replace(",", "."))
            for row in beside
            for share in _PERCENT.findall(row.text)
            if len(beside) > 1
        }
        for row in beside:
            parts = {rounded(row.cents * share / 10_000) for share in shares}
            if any(other is not row and other.cents and other.cents in parts for other in beside):
                found.add((row.page, row.line, row.cell))
    return found


_PERCENT = re.compile(r"(\d{1,2}(?:[.,]\d+)?)\s?%")
_INCLUDED = re.compile(
    r"^(?:di cui|dont|davon|darin|of which|thereof|incl)|\bto date\b|^ahorro\b|"
    r"\b(?:on|of|sur|sobre|su|de|di|auf|von)$"
)
"""The name of a part of another charge, of what was charged before too, or of what a tax is taken on."""


def _is_item(row: ChargeRow) -> bool:
    """Whether a row is proved, no total, and of no balance."""
    if not row.cents or not row.proved & {"sum", "product"} or "total" in row.proved:
        return False
    text = plain(row.name)
    if "product" not in row.proved and _SUM_NAME.search(text):
        return False
    return says(text) and not _OF_BALANCE.search(text) and not _INCLUDED.search(text)
