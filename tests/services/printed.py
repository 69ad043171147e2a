"""Bills that are printed, and what a portal lists of a fake account, as tests of several rooms want them."""

from __future__ import annotations

from datetime import date
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


def printed(words: str, password: str = "") -> bytes:
    made = FPDF()
    if password:
        made.set_encryption("owner", password)
    made.add_page()
    made.set_font("helvetica")
    if words:
        made.cell(text=words)
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
