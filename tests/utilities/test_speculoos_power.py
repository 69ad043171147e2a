"""Speculoos Power's readers: what the samples must add up to, and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from meterfarm import utilities
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.fake_utility.speculoos_power.exports import Export
from meterfarm.formats.bills.checks import checks_of
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.records import Commodity, Document, IntervalData, Meter, Outcome
from meterfarm.scrapers.outcomes import ItemFailed, Stop
from meterfarm.utilities import load_utility
from meterfarm.utilities.speculoos_power import pages
from meterfarm.utilities.speculoos_power.bill import read_bill

SAMPLES = Path(utilities.__path__[0]) / "speculoos_power" / "samples"
BILLS = ("bill_electric_and_gas", "bill_community_solar", "bill_solar", "bill_gas_only")


def _text(case: str) -> list[str]:
    return list(pdf_text((SAMPLES / case / "input.pdf").read_bytes()))


def _changed(case: str, old: str, new: str) -> list[str]:
    text = _text(case)
    assert any(old in page for page in text), f"the sample has no {old!r}"
    return [page.replace(old, new) for page in text]


def _line(case: str, start: str) -> str:
    (line, *_) = [line for page in _text(case) for line in page.splitlines() if line.startswith(start)]
    return line


def _page(case: str) -> str:
    return (SAMPLES / case / "input.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", BILLS)
def test_a_bill_adds_up(case: str) -> None:
    bill = read_bill(_text(case))
    charges = (bill.electricity_amount, bill.gas_amount, bill.community_solar_bill_credit)
    assert bill.total_amount == (bill.outstanding_balance or 0) + sum(cents or 0 for cents in charges)
    assert {meter.commodity.value for meter in bill.meters} == {
        name
        for name, cents in (("electricity", bill.electricity_amount), ("gas", bill.gas_amount))
        if cents is not None
    }


def test_the_list_and_the_bill_say_the_same() -> None:
    listed = pages.bills_page(_page("page_bills")).bills[0]
    bill = read_bill(_text("bill_electric_and_gas"))
    assert (bill.billed_on, bill.total_amount) == (listed.billed_on, listed.total_amount)
    account = pages.account(_page("page_overview"))
    assert bill.account_number == account.number
    assert [meter.id for meter in bill.meters] == [meter.id for meter in account.meters]
    assert bill.address == account.address


def test_a_credit_is_negative() -> None:
    assert (read_bill(_text("bill_community_solar")).community_solar_bill_credit or 0) < 0
    assert (read_bill(_text("bill_solar")).community_solar_bill_credit or 0) < 0
    assert read_bill(_text("bill_gas_only")).community_solar_bill_credit is None


@pytest.mark.parametrize(
    ("case", "hours", "length"),
    [
        ("intervals_electric_autumn", 24 + 25, 900),
        ("intervals_gas_autumn", 24 + 25, 3600),
        ("intervals_solar_spring", 24 + 23, 900),
    ],
)
def test_an_export_has_every_interval_of_its_days(case: str, hours: int, length: int) -> None:
    for series in read_green_button((SAMPLES / case / "input.xml").read_bytes()).series:
        starts = [reading.start for reading in series.readings]
        assert starts == list(range(starts[0], starts[0] + hours * 3600, length))


def test_a_solar_roof_has_two_directions() -> None:
    series = read_green_button((SAMPLES / "intervals_solar_spring" / "input.xml").read_bytes()).series
    assert [one.direction.value for one in series] == ["delivered", "received"]


@pytest.mark.parametrize(
    ("start", "missing"),
    [
        ("Account number", "account number"),
        ("Statement date", "statement date"),
        ("Amount due by", "due date"),
        ("Previous balance", "“Previous balance”"),
        ("Total amount due", "“Total amount due”"),
    ],
)
def test_a_missing_field_is_named(start: str, missing: str) -> None:
    with pytest.raises(FormatError, match=f"^the bill shows no {missing}$"):
        read_bill(_changed("bill_electric_and_gas", start, "Nothing"))


def test_a_bill_without_a_meter_is_refused() -> None:
    meters = read_bill(_text("bill_electric_and_gas")).meters
    text = _text("bill_electric_and_gas")
    for meter in meters:
        text = [page.replace(f"{meter.id} ", "") for page in text]
    with pytest.raises(FormatError, match="no meter"):
        read_bill(text)


def test_of_a_broken_meter_line_nothing_is_guessed() -> None:
    """A meter whose line cannot be read must not leave a bill that looks whole."""
    (gas,) = [m for m in read_bill(_text("bill_electric_and_gas")).meters if m.id.startswith("G")]
    with pytest.raises(FormatError):
        read_bill(_changed("bill_electric_and_gas", f"{gas.id} ", f"{gas.id}? "))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" kWh", " kVARh"),
        (" kWh", " MWh"),
        (r" ([\d.]+ kWh)", r" -\1"),
        (r" ([\d.]+ kWh)", r" 1,\1"),
        (" - ", " \n- "),
    ],
)
def test_a_further_meter_whose_row_is_written_otherwise_is_not_left_out(old: str, new: str) -> None:
    """Its commodity has a meter that is read, so no charge is without one."""
    line = next(
        each for each in "\n".join(_text("bill_electric_and_gas")).splitlines() if each.endswith("kWh")
    )
    further = re.sub(old, new, line.replace("E", "E1", 1).replace(" 1", " 2"))
    with pytest.raises(FormatError, match=r"the row of meter E1\d+ is not written as others are"):
        read_bill(_changed("bill_electric_and_gas", line, f"{line}\n{further}"))


@pytest.mark.parametrize("others", [c for c in BILLS if c != "bill_gas_only"])
def test_of_several_bills_in_one_pdf_none_is_read(others: str) -> None:
    """Neither the first one's fields with the meters of both, nor one of them in silence."""
    for text in (_text("bill_gas_only") + _text(others), _text(others) + _text("bill_gas_only")):
        with pytest.raises(Contradiction, match=r"more than one account number.*a PDF of its own"):
            read_bill(text)


def test_a_bill_that_is_printed_twice_is_one() -> None:
    assert read_bill(_text("bill_solar") * 2) == read_bill(_text("bill_solar"))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (r"Page 2 of 2", "Account number 12", "more than one account number"),
        (r"^(G\d+ .+)$", r"\1\n\1", ""),
        (r"^(G\d+ \d+) (.+)$", r"\1 \2\n\1 A \2", "meter G5197951 twice of the same days"),
        (r"^(Service address) (.+)$", r"\1 \2\n\1 1 Elm St, Albany, NY 12207", "one service address"),
    ],
)
def test_a_field_that_is_there_twice_says_the_same(old: str, new: str, problem: str) -> None:
    text = [
        "\n".join(re.sub(old, new, line) for line in page.splitlines()) for page in _text("bill_gas_only")
    ]
    assert text != _text("bill_gas_only")
    if not problem:
        assert read_bill(text) == read_bill(_text("bill_gas_only"))
        return
    with pytest.raises(Contradiction, match=problem):
        read_bill(text)


@pytest.mark.parametrize(
    ("old", "new", "doubt"),
    [
        (
            r"^Total gas charges (\S+)$",
            "Total gas charges $1.00",
            "“Total gas charges” is 83.92, elsewhere 1.00",
        ),
        (r"^Please pay .*$", "Please pay $1.00", "“Total amount due” is 83.92, elsewhere 1.00"),
        (r"^Due date .*$", "Due date May 1, 2026", "“Due date” is 2026-03-04, elsewhere 2026-05-01"),
        (r"^(G.+) 01/09/2026 (.+)$", r"\1 12/09/2025 \2", "Meter G5197951 is of 2025-12-09"),
    ],
)
def test_figures_that_do_not_agree_are_doubts(old: str, new: str, doubt: str) -> None:
    """The bill is read all the same."""
    text = [
        "\n".join(re.sub(old, new, line) for line in page.splitlines()) for page in _text("bill_gas_only")
    ]
    bill = read_bill(text)
    assert (bill.total_amount, bill.gas_amount) == (8392, 8392)
    assert any(doubt in check.what for check in checks_of(bill) if not check.passed)


def test_other_text_is_no_bill() -> None:
    for text in ([], [""], ["Dear customer, we have moved."]):
        with pytest.raises(FormatError, match="the bill shows no"):
            read_bill(text)


def test_a_day_that_does_not_exist_is_a_fault_of_the_bill() -> None:
    (shown,) = set(re.findall(r"Statement date (\w+ \d+), 2026", "\n".join(_text("bill_electric_and_gas"))))
    with pytest.raises(FormatError, match="which is no date"):
        read_bill(_changed("bill_electric_and_gas", f"Statement date {shown}", "Statement date February 30"))


def test_a_placeholder_is_no_bill() -> None:
    with pytest.raises(ItemFailed, match="currently unavailable"):
        read_bill(_text("bill_placeholder"))


def test_a_usage_page_may_say_when_there_will_be_more() -> None:
    page = _page("page_usage")
    assert {each.more_in for each in pages.available_intervals(page)} == {None}
    said = page.replace("months at a time.", "months at a time. New readings will be here in 60 seconds.")
    assert {each.more_in for each in pages.available_intervals(said)} == {timedelta(seconds=60)}


@pytest.mark.parametrize(
    ("case", "old", "read"),
    [
        ("page_overview", "<h1", pages.account),
        ("page_overview", "<address", pages.account),
        ("page_overview", "Service number", pages.account),
        ("page_overview", "Meters", pages.account),
        ("page_bills", "<caption", pages.bills_page),
        ("page_bills", "View bill (PDF)", pages.bills_page),
        ("page_bills", "Billed on", pages.bills_page),
        ("page_bills", "bills, page", pages.bills_page),
        ("page_picker", "/accounts/", pages.account_numbers),
        ("page_usage", 'name="from"', pages.available_intervals),
        ("page_usage", 'name="meter"', pages.available_intervals),
    ],
)
def test_a_page_that_lost_something_has_a_changed_layout(
    case: str, old: str, read: Callable[[str], object]
) -> None:
    page = _page(case)
    assert old in page
    with pytest.raises(Stop, match="Speculoos Power") as stop:
        read(page.replace(old, "<b" if old.startswith("<") else "lost"))
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED


@pytest.mark.parametrize("username", ["iamvalid@bayou.energy", "solar@speculoos.example"])
def test_every_export_format_says_the_same(username: str) -> None:
    """Green Button XML, its ZIP and CSV of a week with 25 hours in one day."""
    portal = load_utility("speculoos_power")
    account = CUSTOMERS[username].accounts[0]
    for meter in account.meters:
        read = {}
        for media, format_ in (("application/xml", "xml"), ("application/zip", "zip"), ("text/csv", "csv")):
            export = Export(account, meter, date(2025, 10, 30), date(2025, 11, 5), format_)
            read[format_] = portal.read_intervals(
                Document(export.content(), media, export.file_name),
                Meter(meter.id, Commodity.OTHER),
            )
        assert read["xml"] == read["zip"]
        assert energy(read["csv"]) == energy(read["xml"])
        assert len(read["xml"].series[0].readings) in {7 * 96 + 4, 7 * 24 + 1}


def energy(data: IntervalData) -> dict[tuple[str, str], list[tuple[int, Decimal]]]:
    """Each series' readings as exact amounts, whatever exponent a format gives them."""
    return {
        (series.meter_id, series.direction): [
            (reading.start, Decimal(reading.mantissa).scaleb(series.exponent)) for reading in series.readings
        ]
        for series in data.series
    }
