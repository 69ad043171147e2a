"""Stroopwafel Energy's readers: what they refuse."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from meterfarm import utilities
from meterfarm.fake_utility.stroopwafel_energy.numbers import checked, dashed, zeroed
from meterfarm.fake_utility.suikerwafel_energy import PORTAL
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Factor
from meterfarm.utilities import load_layouts, load_utility
from meterfarm.utilities._families.azure_b2c import _way
from meterfarm.utilities.stroopwafel_energy.bill import read_bill
from meterfarm.utilities.stroopwafel_energy.numbers import account_number

SAMPLES = Path(utilities.__path__[0]) / "stroopwafel_energy" / "samples"


@cache
def _pages(case: str = "bill_electric_and_gas") -> tuple[str, ...]:
    return tuple(pdf_text((SAMPLES / case / "input.pdf").read_bytes()))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("6481874-3", "6481874-4", "check digit"),
        ("Issued 11/03/2026", "Issued 13/03/2026", "no date"),
        ("Pay by November 24, 2026", "", "no due date"),
        ("Natural gas: supply $12.73\n", "", "all charges for natural gas"),
        ("Meter E4583806 Point", "Meter E4583806 Spot", "not written as others"),
    ],
)
def test_a_bill_that_lacks_something_is_refused(old: str, new: str, says: str) -> None:
    assert any(old in page for page in _pages())
    with pytest.raises(FormatError, match=says):
        read_bill([page.replace(old, new) for page in _pages()])


def test_two_bills_in_one_are_a_contradiction() -> None:
    with pytest.raises(Contradiction, match="more than one"):
        read_bill([*_pages(), *_pages("bill_solar")])


def test_an_account_is_the_same_in_each_of_its_spellings() -> None:
    """Leading zeros, dashes, a check digit; a wrong one is none, nor is what has other digits."""
    for customer in PORTAL.book.listed.values():
        for account in customer.accounts:
            ways = {account_number(write(account)) for write in (dashed, zeroed, checked)}
            assert ways == {zeroed(account)}
    for wrong in ("0004418274-1", "4418273-5", "44182", "", "four"):
        with pytest.raises(FormatError):
            account_number(wrong)


@pytest.mark.parametrize(
    ("words", "factor", "destination"),
    [
        ("We will send you a code in an e-mail to m**l@x.example.", Factor.EMAIL, "m**l@x.example"),
        ("We sent a text message to ***-***-0487 with a code of six digits.", Factor.SMS, "***-***-0487"),
    ],
)
def test_where_a_code_goes_is_read_from_the_page(words: str, factor: Factor, destination: str) -> None:
    assert _way(words) == (factor, destination)


def test_a_sister_reads_as_its_sister_does() -> None:
    assert load_layouts("suikerwafel_energy") == load_layouts("stroopwafel_energy") != ()
    sister, own = load_utility("suikerwafel_energy"), load_utility("stroopwafel_energy")
    assert sister.mail_codes[0].senders != own.mail_codes[0].senders
    assert not {sister.home, *sister.hosts} & {own.home, *own.hosts}
