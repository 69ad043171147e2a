"""Reads bills of unknown layouts: what independent checks agree on, and why the rest is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from meterfarm.formats.bills.generic.addresses import settle_address, settle_mailing_address
from meterfarm.formats.bills.generic.days import settle_days
from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.ids import (
    meter_ids,
    settle_account,
    settle_invoice,
    settle_names,
    settle_tariff,
)
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.language import KNOWN_WORDS
from meterfarm.formats.bills.generic.money.charges import charge_rows
from meterfarm.formats.bills.generic.money.items import items_of
from meterfarm.formats.bills.generic.money.parts import settle_parts
from meterfarm.formats.bills.generic.money.total import amounts_of, settle_money
from meterfarm.formats.bills.generic.output import item_of, reading_of
from meterfarm.formats.bills.generic.rebilled import settle_rebilled
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.generic.use.commodities import commodities
from meterfarm.formats.bills.generic.use.demand import settle_demand, settle_power_factor
from meterfarm.formats.bills.generic.use.reads import reads_of
from meterfarm.formats.bills.generic.use.settle import settle_uses
from meterfarm.formats.bills.usage_statement import is_usage_statement, read_usage_statement
from meterfarm.formats.bills.words import PageText
from meterfarm.records import BillCheck, BillReading, LineItem

_FIRST_PAGE = re.compile(r"\b(?:page|pagina|seite) 1 (?:of|de|di|von|sur|/) \d+\b|\bpage 1/\d+\b")
_MOST_BILLS = 500
_LATEST_START = 40
"""How far into its cell a label of an account may begin."""
_FEWEST_KNOWN = 4
"""Words of any of the languages that a bill has at least, if its characters are what they seem."""
PICTURES = "The PDF has no text, only pictures"
GARBLED = "The PDF's fonts do not say which characters they show"


def read_unknown(
    pages: Sequence[PageText], *, ocr: bool = False, failures: Sequence[str] = ()
) -> list[BillReading]:
    """The bills on the pages of a PDF that no layout reads: one, several in a row, or a statement's.

    ``failures`` are what layouts say that know it: checks that it did not pass.
    """
    if is_usage_statement(pages):
        return read_usage_statement(pages)
    failed = [BillCheck("layout", False, failure) for failure in failures]
    found = [_read_one(sheet, ocr=ocr) for sheet in sheets_of(pages)]
    return [replace(each, checks=[*each.checks, *failed]) for each in found] if failed else found


def line_items(pages: Sequence[PageText]) -> list[LineItem]:
    """The charges on a bill's pages that its sums or their own figures prove."""
    sheet = BillSheet(pages)
    return [item_of(sheet, row) for row in items_of(charge_rows(sheet))]


def unreadable(pages: Sequence[PageText]) -> str:
    """Why there is no text to read on pages, as the beginning of a sentence; "" if there is some."""
    words = [word for page in pages for line in page.lines for word in plain(line.text).split()]
    if not words:
        return PICTURES
    known = sum(1 for word in words[:4000] if word.strip(".,:;()") in KNOWN_WORDS)
    return GARBLED if len(words) > 60 and known < _FEWEST_KNOWN else ""


def _parts(pages: Sequence[PageText]) -> list[Sequence[PageText]]:
    """The pages of each bill, where every bill counts its own."""
    starts = [
        index
        for index, page in enumerate(pages)
        if any(_FIRST_PAGE.search(plain(line.text)) for line in page.lines)
    ]
    if len(starts) < 2 or starts[0] != 0:
        return [pages]
    ends = [*starts[1:], len(pages)]
    return [pages[start:end] for start, end in zip(starts, ends, strict=True)][:_MOST_BILLS]


def sheets_of(pages: Sequence[PageText]) -> list[BillSheet]:
    """A sheet of each bill: by the pages' numbers, else by accounts and days that differ."""
    parts = _parts(pages)
    if len(parts) > 1:
        return [BillSheet(part) for part in parts]
    sheet = BillSheet(pages)
    parts = _parts_that_differ(sheet)
    return [BillSheet(part) for part in parts] if len(parts) > 1 else [sheet]


def _parts_that_differ(sheet: BillSheet) -> list[Sequence[PageText]]:
    """The pages of each bill: one begins where account or days differ, and an amount is due."""
    pages = sheet.pages
    accounts: dict[int, set[str]] = {}
    days: dict[int, set[date]] = {}
    for label in sheet.labels_of(Field.ACCOUNT) if len(pages) > 1 else ():
        if label.start <= _LATEST_START and (at := sheet.id_at(label)) is not None:
            account = re.sub(r"[^A-Za-z0-9]", "", at[0])
            accounts.setdefault(sheet.lines[label.line].page, set()).add(account)
    if not accounts:
        return [pages]
    for label in sheet.labels_of(Field.BILLED_ON, Field.DUE_ON):
        if (day := sheet.date_at(label)) is not None:
            days.setdefault(sheet.lines[label.line].page, set()).add(day[0])
    with_amount = {sheet.lines[each.line].page for each in amounts_of(sheet, Field.DUE)}
    starts: list[int] = []
    for index, number in enumerate(page.number for page in pages):
        if len(accounts.get(number, ())) != 1 or number not in days or number not in with_amount:
            continue
        before = [pages[start].number for start in starts]
        if not any(accounts[other] == accounts[number] and days[other] & days[number] for other in before):
            starts.append(index)
    if len(starts) < 2 or starts[0] != 0:
        return [pages]
    ends = [*starts[1:], len(pages)]
    return [pages[start:end] for start, end in zip(starts, ends, strict=True)][:_MOST_BILLS]


def _read_one(sheet: BillSheet, *, ocr: bool) -> BillReading:
    settled = Settled()
    if sheet.currency:
        settled.keep("currency", sheet.currency, "by its sign and the country of the addresses")
    rows = charge_rows(sheet)
    settle_days(sheet, settled)
    settle_money(sheet, rows, settled)
    settle_account(sheet, settled)
    settle_invoice(sheet, settled)
    settle_address(sheet, settled)
    settle_mailing_address(sheet, settled)
    settle_names(sheet, settled)
    settle_tariff(sheet, settled)
    kinds = commodities(sheet)
    reads = reads_of(sheet)
    settle_uses(sheet, rows, reads, kinds, settled)
    settle_parts(sheet, rows, kinds, settled)
    settle_demand(sheet, rows, settled)
    settle_power_factor(sheet, settled)
    settle_rebilled(sheet, rows, reads, kinds, settled)
    settled.values["_meters"] = meter_ids(sheet)
    settled.values["_kinds"] = sorted(kinds)
    return reading_of(sheet, settled, items_of(rows), reads, ocr=ocr)
