"""The ways to read a bill that `bench bills` compares; run as a module, one file's time and memory.

``python -m meterfarm.bench.bills_ways WAY FILE TIMES`` gets ready, waits for a line, reads the file so often,
and prints the seconds that it took and the MiB that it added.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2

from meterfarm.bench.read_ways import peak
from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.words import pages_of
from meterfarm.records import BillStatus
from meterfarm.services.bill_reading import bill_readings

_LETTER = """
Account Number: 4815162342-7|Statement Date: 02/09/2024
Due Date: 03/01/2024|Billing Period: 01/08/2024 - 02/07/2024 (30 days)
Service Address|Summary of Your Account
JANE Q PUBLIC|Previous Balance|$201.11
1200 MARKET ST|Payments Received - Thank You|-$201.11
SAN FRANCISCO, CA 94103|Balance Forward|$0.00
|Current Charges|$142.60
|Total Amount Due|$142.60
"""
_CHARGES = """
Electric charges|Meter Number 1009234567
Customer Charge|$12.00
Tier 1 Usage 300 kWh @ $0.20000|$60.00
Tier 2 Usage 206 kWh @ $0.30000|$61.80
Energy Commission Tax|$8.80
Total Current Charges|$142.60
Meter 1009234567|Current Reading 45,506|Previous Reading 45,000|Usage 506 kWh
Total usage this period|506 kWh
"""
_PROSE = (
    "Your charges are based on the rates that the commission approved; questions about them are answered at"
    " the number above, on working days, or at any of the offices where bills can be paid in person."
)


def write_bill(file: Path, pages: int) -> None:
    """A bill of an unknown utility: a summary, then charges, prose beneath; 4,300 characters on two pages."""
    from fpdf import FPDF

    pdf = FPDF(format="Letter")
    for page in range(pages):
        pdf.add_page()
        y = 14.0
        text = _LETTER if page == 0 else _CHARGES if page == 1 else ""
        for line in text.strip().splitlines():
            pdf.set_font("Helvetica", size=9)
            for place, cell in enumerate(line.split("|")):
                pdf.text(14.0 + 66 * place, y, cell)
            y += 5.0
        pdf.set_font("Helvetica", size=7)
        while y < 130:
            pdf.text(14.0, y, _PROSE[:140])
            pdf.text(14.0, y + 3.4, _PROSE[140:])
            y += 9.0
    pdf.output(str(file))


def bare(content: bytes) -> None:
    """The least: the text of each page, as pypdfium2 gives it."""
    document = pypdfium2.PdfDocument(content)
    for page in document:
        if not page.get_textpage().get_text_range():
            raise ValueError("a page without text")
    document.close()


def words(content: bytes) -> None:
    """Words, lines and cells with their places."""
    if not any(page.lines for page in pages_of(content)):
        raise ValueError("no words")


def generic(content: bytes) -> None:
    """The generic reader alone."""
    (reading,) = read_unknown(list(pages_of(content)))
    if reading.fields["total_amount"] != 14260 or reading.fields["electricity_consumption"] != 506000:
        raise ValueError("the bill was not read")


def whole(content: bytes) -> None:
    """As `read` does: every utility's layout is tried, then the generic reader."""
    (reading,) = bill_readings(io.BytesIO(content), None)
    if reading.status is not BillStatus.UNLOCKED:
        raise ValueError("the bill was not read")


BILL_WAYS: dict[str, Callable[[bytes], None]] = {
    "pypdfium2": bare,
    "words": words,
    "generic": generic,
    "read": whole,
}


def main() -> None:
    """Read one file some times, when the starter gives the sign."""
    way, file, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    content = file.read_bytes()
    read = BILL_WAYS[way]
    before = peak()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    start = time.perf_counter()
    for _ in range(times):
        read(content)
    taken = time.perf_counter() - start
    sys.stdout.write(json.dumps({"seconds": taken, "mib": peak() - before}) + "\n")


if __name__ == "__main__":
    main()
