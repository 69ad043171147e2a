"""Bills of several periods, as after a correction: each period by itself, and no figure added up of them."""

from __future__ import annotations

from typing import Any

import pytest

from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.words import pages_of
from meterfarm.records import BillReading, BillStatus
from tests.formats.bills_made import MadeBill
from tests.formats.bills_made_business import NOTE, rebilled

LISTED = [
    {
        "billing_period_from": f"2024-0{month}-{first}",
        "billing_period_to": f"2024-0{month + 1}-{last}",
        "electricity_consumption": used * 1000,
    }
    for month, first, last, used in ((1, "05", "05", 500), (2, "05", "06", 450), (3, "06", "05", 550))
]


def _read(**changed: Any) -> BillReading:
    (reading,) = read_unknown(list(pages_of(rebilled(**changed).pdf())))
    return reading


@pytest.mark.parametrize("note", [NOTE, ""], ids=["corrected", "caught up"])
def test_rebilled_periods_are_listed_and_their_figures_are_not_added_up(note: str) -> None:
    reading = _read(note=note)
    assert reading.status is BillStatus.UNLOCKED
    assert reading.fields["total_amount"] == 30000
    assert reading.fields["rebilled_periods"] == LISTED
    for name in ("billing_period_from", "billing_period_to", "electricity_consumption"):
        assert reading.fields[name] is None
        assert reading.left_out[name].startswith("the bill is of 3 periods: 2024-01-05 to 2024-02-05, ")
    assert (reading.fields["electricity_amount"], reading.fields["meters"], reading.bill) == (None, [], None)


def test_the_span_of_rebilled_periods_is_the_bills_where_a_label_has_it() -> None:
    reading = _read(span="Billing Period 01/05/2024 - 04/05/2024 (91 days)")
    assert reading.fields["rebilled_periods"] == LISTED
    assert (reading.fields["billing_period_from"], reading.fields["billing_period_to"]) == (
        *("2024-01-05", "2024-04-05"),
    )
    assert reading.fields["electricity_consumption"] is None


def test_a_period_that_is_taken_back_is_not_counted_for_it() -> None:
    taken = """
14~Cancelled bill of || 70~Billing Period 01/05/2024 - 02/05/2024 (31 days)
14~Previous Read || 60~Current Read || 110~Usage
14~20100 || 60~20900 || 110~800 kWh
14~Energy 800 kWh x $0.20000 || 150~-$160.00"""
    assert _read(taken=taken.strip("\n"), total="140.00").fields["rebilled_periods"] == LISTED


def test_one_corrected_period_has_no_use_beside_reads_that_are_taken_back() -> None:
    taken = "14~Previously billed 800 kWh || 150~-$160.00"
    assert _read(taken=taken, total="-60.00", count=1).fields["electricity_consumption"] == 500_000
    reads = "14~Previous Read 20100 || 60~Current Read 20900 || 110~800 kWh"
    reading = _read(taken=f"{reads}\n{taken}", total="-60.00", count=1)
    assert reading.fields["electricity_consumption"] is None
    assert reading.left_out["electricity_consumption"] == "the bill takes back what was billed before"


def test_a_correction_of_which_no_period_is_labelled_lists_none() -> None:
    text = f"14~{NOTE}\n14~Account Number: 456 789 0123\n14~Amount Due || 60~$12.00"
    (reading,) = read_unknown(list(pages_of(MadeBill("no period", text, {}).pdf())))
    assert (reading.fields["rebilled_periods"], reading.fields["billing_period_to"]) == (None, None)


@pytest.mark.parametrize("note", ["", "If we find an error a corrected bill will be sent."])
def test_a_bill_of_one_period_is_read_as_ever(note: str) -> None:
    reading = _read(note=note, total="100.00", count=1)
    assert (reading.fields["electricity_consumption"], reading.fields["billing_period_to"]) == (
        *(500_000, "2024-02-05"),
    )
    assert reading.fields["rebilled_periods"] is None
