"""PDFs of bills, damaged: as they are, and not compressed, so that the damage is in what they say."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from meterfarm.formats.bills.generic.read import read_unknown, unreadable
from meterfarm.formats.bills.layout import LayoutReader, layout_of
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.bills.words import pages_of
from meterfarm.formats.errors import FormatError
from meterfarm.services.bill_reading import reading_json
from tests.formats.bills_made import AMERICAN, MadeBill
from tests.formats.bills_made_business import BUSINESS, LINES, rebilled
from tests.formats.bills_made_europe import EUROPEAN

_BUSINESS = MadeBill("business", BUSINESS.format(**LINES), {})
_BILLS = (_BUSINESS, *AMERICAN[:2], *EUROPEAN[:3], rebilled())
_PDFS = [each.pdf() for each in _BILLS]
_PLAIN = [each.pdf(compressed=False) for each in _BILLS]
SEEDS: Sequence[bytes] = (*_PDFS, *_PLAIN)
_DECLARED = LayoutReader(
    "prairie",
    layout_of("""
name = "Prairie Electric"
version = 1
has = "PRAIRIE"
[fields]
account_number = "PRAIRIE ELECTRIC Account Number: {}"
billed_on = "Bill Date: {}"
billing_period_from = "Service Address: Billing Period: {}"
billing_period_to = "Service Address: Billing Period: {day} - {}"
total_amount = "Total Amount Due {}"
[address]
pattern = "Service Address: *\\n{line_1}\\n{city}, {state} {postal_code}"
[[meters]]
row = "Previous Reading {previous} Present Reading {current} Multiplier {id} Usage {used} {unit}"
[[items]]
after = "Power Factor"
before = "Total Current Charges"
rows = ["{name} {volume} {unit} @ {rate} {cost}", "{name} {cost}"]
"""),
)


def one(data: bytes) -> None:
    """It is read as far as it is certain, and by a layout; a FormatError is an answer."""
    with suppress(FormatError):
        _DECLARED.read_bill(pdf_text(data))
    try:
        pages = list(pages_of(data))
    except FormatError:
        return
    if unreadable(pages):
        return
    for reading in read_unknown(pages):
        if len(str(reading_json(reading))) > 1_000_000:
            raise ValueError("a reading that is longer than any bill")
