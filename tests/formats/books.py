"""Workbooks and pages with tables, as tests make them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook  # type: ignore[import-untyped]

HEAD = ["TYPE", "DATE", "START TIME", "END TIME", "USAGE (kWh)", "COST", "NOTES"]
AUTUMN = datetime(2024, 11, 3)  # noqa: DTZ001 - a sheet's dates have no zone


def book(*sheets: Sequence[Sequence[object]]) -> bytes:
    workbook = Workbook()
    workbook.remove(workbook.active)
    for number, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()


def rows(*, typed: bool) -> Sequence[Sequence[object]]:
    """The doubled hour of autumn, from 00:00."""
    hours = (0, 1, 1, 2)
    cells: list[list[object]] = [["2024-11-03", f"{hour:02}:00", f"{hour:02}:59", "0.3"] for hour in hours]
    if typed:
        cells = [[AUTUMN, time(hour), time(hour, 59), 0.1 + 0.2] for hour in hours]
    return [["Service", "1"], HEAD, *(["Electric usage", *each] for each in cells)]


def as_csv(table: Sequence[Sequence[object]]) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in table).encode()


def replaced(content: bytes, name: str, part: bytes) -> bytes:
    file = BytesIO()
    with ZipFile(BytesIO(content)) as source, ZipFile(file, "w", ZIP_DEFLATED) as target:
        for each in source.namelist():
            target.writestr(each, part if each == name else source.read(each))
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


FILES = Path(__file__).parent / "workbooks"
HOURLY_HEAD = ("start", "end", "electric usage (kWh)")


def page(*data: str, around: str = "<html><body>{}</body></html>") -> str:
    head = "".join(f"<th>{each}</th>" for each in HOURLY_HEAD)
    return around.format(f"<table><tr>{head}</tr>{''.join(data)}</table>")


TR = "<tr><td>2025-06-01&nbsp;00:00<td>2025-06-01 01:00</td><td align=right><b>0.5</b></tr>"
TWO = TR + TR.replace("00:00", "02:00").replace("01:00", "03:00").replace("0.5", "0.75")
