"""Workbooks of every kind, also odd ones: read as spreadsheet programs do, within bounds, or refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]

from meterfarm.formats.tables.interval_csv import read_interval_csv
from meterfarm.formats.tables.workbook import sheets_apart
from meterfarm.formats.tables.workbook_child import MEMORY
from meterfarm.formats.tables.xlsx import sheets
from tests.formats.books import FILES, HOURLY_HEAD, SHEET, TWO, as_csv, book, page, replaced, rows
from tests.formats.table_read import NEW_YORK, Read

EXPECTED = read_interval_csv(as_csv(rows(typed=False)), NEW_YORK).series
STYLES = "xl/styles.xml"
TYPES = "[Content_Types].xml"
STRICT = (
    (
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    ),
    (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    ),
)


def odd(content: bytes, **change: Callable[[str, bytes], tuple[str, bytes] | None]) -> bytes:
    """The workbook with each of its parts as ``change`` makes it."""
    (make,) = change.values()
    file = BytesIO()
    with ZipFile(BytesIO(content)) as source, ZipFile(file, "w", ZIP_DEFLATED) as target:
        for each in source.namelist():
            made = make(each, source.read(each))
            if made:
                target.writestr(*made)
    return file.getvalue()


def _strict(name: str, part: bytes) -> tuple[str, bytes]:
    for ours, theirs in STRICT:
        part = part.replace(ours, theirs)
    return name, part


def _without(*names: str) -> Callable[[str, bytes], tuple[str, bytes] | None]:
    return lambda name, part: None if name in names else (name, part)


def _instead(where: str, old: bytes, new: bytes) -> Callable[[str, bytes], tuple[str, bytes]]:
    return lambda name, part: (name, part.replace(old, new) if name == where else part)


ODD = {
    "an empty fill": _instead(STYLES, b"</fills>", b"<fill/></fills>"),
    "styles that are nonsense": lambda name, part: (name, b"<x/>" if name == STYLES else part),
    "no styles": _without(STYLES),
    "strict": _strict,
    "a part's name in capitals": lambda name, part: (name.replace("sharedS", "SharedS"), part),
    "a sheet's name in capitals": lambda name, part: (name.replace("sheet1", "Sheet1"), part),
    "other types": _instead(TYPES, b"spreadsheetml.sheet.main+xml", b"spreadsheetml.odd+xml"),
    "no properties": _without("docProps/core.xml", "docProps/app.xml"),
    "properties that are nonsense": lambda name, part: (name, b"<" if name == "docProps/core.xml" else part),
    "no dimension": _instead(SHEET, b"<dimension", b"<nodimension"),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_xlsx_that_spreadsheet_programs_open_is_read(kind: str) -> None:
    """Texts alone: of nonsense styles nobody can tell which numbers are dates."""
    read = Read(odd(book(rows(typed=False)), change=ODD[kind]))
    assert read.series == list(EXPECTED)
    assert not read.doubts


def test_dates_and_times_are_read_alike_by_either_reader() -> None:
    """But that a midnight is a day alone to one of them."""
    content = book(rows(typed=True))
    with sheets(BytesIO(content)) as one, sheets_apart(BytesIO(content)) as other:
        pairs = zip(one[0].rows(), other[0].rows(), strict=True)
        for (number, cells), (same, others) in pairs:
            assert number == same
            assert [each.removesuffix(" 00:00:00") for each in cells] == others


@pytest.mark.parametrize("change", [_strict, ODD["an empty fill"]])
def test_days_that_are_counted_from_1904_are_read(change: Callable[[str, bytes], tuple[str, bytes]]) -> None:
    workbook = Workbook()
    workbook.epoch = __import__("openpyxl").utils.datetime.CALENDAR_MAC_1904
    for row in rows(typed=True):
        workbook.active.append(row)
    file = BytesIO()
    workbook.save(file)
    for content in (file.getvalue(), odd(file.getvalue(), change=change)):
        assert Read(content).series == list(EXPECTED)


@pytest.mark.parametrize("name", ["usage.xls", "usage.ods"])
def test_workbooks_of_before_2007_and_of_open_office_are_read(name: str) -> None:
    read = Read((FILES / name).read_bytes())
    assert read.series == list(EXPECTED)
    assert not read.doubts


def test_an_encrypted_workbook_is_refused_for_what_it_is() -> None:
    assert "encrypted" in Read((FILES / "encrypted.xlsx").read_bytes()).error


@pytest.mark.parametrize("name", ["usage.xls", "usage.ods"])
def test_a_workbook_that_is_cut_off_is_refused(name: str) -> None:
    whole = (FILES / name).read_bytes()
    for end in range(9, len(whole) - 512, 700):
        assert "cut short or damaged" in Read(whole[:end]).error


def test_a_sheet_whose_end_is_missing_is_not_read_as_a_whole_one() -> None:
    """python-calamine takes what it finds of one."""
    with ZipFile(BytesIO(book(rows(typed=False)))) as archive:
        part = archive.read(SHEET)
    content = odd(book(rows(typed=False)), change=_without(STYLES))
    for end in (len(part) - 1, len(part) // 2):
        assert "damaged" in Read(replaced(content, SHEET, part[:end])).error


ROW = ("2025-06-01 00:00", "2025-06-01 01:00", "0.5")
MEASURED = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.interval_csv import read_table
try:
    with open(sys.argv[1], "rb") as file:
        list(read_table("x", file, ZoneInfo("UTC")))
except FormatError as exc:
    print(exc)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def _row(number: int, *cells: tuple[str, str]) -> str:
    texts = (f'<c r="{place}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for place, text in cells)
    return f'<row r="{number}">{"".join(texts)}</row>'


@pytest.mark.parametrize("change", [ODD["an empty fill"], _without()])
@pytest.mark.parametrize("column", ["XFD", "CV"])
def test_a_sheet_of_two_far_cells_is_refused_in_little_memory(
    tmp_path: Path, column: str, change: Callable[[str, bytes], tuple[str, bytes]]
) -> None:
    """Of the reader and of the process it starts together, which can take no more than its limit."""
    sheet = _row(1, *zip("ABC", HOURLY_HEAD, strict=True)) + _row(2, *zip("ABC", ROW, strict=True))
    far = f"<sheetData>{sheet}{_row(200_000, (column, 'x'))}</sheetData>"
    namespace = STRICT[0][0].decode()
    content = replaced(
        book([HOURLY_HEAD]), SHEET, f'<worksheet xmlns="{namespace}">{far}</worksheet>'.encode()
    )
    path = tmp_path / "sparse.xlsx"
    path.write_bytes(odd(content, change=change))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    refusal, kilobytes = done.stdout.splitlines()
    assert "refused" in refusal or "is invalid" in refusal
    assert int(kilobytes) * 1024 + MEMORY < 300_000_000


def test_the_process_that_reads_gets_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "environment"
    child = tmp_path / "child.py"
    child.write_text(f"open({str(seen)!r}, 'w').write(open('/proc/self/environ').read())\nprint('[]')")
    monkeypatch.setenv("METERFARM_SECRET_KEYS", "canary")
    monkeypatch.setattr("meterfarm.formats.tables.workbook.workbook_child.__file__", str(child))
    with sheets_apart(BytesIO((FILES / "usage.xls").read_bytes())) as found:
        assert not found
    assert seen.read_text() == ""


def test_a_hidden_sheet_that_is_read_is_doubted() -> None:
    workbook = Workbook()
    workbook.active.append(["nothing"])
    sheet = workbook.create_sheet("raw")
    for row in rows(typed=False):
        sheet.append(row)
    sheet.sheet_state = "veryHidden"
    file = BytesIO()
    workbook.save(file)
    assert "raw: hidden sheet was read" in Read(file.getvalue()).doubts


def test_formulas_without_results_are_doubted() -> None:
    table = [[*each, "=0.1+0.2" if len(each) > 4 else None] for each in rows(typed=False)]
    table[1][5:] = ["DEMAND (kW)", None]
    workbook = Workbook()
    for row in table:
        workbook.active.append(row)
    file = BytesIO()
    workbook.save(file)
    read = Read(file.getvalue())
    assert "cells hold formulas without results" in read.doubts
    assert [len(each.readings) for each in read.series] == [4]
    computed = _instead(SHEET, b"<v></v>", b"<v>0.3</v>")
    assert (
        "formulas"
        not in Read(
            odd(odd(file.getvalue(), change=_instead(SHEET, b"<v />", b"<v></v>")), change=computed)
        ).doubts
    )


SPREADSHEET = (
    '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
    'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Usage"><Table>{}</Table>'
    "{}</Worksheet></Workbook>"
)
CELL = '<Cell{}><Data ss:Type="{}">{}</Data></Cell>'


def _xml_row(*cells: tuple[str, str], index: str = "") -> str:
    return f"<Row>{''.join(CELL.format(index, *cell) for cell in cells)}</Row>"


def xml_workbook(*data: str, options: str = "") -> str:
    return SPREADSHEET.format(_xml_row(*(("String", each) for each in HOURLY_HEAD)) + "".join(data), options)


def test_a_workbook_in_xml_of_2003_is_read() -> None:
    texts = _xml_row(*(("String", each) for each in ROW))
    stamps = ("2025-06-01T01:00:00.000", "2025-06-01T02:00:00.000")
    typed = _xml_row(*(("DateTime", each) for each in stamps), ("Number", "0.625"))
    read = Read(xml_workbook(texts, typed))
    assert read.values() == [500, 625]
    assert read.starts() == ["01T04:00", "01T05:00"]
    assert not read.issues


def test_cells_of_such_a_workbook_stand_where_they_say() -> None:
    row = _xml_row(("String", ROW[0]), ("String", ROW[1])).replace(
        "</Row>", CELL.format(' ss:Index="4"', "Number", "7") + "</Row>"
    )
    assert "it has 4 cells under a header of 3" in Read(xml_workbook(row)).error
    hidden = "<WorksheetOptions><Visible>SheetHidden</Visible></WorksheetOptions>"
    whole = _xml_row(*(("String", each) for each in ROW))
    assert "hidden sheet was read" in Read(xml_workbook(whole, options=hidden)).doubts
    assert "damaged" in Read(xml_workbook(whole)[:-40]).error
    assert "document type" in Read(xml_workbook(whole).replace("<Workbook", "<!DOCTYPE x><Workbook")).error


LAYOUT = "<!DOCTYPE html><table><tr><td>Menu<tr><td>{}</td></tr></table><p>Bye"


@pytest.mark.parametrize(
    "around",
    ["<html><body>{}</body></html>", "{}", "<meta charset=utf-8>{}", "<meta charset=utf-16>{}", LAYOUT],
)
def test_a_table_in_a_web_page_is_read(around: str) -> None:
    read = Read(page(TWO, around=around))
    assert read.values() == [500, 750]
    assert not read.doubts
    assert Read("\ufeff".join(["", page(TWO)]).encode("utf-16-le")).values() == read.values()


def test_a_web_page_that_is_cut_off_is_doubted_or_refused() -> None:
    whole = page(TWO)
    for end in range(whole.index("<td"), whole.rindex("</table>")):
        read = Read(whole[:end])
        assert read.doubts or read.error, whole[end - 20 : end]


def test_cells_that_reach_over_rows_and_columns_stand_where_they_are_seen() -> None:
    spans = (
        "<tr><td rowspan=2>2025-06-01 00:00<td>2025-06-01 01:00<td>0.5</tr><tr><td>2025-06-01 01:00<td>0.5"
    )
    assert Read(page(spans)).values() == [500, 500]
    wide = "<tr><td>2025-06-01 00:00<td colspan=2>2025-06-01 01:00<td>7</tr>"
    assert "4 cells under a header of 3" in Read(page(wide)).error


@pytest.mark.parametrize("text", ["<html><table><tr><td>Start</td></tr></table>", "<html><form>Password"])
def test_a_web_page_without_a_known_table_is_refused_without_a_guess(text: str) -> None:
    error = Read(text).error
    assert error.startswith("The file is a web page (HTML) without a table of a known layout")
    assert "sign" not in error
