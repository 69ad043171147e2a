"""Workbooks, damaged as a whole; and whole ones whose only sheet, given alone, is damaged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from openpyxl import Workbook  # type: ignore[import-untyped]

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.interval_csv import read_table
from meterfarm.records import Series

_SHEET = "xl/worksheets/sheet1.xml"
_ZONE = ZoneInfo("America/St_Johns")


def _workbook() -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.append(["TYPE", "DATE", "START TIME", "END TIME", "USAGE (kWh)", "COST", "NOTES"])
    for hour in range(24):
        sheet.append(["Electric usage", datetime(2024, 11, 3), time(hour), time(hour, 59), hour / 8, "$0.01"])  # noqa: DTZ001 - a sheet's dates have no zone
    book.create_sheet("empty")
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


_BOOK = _workbook()
with zipfile.ZipFile(io.BytesIO(_BOOK)) as _archive:
    _MEMBERS = {each: _archive.read(each) for each in _archive.namelist()}

SEEDS: Sequence[bytes] = (_BOOK, _MEMBERS[_SHEET])


def _with_sheet(sheet: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (_MEMBERS | {_SHEET: sheet}).items():
            archive.writestr(name, content)
    return file.getvalue()


def one(data: bytes) -> None:
    """It is read as far as it can be; a FormatError is an answer."""
    readings = 0
    whole = data if data.startswith(b"PK") else _with_sheet(data)
    try:
        for each in read_table("x.xlsx", io.BytesIO(whole), _ZONE):
            readings += len(each.readings) if isinstance(each, Series) else 0
    except FormatError:
        return
    if readings > 100_000:
        raise ValueError(f"{readings} readings")
