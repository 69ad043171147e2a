"""Workbooks that are written, as another library reads them."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from meterfarm.formats.xlsx_sheets import Cell, Instant, MoneyCell, SheetColumn, sheet_book

COLUMNS = [SheetColumn("text", 20), SheetColumn("value")]
FORMULAS = ["=1+1", "{=1+1}", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "https://example.com", "0123", "\t=1"]


def test_no_text_becomes_a_formula_a_link_or_a_number(tmp_path: Path) -> None:
    target = tmp_path / "a.xlsx"
    with sheet_book(target) as book:
        sheet = book.sheet("texts", COLUMNS)
        for text in FORMULAS:
            sheet.add((text, None))
    rows = CalamineWorkbook.from_path(target).get_sheet_by_name("texts").to_python()
    assert [row[0] for row in rows[1:]] == [text.strip() for text in FORMULAS]
    with zipfile.ZipFile(target) as parts:
        page = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in page
        assert 'state="frozen"' in page
        assert not [name for name in parts.namelist() if "_rels/sheet" in name]


def test_values_are_numbers_days_and_times(tmp_path: Path) -> None:
    target = tmp_path / "a.xlsx"
    quarter = 1_793_512_800 + 900
    values: list[Cell] = [
        MoneyCell(-123456789, "USD"),
        MoneyCell(5, "EUR"),
        date(2026, 2, 28),
        Instant(quarter),
        Decimal("0.1"),
        True,
    ]
    with sheet_book(target) as book:
        sheet = book.sheet("values", COLUMNS)
        for value in values:
            sheet.add(("x", value))
    rows = CalamineWorkbook.from_path(target).get_sheet_by_name("values").to_python()[1:]
    assert [row[1] for row in rows] == [
        *(-1234567.89, 0.05, date(2026, 2, 28), datetime.fromisoformat("2026-11-01T06:15:00"), 0.1, "yes")
    ]
    with zipfile.ZipFile(target) as parts:
        styles = parts.read("xl/styles.xml").decode()
    assert "[$$-409]#,##0.00" in styles
    assert "EUR" in styles


def test_what_does_not_fit_a_sheet_goes_on_in_the_next(tmp_path: Path) -> None:
    target = tmp_path / "a.xlsx"
    with sheet_book(target, most_rows=101) as book:
        sheet, other = book.sheet("rows", COLUMNS), book.sheet("other", COLUMNS)
        for n in range(250):
            sheet.add((f"row {n}", n))
            other.add(("x", n)) if n < 100 else None
    assert (sheet.rows, sheet.parts, other.parts) == (250, 3, 1)
    read = CalamineWorkbook.from_path(target)
    assert read.sheet_names == ["rows", "other", "rows 2", "rows 3"]
    parts = [read.get_sheet_by_name(name).to_python() for name in ("rows", "rows 2", "rows 3")]
    assert all(part[0] == ["text", "value"] for part in parts)
    assert [row[1] for part in parts for row in part[1:]] == list(range(250))


def test_of_a_workbook_that_fails_nothing_is_left(tmp_path: Path) -> None:
    target = tmp_path / "a.xlsx"
    target.write_bytes(b"the one before")

    def fail() -> None:
        with sheet_book(target) as book:
            book.sheet("rows", COLUMNS).add(("x", 1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a.xlsx"]
    assert target.read_bytes() == b"the one before"
