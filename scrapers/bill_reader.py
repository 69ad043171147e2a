"""What a bill's PDF is read by: a utility's layout, or the reader of any bill. All ways in use this.

It needs neither a browser nor a database. To be called in the reader's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date
from typing import TYPE_CHECKING

from meterfarm.formats.bills.checks import checks_of
from meterfarm.formats.bills.layout import LayoutReader
from meterfarm.formats.bills.shape import shape_of
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill, BillMeter, BillReading, BillStatus
from meterfarm.scrapers.reader_errors import reader_errors
from meterfarm.scrapers.utility import Utility

if TYPE_CHECKING:
    from meterfarm.formats.bills.words import PageText

GENERIC = ("generic", 1)
"""The reader of any bill, with a version as a layout has one: it counts up if it reads differently."""
ONLY_PICTURES = "The PDF has no text, only pictures: ask the utility for the original."
_MOST_SHOWN = 3
_FIRST_YEAR, _LAST_YEAR = 1990, 2099
_LARGEST = 10**15
"""Cents that a bill may be about."""


def read_by(utility: Utility | LayoutReader) -> tuple[str, int]:
    """The layout by which a portal's bills are read, and its version; the generic reader if it has none."""
    return (utility.bill_layout, utility.bill_layout_version) if utility.bill_layout else GENERIC


def by_layout(utility: Utility | LayoutReader, pages: Sequence[str]) -> BillReading:
    """What the utility's layout reads on the pages of a PDF. Checks that fail hide nothing.

    Raises:
        FormatError: it is another layout's, or a field is missing. Contradiction: it is several bills.
        ItemFailed: it is a placeholder.
    """
    with reader_errors():
        bill = utility.read_bill(pages)
        checks = checks_of(bill)
    if why := _no_bills(bill):
        raise FormatError(why)
    return BillReading(utility.bill_layout, BillStatus.UNLOCKED, _beside(bill), bill, bill.line_items, checks)


def _beside(bill: Bill) -> dict[str, object]:
    """What of a bill Bayou has no field for."""
    return {
        "due_on": bill.due_on.isoformat() if bill.due_on else None,
        "previous_balance": bill.previous_balance,
        "payments": bill.payments,
    }


def generically(content: bytes, failures: Sequence[str] = ()) -> list[BillReading]:
    """The bills on a PDF with text that no layout reads, as far as they are certain.

    ``failures`` are what layouts say that know it.

    Raises:
        FormatError: a page is damaged.
    """
    from meterfarm.formats.bills.generic.read import read_unknown, unreadable
    from meterfarm.formats.bills.words import pages_of

    with reader_errors():
        pages = list(pages_of(content))
        why = unreadable(pages)
        return recognised(content, why) if why else _with_shape(read_unknown(pages, failures=failures), pages)


def only_bill(readings: Sequence[BillReading]) -> tuple[BillReading, str]:
    """The reading of a PDF that is to be one bill, and why it is none, "" if it is."""
    if len(readings) != 1:
        why = f"the PDF has {len(readings)} bills: put each into a PDF of its own"
        return BillReading(GENERIC[0], BillStatus.UNPARSED, {}, left_out={"pdf": why}), why
    (reading,) = readings
    if reading.status is not BillStatus.UNLOCKED:
        return reading, why_unread(reading)
    if reading.bill is None:
        why = "its day of issue or its period is not certain"
    elif not (why := _no_bills(reading.bill)):
        return reading, ""
    return replace(reading, status=BillStatus.UNPARSED, bill=None), why


def _no_bills(bill: Bill) -> str:
    """What of it no bill has: an amount that a database cannot hold, a day of no calendar year of bills."""
    values = [getattr(bill, field.name) for field in fields(Bill)]
    values += [getattr(meter, field.name) for meter in bill.meters for field in fields(BillMeter)]
    if any(isinstance(value, int) and abs(value) > _LARGEST for value in values):
        return "an amount is larger than any bill's"
    days = [value for value in values if isinstance(value, date)]
    wrong = next((day for day in days if not _FIRST_YEAR <= day.year <= _LAST_YEAR), None)
    return f"no bill has the day {wrong}" if wrong is not None else ""


def recognised(content: bytes, why: str = "") -> list[BillReading]:
    """What OCR reads in the pages' pictures, if it is installed; ``why`` there is no text otherwise.

    Raises:
        FormatError: a page is damaged.
    """
    from meterfarm.formats.bills.generic.read import read_unknown, unreadable
    from meterfarm.formats.bills.ocr import is_installed, recognised_pages

    lacking = f"{why}: ask the utility for the original, or install the extra ocr." if why else ONLY_PICTURES
    if not is_installed():
        return [not_supported(lacking)]
    with reader_errors():
        pages = list(recognised_pages(content))
        if unreadable(pages):
            return [not_supported(ONLY_PICTURES)]
        return _with_shape(read_unknown(pages, ocr=True), pages)


def _with_shape(readings: list[BillReading], pages: Sequence[PageText]) -> list[BillReading]:
    shape = shape_of(line.text for page in pages for line in page.lines)
    return [replace(each, shape=shape) for each in readings]


def not_supported(why: str) -> BillReading:
    """The reading of a PDF that nothing can read: it is encrypted, or has only pictures."""
    return BillReading("", BillStatus.NOT_SUPPORTED, {}, left_out={"pdf": why})


def why_unread(reading: BillReading) -> str:
    """What is lacking of a reading, as a part of a sentence; "" of one that is a bill."""
    if reading.status is BillStatus.UNLOCKED:
        return ""
    if reading.status is BillStatus.NOT_SUPPORTED:
        return next(iter(reading.left_out.values()))
    order = ("account_number", "total_amount", "billed_on", "billing_period_from", "row")
    why = [f"{name}: {reading.left_out[name]}" for name in order if name in reading.left_out]
    return "; ".join(why[:_MOST_SHOWN]) or "no label of a bill is on it"
