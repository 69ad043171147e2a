"""What portals' bills are read by: the layout, whose failed checks hide nothing, or as any bill."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import ClassVar

import pytest

from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.speculoos_power.bill_pdf import render_bill
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.records import Bill, BillCheck, BillStatus, Document, ListedBill
from meterfarm.scrapers.bill_reader import GENERIC
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.runs.bills import doubt_of, read_document
from meterfarm.storage.data import ReadBill
from meterfarm.utilities import load_utility
from tests.formats.bills_made import AMERICAN
from tests.utilities.bills_only import BillsOnly, pdf

_SOLD = bills(CUSTOMERS["iamvalid@bayou.energy"].accounts[0], date(2026, 11, 21))[3]


class WithoutLayout(BillsOnly):
    bill_layout: ClassVar[str] = ""
    bill_layout_version: ClassVar[int] = 0


def _read(utility: str | BillsOnly, content: bytes, number: str, day: date, total: int) -> ReadBill:
    portal = load_utility(utility) if isinstance(utility, str) else utility
    return read_document(
        portal, [number], ListedBill("b", "", day, total), Document(content, "application/pdf", "b.pdf")
    )


def test_an_altered_line_is_a_doubt_about_a_bill_that_is_read() -> None:
    electric, *others = _SOLD.charges
    first, dear, *more = electric.delivery
    charged = replace(electric, delivery=(first, replace(dear, cents=dear.cents + 300), *more))
    altered = replace(_SOLD, charges=(charged, *others))
    read = _read(
        "speculoos_power", render_bill(altered), _SOLD.account.number, _SOLD.billed_on, altered.total_cents
    )
    assert isinstance(read.bill, Bill)
    assert read.bill.line_items[1].cost == dear.cents + 300
    assert [dear.label in problem for problem in read.problems] == [True]
    assert read.why_unread is None
    assert doubt_of(read) == "1 check failed: Electricity: Delivery charge"


def test_of_a_bill_in_doubt_the_ledger_has_no_figures() -> None:
    """It may be locked; the portal's list has its total too."""
    read = _read("speculoos_power", render_bill(_SOLD), _SOLD.account.number, _SOLD.billed_on, 1)
    assert doubt_of(read) == "1 check failed: the portal's list"
    assert read.reading is not None
    named = replace(read.reading, checks=[BillCheck("Credit 1,2 of -12.50 USD", False, "12.50")] * 6)
    assert doubt_of(replace(read, reading=named)) == (
        "7 checks failed: Credit … of -… USD, the portal's list"
    )


def test_bills_of_a_portal_without_a_layout_are_read_as_far_as_they_are_certain() -> None:
    read = _read(WithoutLayout(), AMERICAN[1].pdf(), "55501-23456", date(2024, 4, 15), 11837)
    assert (read.layout, read.layout_version) == GENERIC
    assert read.bill is not None
    assert (read.bill.total_amount, read.problems) == (11837, [])


@pytest.mark.parametrize("number", ["5550123456", "55501 23456", "5-550-123456"])
def test_a_bill_has_the_number_as_the_portal_writes_it(number: str) -> None:
    read = _read(WithoutLayout(), AMERICAN[1].pdf(), number, date(2024, 4, 15), 11837)
    assert read.bill is not None
    assert read.reading is not None
    assert (read.bill.account_number, read.reading.bill) == (number, read.bill)


def test_a_generic_bill_with_a_number_that_the_account_has_not_is_kept_unread() -> None:
    """The number may be another thing; a layout's is the account's, so that bill is another's."""
    read = _read(WithoutLayout(), AMERICAN[1].pdf(), "5550123457", date(2024, 4, 15), 11837)
    assert (read.bill, read.why_unread) == (None, "the PDF is another account's bill")
    assert read.reading is not None
    assert (read.reading.status, read.reading.bill) == (BillStatus.UNPARSED, None)
    assert "account_number" in read.reading.left_out
    assert "account_number" not in read.reading.fields
    with pytest.raises(ItemFailed, match="another account's bill"):
        _read("speculoos_power", render_bill(_SOLD), "1", _SOLD.billed_on, 1)


def test_at_a_bill_that_its_layout_does_not_read_nothing_is_guessed() -> None:
    read = _read(BillsOnly(), AMERICAN[1].pdf(), "55501-23456", date(2024, 4, 15), 11837)
    assert (read.bill, read.reading, read.supported) == (None, None, True)
    assert "shows no line of its totals" in (read.why_unread or "")


def test_what_is_lacking_of_a_bill_without_a_layout_is_kept() -> None:
    read = _read(WithoutLayout(), pdf("2026-09-05"), "12", date(2026, 9, 5), 2940)
    assert (read.bill, read.supported) == (None, True)
    assert read.reading is not None
    assert read.reading.status is BillStatus.UNPARSED
    assert "account_number" in read.reading.left_out
