"""Workbooks are read as the tables they hold, with dates and numbers as such or as text."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.interval_csv import read_interval_csv
from meterfarm.records import Commodity, IntervalData, Severity
from tests.formats.books import SHEET, as_csv, book, replaced, rows

NEW_YORK = ZoneInfo("America/New_York")
FLUVIUS = (
    "Van datum;Van tijdstip;Tot datum;Tot tijdstip;EAN;Meter;Metertype;Register;Volume;Eenheid;"
    "Validatiestatus"
)


@pytest.mark.parametrize("typed", [True, False])
def test_a_workbook_reads_as_the_csv(typed: bool) -> None:
    expected = read_interval_csv(as_csv(rows(typed=False)), NEW_YORK)
    read = read_interval_csv(book(rows(typed=typed)), NEW_YORK)
    assert read == IntervalData(expected.series)
    assert [each.starts_at.hour for each in read.series[0].readings] == [4, 5, 6, 7]


def test_numbers_of_a_sheet_whose_texts_have_decimal_commas() -> None:
    row: list[object] = [
        "12-10-2021",
        "00:00:00",
        "12-10-2021",
        "00:15:00",
        "5",
        "1S",
        "M",
        "Afname",
        "0",
        "kWh",
        "",
    ]
    row[8] = 1.5
    other = [*row[:1], "00:15:00", *row[2:3], "00:30:00", *row[4:8], "1,25", *row[9:]]
    (series,) = read_interval_csv(book([FLUVIUS.split(";"), row, other])).series
    assert [each.mantissa for each in series.readings] == [150, 125]


def test_dates_that_a_spreadsheet_turned_are_refused() -> None:
    """Of 12/10 and 13/10 it can turn only the first: dates of two kinds in one column."""
    head = ["Giorno", *(f"{hour:02}:00-{(hour + 1) % 24:02}:00" for hour in range(24))]
    turned = book([head, [date(2024, 12, 10), *[0.5] * 24], ["13/10/2024", *[0.5] * 24]])
    with pytest.raises(FormatError, match="two ways"):
        read_interval_csv(turned)


def test_lines_of_a_csv_in_the_first_column_of_a_sheet() -> None:
    row = "19-12-2022;00:00:00;19-12-2022;00:15:00;=5414;;AMR-meter;Afname Actief;3,179;kWh;Gevalideerd"
    (series,) = read_interval_csv(book([[FLUVIUS], [row]])).series
    assert (series.meter_id, series.commodity) == ("=5414", Commodity.ELECTRIC)
    assert series.readings[0].mantissa == 3179


def test_sheets_beside_a_table_are_told_of() -> None:
    read = read_interval_csv(book([["Read me"]], rows(typed=True), [["x", "y"]]), NEW_YORK)
    assert len(read.series) == 1
    assert {(each.where, each.severity) for each in read.issues} == {
        ("sheet 0", Severity.NOTE),
        ("sheet 2", Severity.NOTE),
    }


def test_a_workbook_without_a_known_table_is_refused_with_what_was_seen() -> None:
    with pytest.raises(FormatError, match=r"“Day \| Energy”"):
        read_interval_csv(book([["Day", "Energy"], [date(2024, 1, 1), 5]]))


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>', "declares entities"),
        (b" " * 32_000_000, "far more"),
        (b"<worksheet><sheetData><row>", "damaged"),
        (b"", "damaged"),
    ],
)
def test_workbooks_that_are_not_what_they_seem(part: bytes, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        read_interval_csv(replaced(book(rows(typed=True)), SHEET, part), NEW_YORK)


def test_a_workbook_that_is_cut_off() -> None:
    content = book(rows(typed=True))
    with pytest.raises(FormatError, match="damaged"):
        read_interval_csv(content[: len(content) // 2], NEW_YORK)
