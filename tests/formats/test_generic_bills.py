"""The generic reader on made bills: what it states is right, and it says why it leaves the rest out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from meterfarm.formats.bills.generic.amounts import NumberStyle, has_decimal_comma
from meterfarm.formats.bills.generic.dates import DateStyle, dates_in
from meterfarm.formats.bills.generic.labels import plain
from meterfarm.formats.bills.generic.read import read_unknown, unreadable
from meterfarm.formats.bills.words import pages_of
from meterfarm.formats.errors import FormatError
from meterfarm.records import BillReading, BillStatus
from tests.formats.bills_made import AMERICAN, MadeBill
from tests.formats.bills_made_europe import EUROPEAN

MADE = (*AMERICAN, *EUROPEAN)


def _read(made: MadeBill) -> BillReading:
    (reading,) = read_unknown(list(pages_of(made.pdf())))
    return reading


def _said(reading: BillReading, name: str) -> object:
    if name == "meters":
        meters = reading.fields["meters"]
        assert isinstance(meters, Sequence)
        return [meter["id"] for meter in meters] or None
    return reading.fields[name]


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.name)
def test_what_is_stated_is_what_a_person_reads(made: MadeBill) -> None:
    reading = _read(made)
    assert {name: _said(reading, name) for name in made.truth} == made.truth
    assert reading.status is BillStatus.UNLOCKED
    assert reading.reader == "generic"
    assert all(check.passed for check in reading.checks)


@pytest.mark.parametrize("made", [EUROPEAN[3], AMERICAN[3]], ids=["gas in kWh", "water in ccf"])
def test_a_meter_that_bayou_has_no_field_for_is_read_but_not_on_the_bill(made: MadeBill) -> None:
    reading = _read(made)
    assert reading.bill is not None
    assert (_said(reading, "meters") is None, list(reading.bill.meters)) == (False, [])


def _changed(made: MadeBill, *changes: tuple[str, str]) -> BillReading:
    pages = made.pages
    for old, new in changes:
        assert old in pages
        pages = pages.replace(old, new)
    return _read(MadeBill(made.name, pages, made.truth))


def test_amounts_that_do_not_add_up_are_left_out_with_the_reason() -> None:
    reading = _changed(AMERICAN[2], ("120~$151.22", "120~$161.22"))
    assert reading.fields["current_charges"] is None
    assert reading.fields["total_amount"] == 24762  # it still stands there twice
    reading = _changed(AMERICAN[2], ("120~$247.62", "120~$257.62"), ("due $247.62", "due $267.62"))
    assert reading.fields["total_amount"] is None
    assert "total_amount" in reading.left_out
    assert reading.status is BillStatus.UNPARSED
    assert reading.bill is None


def test_use_is_left_out_where_reads_and_text_differ() -> None:
    changes = (
        ("Present 21,715", "Present 21,915"),
        ("used 1,204 kWh, which is 40.13", "used 1,404 kWh, which is 46.8"),
        ("1,204 kWh at $0.10483", "1,504 kWh at $0.10483"),
    )
    reading = _changed(AMERICAN[2], *changes)
    assert reading.fields["electricity_consumption"] is None
    assert reading.left_out["electricity_consumption"]


def test_a_bill_with_two_numbers_of_accounts_names_none() -> None:
    reading = _changed(AMERICAN[2], ("14~Account # 700123-001", "14~Account # 700999-009"))
    assert reading.fields["account_number"] is None
    assert "several" in reading.left_out["account_number"]


def test_a_total_without_anything_that_agrees_is_left_out() -> None:
    text = "14~Account number: 12345678 || 90~Bill date: 05/14/2024\n14~Amount due || 90~$50.00"
    reading = _read(MadeBill("one figure", text, {}))
    assert reading.fields["total_amount"] is None
    assert reading.fields["account_number"] == "12345678"


def test_line_items_have_volume_and_rate_where_they_make_the_cost() -> None:
    items = {item.name.split(" @")[0]: item for item in _read(AMERICAN[0]).line_items}
    tier = next(item for name, item in items.items() if name.startswith("Tier 1"))
    assert (str(tier.volume), tier.unit, str(tier.rate), tier.cost) == ("300", "kwh", "0.33000", 9900)
    assert tier.tier == "tier 1"
    assert {"product", "sum"} == set(tier.proved_by)


def test_a_pdf_of_two_bills_gives_both() -> None:
    one, other = AMERICAN[1], AMERICAN[1]
    changed = other.pages.replace("55501-23456", "55501-99999").replace("PAGE 1 of 2", "PAGE 1 of 1")
    both = MadeBill("two", f"{one.pages}\f{changed}", {})
    found = read_unknown(list(pages_of(both.pdf())))
    assert [reading.fields["account_number"] for reading in found] == ["55501-23456", "55501-99999"]
    assert [reading.fields["total_amount"] for reading in found] == [11837, 11837]


def test_fonts_that_do_not_say_their_characters_are_noticed() -> None:
    text = "\n".join(f"14~{'qxzv wjkq ' * 6}{number}" for number in range(20))
    assert "fonts" in unreadable(list(pages_of(MadeBill("garbled", text, {}).pdf())))


def test_a_damaged_pdf_is_refused() -> None:
    with pytest.raises(FormatError, match="cut short"):
        list(pages_of(MADE[0].pdf()[:-40]))


@pytest.mark.parametrize(
    ("text", "comma", "cents"),
    [
        ("$1,234.56", False, [123456]),
        ("-$12.00 and 3.50 CR and (4.25)", False, [-1200, -350, -425]),
        ("1.234,56 €", True, [123456]),
        ("1 479,85 €", True, [147985]),
        ("1'972.54", False, [197254]),
        ("8.125% of $.05", False, [5]),
        ("0.10483 and 12.345", False, []),
    ],
)
def test_money_is_read_to_the_cent(text: str, comma: bool, cents: list[int]) -> None:
    assert [found.cents for found in NumberStyle(comma=comma).money(text)] == cents


def test_a_number_with_two_signs_is_none() -> None:
    assert NumberStyle(comma=False).amounts("-$-12.50 and -$3.00")[0].value == -3


def test_a_bill_in_both_conventions_has_none() -> None:
    assert has_decimal_comma("1,20 and 3.40 and 5,60 and 7.80") is None


@pytest.mark.parametrize(
    ("text", "day_first", "day"),
    [
        ("03/04/2024", True, "2024-04-03"),
        ("03/04/2024", False, "2024-03-04"),
        ("13/04/2024", None, "2024-04-13"),
        ("Mar. 4, 2024", None, "2024-03-04"),
        ("4 de marzo de 2024", None, "2024-03-04"),
        ("1er février 2024", None, "2024-02-01"),
        ("3. März 2024", None, "2024-03-03"),
        ("07 GIUGNO 2023", None, "2023-06-07"),
        ("2024-03-04", None, "2024-03-04"),
        ("18 Fév 25", None, "2025-02-18"),
    ],
)
def test_dates_of_five_languages(text: str, day_first: bool | None, day: str) -> None:
    (found,) = dates_in(plain(text))
    assert str(DateStyle(day_first=day_first).date(found)) == day


def test_a_date_of_which_the_order_is_not_known_is_not_read() -> None:
    (found,) = dates_in("03/04/2024")
    assert DateStyle(day_first=None).date(found) is None


def test_a_letter_is_no_bill() -> None:
    pdf = MadeBill(
        "a letter", "14~Dear customer, the meter account service your payment the bill due.", {}
    ).pdf()
    (reading,) = read_unknown(list(pages_of(pdf)))
    assert reading.status is BillStatus.UNPARSED
    assert reading.bill is None
