"""A PDF of a bill and its correction, or of a bill and its copy: of the same account and days."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from meterfarm import utilities
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.errors import Contradiction
from meterfarm.records import Bill
from meterfarm.utilities import load_utility

_BILLS = (
    (
        *("speculoos_power", "bill_electric_and_gas"),
        {"367.003 kWh": "1367.003 kWh", "126527.207": "127527.207"},
        {"128.59": "228.59", "000012859": "000022859"},
    ),
    (
        *("stroopwafel_energy", "bill_electric_and_gas"),
        {"410.960 kWh": "1410.960 kWh", "240600.353": "241600.353"},
        {"139.03 ": "239.03 ", "in all $139.03": "in all $239.03"},
    ),
    (
        *("pepernoot_coop", "bill_net_metering"),
        {"= 208.995 kWh": "= 1208.995 kWh", "599236.189": "600236.189"},
        {"39.33": "139.33"},
    ),
)
_CHANGES = [
    (utility, case, changes, reason)
    for utility, case, meter, total in _BILLS
    for changes, reason in ((meter, "twice of the same days"), (total, "more than one “"))
]


def _pages(utility: str, case: str) -> list[str]:
    return pdf_text((Path(utilities.__path__[0]) / utility / "samples" / case / "input.pdf").read_bytes())


def _read(utility: str, pages: Sequence[str]) -> Bill:
    return load_utility(utility).read_bill(pages)


@pytest.mark.parametrize(("utility", "case", "changes", "reason"), _CHANGES)
def test_a_bill_and_its_correction_are_not_added_up(
    utility: str, case: str, changes: dict[str, str], reason: str
) -> None:
    original = _pages(utility, case)
    corrected = original
    for old, new in changes.items():
        assert any(old in page for page in corrected), old
        corrected = [page.replace(old, new) for page in corrected]
    for pages in ([*original, *corrected], [*corrected, *original]):
        with pytest.raises(Contradiction, match=f"{reason}.*a PDF of its own"):
            _read(utility, pages)


@pytest.mark.parametrize(("utility", "case"), [(utility, case) for utility, case, *_ in _BILLS])
def test_a_copy_with_other_page_numbers_is_the_same_bill(utility: str, case: str) -> None:
    pages = [
        page.replace("Page 2 of 2", "Page 2 of 4").replace("/ 2\n", "/ 4\n") for page in _pages(utility, case)
    ]
    copy = [
        page.replace("Page 2 of 4", "Page 4 of 4")
        .replace("Page 1 / 4", "Page 3 / 4")
        .replace("2 / 4", "4 / 4")
        for page in pages
    ]
    assert (copy != pages) == (utility != "pepernoot_coop")
    assert _read(utility, [*pages, *copy]) == _read(utility, pages)


@pytest.mark.parametrize(("utility", "case"), [(utility, case) for utility, case, *_ in _BILLS])
def test_a_copy_with_another_footer_has_each_meter_once(utility: str, case: str) -> None:
    pages = _pages(utility, case)
    bill = _read(utility, [*pages, *(f"{page}\nCopy" for page in pages)])
    assert bill.meters == _read(utility, pages).meters
