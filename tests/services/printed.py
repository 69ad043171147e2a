"""Bills that are printed, and what a portal lists of a fake account, as tests of several rooms want them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from fpdf import FPDF

from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.speculoos_power.bill_pdf import render_bill
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.records import Account, Document, ListedBill
from meterfarm.scrapers.runs.bills import read_document
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.utilities import load_utility
from tests.storage.made import UTILITY

SAMPLES = Path(__file__).resolve().parents[2] / "utilities"
PDF = (SAMPLES / "speculoos_power/samples/bill_electric_and_gas/input.pdf").read_bytes()
TODAY = date(2026, 11, 21)
TOWN = """
UTILITY BILL | | Account Number: 70-2231-9
Questions about your bill? Call {phone} | | Bill Date: {billed}
Office hours are Monday through Friday | | Due Date: {due}
Service Period: {first} - {last} (30 days)
Previous Balance | | $0.00
Electric Charges | | $98.{month}5
Total Amount Due | | $98.{month}5
Please return this portion with your payment
Account Number: 70-2231-9 | Due Date: {due} | Total Amount Due: $98.{month}5
Please make checks payable and write the account number on your check
A late charge applies to payments received after the due date
"""
OTHER_TOWN = """
STATEMENT OF YOUR SERVICE | | Account Number: 70-2231-9
Our friendly team is reached at {phone} | | Bill Date: {billed}
Lights out? Report outages at any hour | | Due Date: {due}
Service Period: {first} - {last} (30 days)
Previous Balance | | $0.00
Electric Charges | | $61.{month}0
Total Amount Due | | $61.{month}0
Tear off here and keep the upper part for your own records
Account Number: 70-2231-9 | Due Date: {due} | Total Amount Due: $61.{month}0
Thank you for paying by mail or at the counter downtown
Large print and other languages are there for whoever asks us
"""


def printed(words: str, password: str = "") -> bytes:
    made = FPDF()
    if password:
        made.set_encryption("owner", password)
    made.add_page()
    made.set_font("helvetica")
    if words:
        made.cell(text=words)
    return bytes(made.output())


def town_bill(month: int, phone: str = "555-201-4477", text: str = TOWN) -> bytes:
    """The bill of a month that names neither meter nor company; ``text`` is its shape."""
    first = date(2026, 1, 1) + timedelta(days=30 * month)
    days = [first, first + timedelta(days=29), first + timedelta(days=33), first + timedelta(days=55)]
    names = dict(zip(("first", "last", "billed", "due"), (f"{day:%m/%d/%Y}" for day in days), strict=True))
    made = FPDF()
    made.add_page()
    made.set_font("helvetica", size=9)
    for row, line in enumerate(text.strip().format(month=month, phone=phone, **names).splitlines()):
        for column, cell in enumerate(line.split("|")):
            made.text(14 + 62 * column, 20 + 8 * row, cell.strip())
    return bytes(made.output())


def fetched(store: CompanyStore, customer: Customer, first: int, end: int) -> None:
    """Store bills of a fake account as the portal lists them, the newest first."""
    account = CUSTOMERS["iamvalid@bayou.energy"].accounts[0]
    utility = load_utility(UTILITY)
    shown = []
    for number, bill in enumerate(bills(account, TODAY)[first:end], first):
        content = render_bill(bill)
        read = utility.read_bill(_pages(content))
        shown.append((ListedBill(f"p{number}", "", read.billed_on, read.total_amount), content, read))
    account_id = store.accounts.save(customer, Account(shown[0][2].account_number))
    documents = [
        read_document(utility, [each.account_number], one, Document(content, "application/pdf", "b.pdf"))
        for one, content, each in shown
    ]
    store.bills.save(account_id, documents)


def _pages(content: bytes) -> list[str]:
    return pdf_text(content)
