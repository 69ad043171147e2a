"""What a PDF of a bill is read by, and what is said of one that cannot be read."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

from fpdf import FPDF

from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.speculoos_power.bill_pdf import render_bill
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.records import BillStatus
from meterfarm.services.bill_reading import bill_readings, reading_json, why_not_read
from tests.formats.bills_made import AMERICAN

_STATEMENT = """
1234567890 EXAMPLE STREET LLC 4/12/2024 4/10/24 29 1234 5.6 31.5 0.0 $200.00 $16.00 $216.00 $0.00 0.08
1234567890 EXAMPLE STREET LLC 3/13/2024 3/12/24 30 1000 5.1 27.2 0.0 $160.00 $12.80 $172.80 $0.00 0.08
1234567890 EXAMPLE STREET LLC 2/12/2024 2/10/24 31 -900 5.1 27.2 0.0 $-150.00 $-12.00 $-162.00 $0.00 0.08
"""


def _statement() -> bytes:
    pdf = FPDF(format="Letter")
    pdf.add_page()
    pdf.set_font("Helvetica", size=7)
    for place, line in enumerate(("Monthly Electric History", *_STATEMENT.strip().splitlines())):
        pdf.text(10.0, 12.0 + 6 * place, line)
    return bytes(pdf.output())


def test_every_row_of_a_usage_statement_is_a_bill() -> None:
    first, second, third = bill_readings(io.BytesIO(_statement()), None)
    shown = reading_json(first)
    assert shown["reader"] == "national_grid_usage_statement"
    assert (shown["account_number"], shown["billed_on"]) == ("1234567890", "2024-04-12")
    assert (shown["billing_period_from"], shown["billing_period_to"]) == ("2024-03-12", "2024-04-10")
    assert (shown["electricity_consumption"], shown["total_amount"], shown["taxes"]) == (1234000, 21600, 1600)
    assert first.bill is not None
    assert first.bill.outstanding_balance is None
    assert second.fields["total_amount"] == 17280
    assert third.fields["corrects"] is True
    assert third.fields["electricity_consumption"] == -900000


def test_a_bill_with_a_day_that_no_bill_has_is_none() -> None:
    """Days are added to it later on, and time ends with the year 9999."""
    bill = bills(CUSTOMERS["iamvalid@bayou.energy"].accounts[0], date(2026, 11, 21))[3]
    far = replace(bill, billed_on=date(9999, 11, 3))
    (reading,) = bill_readings(io.BytesIO(render_bill(far)), None)
    assert reading.bill is None
    assert any("no bill has the day 9999-11-03" in check.what for check in reading.checks)


def test_a_bill_of_no_layout_says_how_it_was_read_and_what_was_held_against_what() -> None:
    (reading,) = bill_readings(io.BytesIO(AMERICAN[0].pdf()), None)
    shown = reading_json(reading)
    assert (shown["reader"], shown["status"], shown["utility"]) == ("generic", "unlocked", None)
    assert shown["line_items"]
    checks = shown["checks"]
    assert isinstance(checks, list)
    assert checks
    assert all(check["passed"] and check["what"].endswith(".") for check in checks)
    assert "ocr" not in shown


def test_a_pdf_that_wants_a_password_is_not_supported() -> None:
    pdf = FPDF()
    pdf.set_encryption(owner_password="owner", user_password="user")
    pdf.add_page()
    pdf.set_font("Helvetica", size=9)
    pdf.text(10, 10, "Account Number: 123456789")
    (reading,) = bill_readings(io.BytesIO(bytes(pdf.output())), None)
    assert reading.status is BillStatus.NOT_SUPPORTED
    assert "password" in why_not_read(reading)


def test_pictures_without_text_are_not_supported() -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.rect(10, 10, 50, 50, style="F")
    (reading,) = bill_readings(io.BytesIO(bytes(pdf.output())), None)
    assert reading.status is BillStatus.NOT_SUPPORTED
    assert "only pictures" in why_not_read(reading)
