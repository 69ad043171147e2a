"""Drafts the layout of a bill from one of them: which text leads to each value that a person points out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from meterfarm.formats.bills.generic.labels import Field
from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.layout import (
    AMOUNTS,
    DAYS,
    AddressPattern,
    BillLayout,
    LayoutReader,
    MeterRowPattern,
)
from meterfarm.formats.bills.layout_items import ItemReader, ItemTable
from meterfarm.formats.bills.layout_patterns import require_row, row_values, text_of
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.bills.words import TextLine, pages_of
from meterfarm.formats.errors import FormatError
from meterfarm.records import Address, Bill
from meterfarm.services.layouts.addresses import addresses_on
from meterfarm.services.layouts.leads import WORD, Leads
from meterfarm.services.layouts.rows import MOST, Rows
from meterfarm.support.errors import RequestError
from meterfarm.support.foreign_text import one_line

_Value = str | int | date
_LABELLED = {"billing_period_from": "billing_period", "billing_period_to": "billing_period"}
_COUNTRIES = {"CAD": "CA"}
"""By the currency of a bill; in other languages than English the generic reader knows the country."""


class NotOnTheBill(RequestError):
    """An answer that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value on the bill, and the pattern that leads to it and to nothing else."""

    value: _Value
    printed: str
    line: str
    pattern: str


class LayoutDraft:
    """A layout that comes to be. Raises FormatError if the PDF has no text."""

    def __init__(self, pdf: bytes, name: str) -> None:
        self.name = name
        self.has = ""
        self.fields: dict[str, str] = {}
        self.meters: list[str] = []
        self.items: list[ItemTable] = []
        self.address: AddressPattern | None = None
        self.pages = pdf_text(pdf)
        self.text = text_of(self.pages)
        if not self.text.strip():
            raise FormatError("The PDF has no text, only pictures: take the original.")
        pages = list(pages_of(pdf))
        self._sheet = BillSheet(pages)
        self._proposed = read_unknown(pages)[0].fields
        self._leads = Leads(self._sheet, self._reader.numbers)
        self.rows = Rows(self._sheet, self._reader.numbers, self.text)

    @property
    def proposed_text(self) -> str:
        """A text that may be on all bills of the utility: who supplies, or the first line with words."""
        supplier = self._proposed.get("supplier")
        if isinstance(supplier, str) and supplier in self.text:
            return supplier[:60].strip()
        cells = (cell.text for line in self._sheet.lines for cell in line.cells)
        return next((text for text in cells if WORD.search(text) and text in self.text), "")[:60].strip()

    def candidates(self, name: str) -> Sequence[Candidate]:
        """The values that a field may have, the one that the generic reader found first."""
        found: dict[tuple[_Value, str], Candidate] = {}
        for line in self._sheet.lines:
            for cell, start, end in self._leads.places(name, line):
                printed = line.cells[cell].text[start:end].strip()
                value = self._reader.parsed(name, printed)
                if value is None:
                    continue
                for pattern in self._leads.patterns(line, cell, start):
                    if self._reader.found(self.text, name, pattern) == [value]:
                        found.setdefault((value, pattern), Candidate(value, printed, line.text, pattern))
                        break
        proposed = self._proposed.get(name)
        wanted = date.fromisoformat(str(proposed)) if name in DAYS and proposed else proposed
        known = [Field(_LABELLED.get(name, name))] if name in {*Field, *_LABELLED} else []
        labelled = {self._sheet.lines[label.line].text for label in self._sheet.labels_of(*known)}
        ranked = sorted(found.values(), key=lambda each: (each.value != wanted, each.line not in labelled))
        return ranked[:MOST]

    def is_proposed(self, name: str, candidate: Candidate) -> bool:
        """Whether the generic reader found this value."""
        return str(self._proposed.get(name)) == str(candidate.value)

    def entered(self, name: str, text: str) -> Candidate:
        """The place of a value as it is printed.

        Raises:
            NotOnTheBill: it is none of its kind, does not stand there, or nothing leads to it alone.
        """
        value, shown = self._reader.parsed(name, text), one_line(text, 60)
        if value is None:
            kind = "a day" if name in DAYS else "an amount with cents" if name in AMOUNTS else "a number"
            raise NotOnTheBill(f"“{shown}” is not {kind}: type it as it is printed, or -.")
        for candidate in self.candidates(name):
            if candidate.value == value:
                return candidate
        places = [line for line in self._sheet.lines if self._stands_on(name, value, line)]
        if not places:
            raise NotOnTheBill(f"“{shown}” does not stand on the bill: type it as it is printed, or -.")
        raise NotOnTheBill(f"No text before “{shown}” leads to it alone: name another value, or -.")

    def _stands_on(self, name: str, value: _Value, line: TextLine) -> bool:
        return any(
            self._reader.parsed(name, line.cells[cell].text[start:end]) == value
            for cell, start, end in self._leads.places(name, line)
        )

    @cached_property
    def _reader(self) -> LayoutReader:
        return LayoutReader("draft", self.layout())

    def layout(self) -> BillLayout:
        """The layout as far as it is there."""
        return BillLayout(
            name=self.name or "?",
            version=1,
            has=self.has or "???",
            day_first=bool(self._sheet.dates.day_first),
            decimal_comma=self._sheet.numbers is not None and self._sheet.numbers.comma,
            fields=self.fields,
            meters=[MeterRowPattern(row=row) for row in self.meters],
            items=self.items,
            address=self.address,
        )

    def add_meter(self, row: str) -> int:
        """Take a meter's row as a pattern; how many rows it finds.

        Raises:
            NotOnTheBill: it is none, or finds no row.
        """
        row = _typed(row)
        try:
            count = len(list(row_values(self.text, row)))
        except (FormatError, re.error) as exc:
            raise NotOnTheBill(f"That is no pattern of a row: {exc}.") from exc
        if not count:
            raise NotOnTheBill("No line of the bill is written so: copy the line, and name its parts.")
        self.meters.append(row)
        return count

    def address_candidates(self) -> Sequence[tuple[Address, str]]:
        """The addresses on the bill, each with a pattern that leads to it alone; the one served is first."""
        found: dict[Address, str] = {}
        for each in addresses_on(self._sheet, self._leads):
            wanted = Address(*each[:4], country=self._country)
            for pattern in each.patterns:
                if wanted not in found and self._addresses(pattern) == [wanted]:
                    found[wanted] = pattern
        return sorted(found.items(), key=lambda pair: not self.is_proposed_address(pair[0]))[:MOST]

    def is_proposed_address(self, address: Address) -> bool:
        """Whether the generic reader found that this address is served."""
        known = self._proposed.get("address")
        return isinstance(known, dict) and known["line_1"] == address.line_1 and known["city"] == address.city

    def set_address(self, pattern: str) -> Address:
        """Take the pattern of the address that is served; what it leads to.

        Raises:
            NotOnTheBill: it is none, or leads to none or to several.
        """
        pattern = _typed(pattern)
        found = self._addresses(pattern)
        if len(found) != 1:
            many = f"{len(found)} addresses are" if found else "No address of the bill is"
            raise NotOnTheBill(f"{many} written so: begin with the text above or before it.")
        self.address = AddressPattern(pattern=pattern, country=self._country)
        return found[0]

    @property
    def _country(self) -> str:
        known = self._proposed.get("address")
        if isinstance(known, dict):
            return str(known["country"])
        return _COUNTRIES.get(str(self._proposed.get("currency")), "US")

    def _addresses(self, pattern: str) -> list[Address]:
        how = AddressPattern(pattern=pattern, country=self._country)
        try:
            return list(dict.fromkeys(self._reader.addresses(self.text, how)))
        except (FormatError, re.error) as exc:
            raise NotOnTheBill(f"That is no pattern: {exc}.") from exc

    def add_items(self, after: str, before: str, rows: Sequence[str]) -> tuple[int, Sequence[str]]:
        """Take a table of charges; how many lines it has, and what of it does not agree.

        Raises:
            NotOnTheBill: a row is no pattern, or the bill has no such table.
        """
        try:
            for row in rows:
                require_row(row, "item")
            table = ItemTable(after=after, before=before, rows=rows)
            reader = ItemReader(self._reader.numbers, self._sheet.dates)
            items = reader.read(self.text, table)
        except (FormatError, ValueError, re.error) as exc:
            raise NotOnTheBill(f"That is no table: {one_line(str(exc), 120)}.") from exc
        if not items:
            raise NotOnTheBill("No line between the two is written so: copy one, and name its parts.")
        self.items.append(table)
        return len(items), [check.what for check in reader.checks if not check.passed]

    def reader(self, utility_id: str) -> LayoutReader:
        """The layout as far as it is there."""
        return LayoutReader(utility_id, self.layout())

    def bill(self) -> Bill:
        """What it reads from the bill. Raises FormatError, Contradiction."""
        return self.reader("draft").read_bill(self.pages)


def _typed(pattern: str) -> str:
    """A pattern as a person types it, in one line."""
    return pattern.replace("\\n", "\n").strip()
