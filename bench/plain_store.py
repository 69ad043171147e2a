"""What a script that somebody writes for themselves keeps: PDFs in a folder, figures in SQLite.

It reads with the project's readers, so that ways are compared and not readers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from meterfarm.bench.journeys import Fetched, Journey
from meterfarm.formats.bills.pdf import pdf_text

_TABLES = """
CREATE TABLE bill (
  account TEXT, billed_on TEXT, due_on TEXT, period_from TEXT, period_to TEXT, total_cents INTEGER,
  electricity_cents INTEGER, gas_cents INTEGER, file TEXT, PRIMARY KEY (account, billed_on));
CREATE TABLE bill_meter (
  account TEXT, billed_on TEXT, meter TEXT, commodity TEXT, mantissa INTEGER, exponent INTEGER, unit TEXT,
  PRIMARY KEY (account, billed_on, meter));
CREATE TABLE reading (
  meter TEXT, direction TEXT, start INTEGER, seconds INTEGER, mantissa INTEGER, estimated INTEGER,
  PRIMARY KEY (meter, direction, start));
"""


class PlainStore:
    """A database and a folder of PDFs."""

    def __init__(self, folder: Path, journey: Journey) -> None:
        self._journey = journey
        self._pdfs = folder / "bills"
        self._pdfs.mkdir(exist_ok=True)
        self._database = sqlite3.connect(database_file(folder), check_same_thread=False)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def keep(self, fetched: Fetched) -> None:
        """Read an account's documents and keep them."""
        for pdf in fetched.pdfs:
            self._keep_bill(pdf)
        for export in fetched.exports:
            self._keep_readings(export)
        self._database.commit()

    def _keep_bill(self, pdf: bytes) -> None:
        bill = self._journey.read_bill(pdf_text(pdf))
        file = self._pdfs / f"{bill.account_number}-{bill.billed_on}.pdf"
        file.write_bytes(pdf)
        which = (bill.account_number, str(bill.billed_on))
        period = (str(bill.due_on), str(bill.billing_period_from), str(bill.billing_period_to))
        cents = (bill.total_amount, bill.electricity_amount, bill.gas_amount)
        self._database.execute(
            "INSERT INTO bill VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*which, *period, *cents, file.name)
        )
        used = [(meter.id, meter.commodity.value, meter.consumption) for meter in bill.meters]
        self._database.executemany(
            "INSERT INTO bill_meter VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*which, meter, kind, q.mantissa, q.exponent, q.unit.value) for meter, kind, q in used],
        )

    def _keep_readings(self, export: bytes) -> None:
        for series in self._journey.read_readings(export):
            self._database.executemany(
                "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?)",
                [(series.meter_id, series.direction.value, *reading) for reading in series.readings],
            )


def database_file(folder: Path) -> Path:
    """Where the database is in a folder."""
    return folder / "plain.sqlite"


def counts(folder: Path) -> tuple[Sequence[int], int]:
    """How many bills each account has, and how many readings there are in all."""
    with closing(sqlite3.connect(database_file(folder))) as database:
        bills = database.execute("SELECT count(*) FROM bill GROUP BY account").fetchall()
        ((readings,),) = database.execute("SELECT count(*) FROM reading").fetchall()
    return [count for (count,) in bills], readings
