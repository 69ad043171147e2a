"""Whatever figure of a bill is altered, by itself: all is read, and a check that fails names its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from meterfarm import utilities
from meterfarm.formats.bills.checks import checks_of
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.utilities import load_utility

_BILLS = (
    ("speculoos_power", "bill_electric_and_gas"),
    ("speculoos_power", "bill_community_solar"),
    ("speculoos_power", "bill_solar"),
    ("stroopwafel_energy", "bill_electric_and_gas"),
    ("stroopwafel_energy", "bill_solar"),
    ("pepernoot_coop", "bill_carried_over"),
    ("pepernoot_coop", "bill_net_metering"),
)
_FIGURE = re.compile(r"(?<![\d-])\d[\d,]*\.\d{2,}(?!\d)|(?<= )1(?= month)|\b0000\d{5}\b")
_NAMES = re.compile(r"\b[EG]\d{7}\b|^\D+?(?= your share| -?\$| [\d.]+ (?:kWh|therms)| 1 month)")


@cache
def _pages(utility: str, case: str) -> tuple[str, ...]:
    file = Path(utilities.__path__[0]) / utility / "samples" / case / "input.pdf"
    return tuple(pdf_text(file.read_bytes()))


def _altered(pages: tuple[str, ...]) -> Iterator[tuple[str, str, list[str]]]:
    """The line, the one above it, and the pages, for each figure with another digit in it."""
    for number, page in enumerate(pages):
        for found in _FIGURE.finditer(page):
            start = page.rfind("\n", 0, found.start()) + 1
            line = page[start:].partition("\n")[0]
            at = found.end() - 1 - (len(found[0]) > 1)
            if page[found.start() - 3 : found.start()] == "x $":  # a rate: one that matters to the cent
                at = found.start() + len(found[0]) - len(found[0].lstrip("0."))
            other = str((int(page[at]) + 3) % 10)
            changed = page[:at] + other + page[at + 1 :]
            above = page[:start].rstrip("\n").rpartition("\n")[2]
            yield f"{line} [{found[0]}]", above, [*pages[:number], changed, *pages[number + 1 :]]


def _names(line: str, above: str) -> list[str]:
    """What the line is called; of the total in a box, and in the part to detach, the total."""
    line, _, figure = line.partition(" [")
    rows = _NAMES.findall(line) or _NAMES.findall(above)
    names = [re.sub(r"^(?:Delivery|Supply|Credit) (?=[A-Z])", "", name.strip()) for name in rows[:1]]
    is_total = line.startswith(("Please pay", "You owe", "$")) or (
        line.isascii() and not line.strip("0123456789 ")
    )
    is_total = is_total or (line.count("$") > 1 and "x $" not in line and line.endswith(figure.rstrip("]")))
    return [*names, "Total amount due", "You owe in all"] if is_total else names


@pytest.mark.parametrize(("utility", "case"), _BILLS)
def test_the_check_that_fails_names_the_line(utility: str, case: str) -> None:
    reader = load_utility(utility)
    whole = checks_of(reader.read_bill(_pages(utility, case)))
    assert all(check.passed for check in whole)
    tried = 0
    for line, above, pages in _altered(_pages(utility, case)):
        failed = [check.what for check in checks_of(reader.read_bill(pages)) if not check.passed]
        names = _names(line, above)
        assert any(name in what for what in failed for name in names), (line, names, failed)
        tried += 1
    assert tried > 20
