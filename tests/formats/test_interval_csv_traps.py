"""Tables in which a number would be silently wrong, or counted twice: each is read right, or told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.formats.table_read import NEW_YORK, Read, as_book, energy, opower

HEAD = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\n"
ROW = "Electric usage,2024-06-01,09:00,09:59,1.5,kWh,$1,\n"


def test_a_header_with_another_unit_further_down_holds_of_the_rows_below_it() -> None:
    read = Read(
        opower("2024-06-01,09:00,09:59,1.5") + opower("2024-06-01,10:00,10:59,15").replace("kWh", "Wh")
    )
    assert sorted(energy(read)) == [15, 1500]
    assert not read.doubts


def test_the_same_again_in_another_unit_is_doubted() -> None:
    read = Read(
        opower("2024-06-01,09:00,09:59,1.5") + opower("2024-06-01,09:00,09:59,1500").replace("kWh", "Wh")
    )
    assert energy(read) == [1500, 1500]
    assert "overlaps an earlier one" in read.doubts


@pytest.mark.parametrize(
    "other",
    [ROW.replace("Electric usage", "Electric"), ROW.replace("kWh", "KWH"), ROW.replace("1.5,k", "1500,")],
)
def test_the_same_in_other_words_is_doubted(other: str) -> None:
    read = Read(HEAD + ROW + other)
    assert energy(read) == [1500, 1500]
    assert "overlaps an earlier one" in read.doubts


def test_mean_power_and_energy_of_the_same_time_are_doubted() -> None:
    kinds = ("0.5,Active Import Interval (kW)", "0.25,Active Import Interval (kWh)")
    rows = "".join(f"1,2,{kind},02-06-2024 10:30\n" for kind in kinds)
    read = Read("MPRN,Meter Serial Number,Read Value,Read Type,Read Date and End Time\n" + rows)
    assert energy(read) == [250, 250]
    assert "overlaps an earlier one" in read.doubts


def test_a_stream_listed_again_in_another_spelling_is_doubted() -> None:
    day = f"300,20240406,{','.join(['1'] * 48)},A,,,20240407000000,\n"
    stream = "200,N1,E1,1,E1,,M1,{},30,\n"
    read = Read(
        "100,NEM12,202404070000,A,B\n" + stream.format("kWh") + day + stream.format("KWH") + day + "900\n"
    )
    assert sum(energy(read)) == 96_000
    assert "overlaps an earlier one" in read.doubts


@pytest.mark.parametrize(
    ("told", "refused"),
    [("Service,Service 2", True), ("Service,Service 1", False), ("Account Number: 7", True), ("Bye", False)],
)
def test_what_is_told_anew_without_a_header_is_refused(told: str, refused: bool) -> None:
    """Whose the rows below it are, or what, is not known; a line below all rows does no harm."""
    first, second = "2024-06-01,09:00,09:59,1.5", "Electric usage,2024-06-01,10:00,10:59,1.5\n"
    read = Read(f"{opower(first)}{told}\n{second}")
    assert ("changes above it, without a header" in read.error) is refused
    assert len(energy(read)) == 2 - refused
    assert not Read(f"{opower(first)}{told}\n").error


@pytest.mark.parametrize("step", [15, 60])
@pytest.mark.parametrize("before", [0, 1, *range(4087, 4100)])
def test_zeros_that_the_clock_never_showed_are_left_out_before_the_values_too(step: int, before: int) -> None:
    """However many rows stand before them, since those are handed on in batches."""
    spring = datetime(2024, 3, 10, 7, tzinfo=UTC)
    rows = []
    for number in range(-before, 240 // step):
        start = (spring + timedelta(minutes=number * step)).astimezone(NEW_YORK)
        end = start + timedelta(minutes=step - 1)
        if number == 0:
            clocks = [f"02:{minute:02},02:{minute + step - 1:02}" for minute in range(0, 60, step)]
            rows += [f"2024-03-10,{each},0" for each in clocks]
        rows.append(f"{start:%Y-%m-%d,%H:%M},{end:%H:%M},1")
    read = Read(opower(*rows))
    assert len(energy(read)) == before + 240 // step
    assert set(energy(read)) == {1000}
    assert not read.error
    assert "overlaps an earlier one" not in read.doubts


@pytest.mark.parametrize(("hours", "doubted"), [(1, False), (2, True), (3, True), (12, True)])
def test_steps_that_are_no_usual_interval_are_doubted(hours: int, doubted: bool) -> None:
    """Rows may be missing, and nothing but the steps says how long an interval is."""
    head = "Meter Number,Interval Start Date/Time,Inflow (kWh)\n"
    read = Read(head + "".join(f"1,2024-06-01 {hour:02}:00,1\n" for hour in range(0, 24, hours)))
    assert ("check whether rows are missing" in read.doubts) is doubted


def test_a_table_of_starts_alone_is_no_table_of_days() -> None:
    read = Read(
        "TYPE,DATE,START TIME,USAGE (kWh)\n" + "".join(f"Electric,2024-06-01,{h:02}:00,1\n" for h in range(4))
    )
    assert read.lengths() == [3600] * 4
    assert not read.doubts


@pytest.mark.parametrize("column", ["END TIME", "HOUR", "TIME OF READING"])
def test_a_time_that_is_not_read_is_doubted(column: str) -> None:
    read = Read(f"TYPE,DATE,{column},USAGE (kWh)\nElectric,2024-06-01,09:00,1\nElectric,2024-06-02,09:00,1\n")
    assert f"column “{column.lower()}” was not read" in read.doubts


def test_a_column_that_is_blank_beside_others_is_noted() -> None:
    """As in a workbook of formulas that no spreadsheet has computed."""
    rows = ("2024-06-01,09:00,09:59,,$1.00", "2024-06-01,10:00,10:59,,$1.00")
    read = Read(opower(*rows))
    assert energy(read) == []
    assert "column “usage ({unit})” is blank in every row" in read.notes
    assert "blank" not in Read(opower(*rows, "2024-06-01,11:00,11:59,2,$1.00")).notes
    assert read.notes == Read(opower(*rows) + opower("2024-06-01,11:00,11:59,2,$1.00")).notes


def test_a_clock_that_is_put_forward_at_midnight_ends_the_day_before_at_one() -> None:
    rows = ("2024-03-09,23:30,23:45,1", "2024-03-09,23:45,01:00,1", "2024-03-10,01:00,01:15,1")
    read = Read(opower(*rows), ZoneInfo("America/Havana"))
    assert read.lengths() == [900] * 3
    assert not read.error


SMARTHUB = (
    "Usage Information\nFor: 1\nType of readings: Electricity\n"
    "Energy consumption time period,Usage(Real energy in kilowatt-hours)\n"
    "2024-06-01 00:00 to 2024-06-01 01:00,1.5\n2024-06-01 01:00 to 2024-06-01 02:00,1.5\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "xlsx"])
def test_several_tables_are_told_apart_whatever_they_are_written_in(encoding: str) -> None:
    for tables in (1, 2, 3):
        text = SMARTHUB * tables
        read = Read(as_book(text) if encoding == "xlsx" else text.encode(encoding))
        assert len({each.meter_id for each in read.series}) == tables
        assert ("the direction of each" in read.doubts) is (tables > 1)
        assert "overlaps an earlier one" not in read.doubts


def test_a_value_without_a_unit_is_doubted() -> None:
    read = Read(HEAD + ROW.replace("kWh", "") + ROW.replace("09:", "10:"))
    assert energy(read) == [1500]
    assert "line 2: value without a unit" in read.doubts


def test_rows_that_a_quote_swallowed_are_missed() -> None:
    rows = [f"2024-06-01,{hour:02}:00,{hour:02}:59,1.5,$1.00," for hour in range(4)]
    swallowed = Read(opower(rows[0], f'{rows[1]}"see', rows[2], f'{rows[3]}"'))
    assert len(energy(swallowed)) == 2
    assert "cell with several lines" in swallowed.doubts
    assert not Read(opower(rows[0], "", f'{rows[1]}"see"', rows[2])).doubts


def test_a_sheet_that_says_the_same_as_another_is_doubted() -> None:
    hours = [f"2024-06-01,{hour:02}:00,{hour:02}:59,1.5" for hour in range(2)]
    first, second = opower(hours[0]), opower(hours[1])
    assert not Read(as_book(first, second)).doubts
    assert "overlaps an earlier one" in Read(as_book(first + second, second)).doubts
    assert "several interval lengths" in Read(as_book(first, opower("2024-06-01,00:00,23:59,9"))).notes
