"""Addresses on a bill as patterns: the text above or before the street, then street and town, a line each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.words import TextLine
from meterfarm.services.layouts.leads import WORD, Leads

_TOWN = re.compile(
    r"(?P<city>[^\W\d_][^\W\d_.'-]+(?:[ .'-]+[^\W\d_]+){0,4}),? (?P<state>[A-Z]{2}),? "
    r"(?P<postal_code>\d{5}(?:-\d{4})?|[A-Z]\d[A-Z] \d[A-Z]\d)"
)
_SAME_COLUMN = 6
"""Points by which two cells of a column begin apart at most."""


class AddressOnBill(NamedTuple):
    """An address, and patterns that may lead to it."""

    line_1: str
    city: str
    state: str
    postal_code: str
    patterns: tuple[str, ...]


def addresses_on(sheet: BillSheet, leads: Leads) -> Iterator[AddressOnBill]:
    """The addresses with a town, a state or province and a postal code on the line below a street."""
    for place, line in enumerate(sheet.lines[1:], start=1):
        above = sheet.lines[place - 1]
        for at, cell in enumerate(line.cells):
            town = _TOWN.fullmatch(cell.text.strip())
            over = _over(above, cell.left) if town is not None and above.page == line.page else None
            if town is None or over is None or not any(map(str.isdigit, above.cells[over].text)):
                continue
            label, colon, street = above.cells[over].text.rpartition(": ")
            first = _row(leads, above, over, f"{label}{colon}{{line_1}}")
            second = _row(leads, line, at, cell.text.strip().replace(town[0], _town_of(town)))
            patterns = [f"{first}\n{second}"] if WORD.search(first.partition("{line_1}")[0]) else []
            if place > 1 and sheet.lines[place - 2].page == line.page:
                lead = leads.general(sheet.lines[place - 2].text)
                patterns += [f"{lead}\n{first}\n{second}"] if WORD.search(lead) else []
            yield AddressOnBill(
                street.strip(), town["city"], town["state"], town["postal_code"], tuple(patterns)
            )


def _over(line: TextLine, left: float) -> int | None:
    return next((at for at, each in enumerate(line.cells) if abs(each.left - left) < _SAME_COLUMN), None)


def _town_of(town: re.Match[str]) -> str:
    text = town[0].replace(town["postal_code"], "{postal_code}")
    return re.sub(rf"\b{town['state']}\b(?=,? \{{)", "{state}", text).replace(town["city"], "{city}", 1)


def _row(leads: Leads, line: TextLine, at: int, own: str) -> str:
    """A line as a pattern: one cell as it is to be, the others with holes for what differs."""
    before = leads.general(" ".join(each.text for each in line.cells[:at]))
    after = leads.general(" ".join(each.text for each in line.cells[at + 1 :]))
    return " ".join(part for part in (before, own, after) if part)
