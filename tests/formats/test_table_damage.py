"""Tables that were cut off, or whose rows or columns don't fit the header: never silently read as whole."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.formats.table_read import NEW_YORK, Read, energy

ESB = (
    "MPRN,Meter Serial Number,Read Value,Read Type,Read Date and End Time\n"
    "1000,34,0.4,Active Import Interval (kWh),30-09-2024 13:00\n"
    "1000,34,0.5,Active Import Interval (kWh),30-09-2024 12:30\n"
    "1000,34,0.6,Active Import Interval (kWh),30-09-2024 12:00"
)
AMEREN = (
    "Commodity,Electric\n"
    "Start Interval Date/Time,Meter ID,Usage,Units,Interval,Usage,Units,Interval\n"
    "3/30/2024 0:00,77,2.4,kwh,60min,0.6,kwh,15min\n"
    "3/30/2024 0:15,77,-,-,-,0.6,kwh,15min\n"
    "3/30/2024 0:30,77,-,-,-,0.6,kwh,15min"
)
PLAIN = (
    "start,end,electric usage (kWh)\n"
    "2024-06-01 00:00,2024-06-01 01:00,1250\n"
    "2024-06-01 01:00,2024-06-01 02:00,"
)
SDGE = "Name,X\nResource,Electric\nUOM,kWh\n{}Meter Number,Date,Start Time,Duration,Consumption,{}Net\n"
TEXAS = (
    "ESIID,USAGE_DATE,REVISION_DATE,USAGE_START_TIME,USAGE_END_TIME,USAGE_KWH,ESTIMATED_ACTUAL,"
    "CONSUMPTION_SURPLUSGENERATION\n"
    "'1044,03/01/2024,03/02/2024 06:18:33,00:00,00:15,.145,A,Consumption\n"
    "'1044,03/01/2024,03/02/2024 06:18:33,00:15,00:30,.145,A,Consumption"
)
CUT = {"esb": ESB, "ameren": AMEREN, "plain": PLAIN + "1250", "quoted": PLAIN + '"1250"', "texas": TEXAS}


@pytest.mark.parametrize("table", CUT)
def test_a_table_that_is_cut_anywhere_in_its_last_line_is_doubted_or_refused(table: str) -> None:
    """Also where what is left of the last cell is a time, a length, a number or a word by itself."""
    text = CUT[table]
    assert not Read(f"{text}\n", NEW_YORK).doubts
    for end in range(text.rindex("\n") + 2, len(text)):
        read = Read(text[:end], NEW_YORK)
        assert read.doubts or read.error, text[text.rindex("\n") + 1 : end]


@pytest.mark.parametrize("end", ["1250", '"12"', "0", "1.5", "-"])
def test_a_last_line_without_its_end_is_doubted_whatever_its_cell(end: str) -> None:
    assert "no line end" in Read(PLAIN + end).doubts
    assert not Read(f"{PLAIN}{end}\n").doubts


def test_a_portal_that_never_ends_the_last_line_is_known_for_it() -> None:
    read = Read(ESB)
    assert not read.doubts
    assert "the last line: no line end, as usual" in read.notes


def sdge(*rows: str, column: str = "Generation,", above: str = "") -> Read:
    lines = [f"123,3/12/2024,{hour}:00 PM,60,{row}\n" for hour, row in enumerate(rows, 1)]
    return Read(SDGE.format(above, column) + "".join(lines))


def test_a_row_that_lacks_a_cell_which_its_neighbours_have_is_refused() -> None:
    """Its values would be read one column to the left of their own."""
    whole = "0.4,0.1,0.3"
    read = sdge(whole, "0.4,0.3", whole)
    assert "Line 6 of the file is invalid: it has 6 cells, and the rows above it have 7" in read.error
    assert energy(read) == [400, 100, 300]
    assert "fewer cells than its neighbours" in sdge("0.4,0.3", whole, whole).doubts


def test_a_row_of_two_cells_that_begins_as_the_rows_do_is_no_line_of_text() -> None:
    read = Read(
        SDGE.format("", "")
        + "".join(f"A12{row}\n" for row in (",3/12/2024,1:00 AM,60,0.4,0.3", ",3/12/2024"))
    )
    assert "it has 2 cells" in read.error
    assert Read(SDGE.format("", "") + "A12,3/12/2024,1:00 AM,60,0.4,0.4\n-- end --\n-- end --\n").error == ""


def test_a_cell_without_text_is_called_blank_in_a_message() -> None:
    read = Read(AMEREN.replace("15min", "", 1), NEW_YORK)
    assert "“(blank)” is no length" in read.error


def test_a_column_that_no_row_has_is_no_fault_of_any() -> None:
    rows = [f"Electric usage,2024-02-01,0{hour}:00,0{hour}:59,0.03,$0.01" for hour in range(3)]
    head = "TYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES"
    assert not Read("\n".join([head, *rows, ""]), NEW_YORK).doubts
    assert not Read("\n".join([head, f"{rows[0]},note", *rows[1:], ""]), NEW_YORK).doubts


def test_a_row_whose_last_cell_may_be_of_the_column_beside_it_is_doubted() -> None:
    """As it is if a cell before it is missing."""
    rows = [f"Electric usage,2024-02-01,0{hour}:00,0{hour}:59,0.03,0.01" for hour in range(3)]
    head = "TYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES"
    for longer, *shorter in ((f"{rows[0]},2", *rows[1:]), (*rows[1:], f"{rows[0]},2")):
        read = Read("\n".join([head, longer, *shorter, ""]), NEW_YORK)
        assert "fewer cells than its neighbours" in read.doubts


def test_a_value_left_out_of_a_row_that_has_cells_beyond_the_header_is_doubted() -> None:
    """As SmartHub's rows have them: what is left is as wide as the header."""
    columns = "Energy consumption time period,Usage(Real energy in kilowatt-hours)"
    head = f" Type of readings: Electricity\n {columns}\n"
    rows = [f" 2024-07-01 0{hour}:00 to 2024-07-01 0{hour + 1}:00,1.5,\n" for hour in range(3)]
    for last, doubted in (("1.5,", ""), ("1.5", ""), (",", ""), ("", "fewer cells than its neighbours")):
        read = Read(f"{head}{''.join(rows)} 2024-07-01 03:00 to 2024-07-01 04:00,{last}\n", NEW_YORK)
        assert read.error == ""
        assert doubted in read.doubts if doubted else not read.doubts


@pytest.mark.parametrize("damaged", ["x2024-07-01 01:00", "?024-07-01 01:00", "-2024-07-01T01:00"])
def test_a_row_with_a_damaged_time_is_no_line_of_text(damaged: str) -> None:
    """It has a colon and no digit first, as lines between tables do."""
    rows = [f"2024-07-01 0{hour}:00,2024-07-01 0{hour + 1}:00,1.5" for hour in range(3)]
    table = "\n".join(["start,end,electric usage (kWh)", *rows, ""])
    assert not Read(table).doubts
    read = Read(table.replace(f"\n{rows[1][:16]}", f"\n{damaged}"))
    assert "no time as this layout writes them" in read.error
    assert read.values() == [Decimal(1500)]


def test_half_an_end_of_the_last_line_is_none() -> None:
    table = f"{SDGE.format('', '')}A1,3/12/2024,1:00 PM,60,0.4,0.3\n"
    windows = table.replace("\n", "\r\n")
    assert "no line end" in Read(windows[:-1]).doubts
    for whole in (windows, table.replace("\n", "\r"), windows.replace("\r", "", 2), windows[:-2] + "\n"):
        assert not Read(whole).doubts


@pytest.mark.parametrize(
    "column", ["electric usage", "electric consumption", "gas delivered", "electric export"]
)
def test_every_name_of_a_column_with_a_unit_is_read(column: str) -> None:
    unit = "therms" if column.startswith("gas") else "kWh"
    read = Read(f"start,end,{column} ({unit})\n2024-07-01 01:00,2024-07-01 02:00,1.5\n", NEW_YORK)
    assert not read.doubts
    assert len(read.series) == 1


def test_a_day_that_lacks_a_quarter_hour_is_refused() -> None:
    clocks = [f"{hour:02}:00-{(hour + 1) % 24:02}:00" for hour in range(24)]
    days = [";".join([f"0{day}/06/2024", *["0,5"] * (24 - (day == 2))]) for day in (1, 2, 3)]
    read = Read("\n".join([";".join(["Giorno", *clocks]), *days, ""]))
    assert "it has 24 cells, and the rows above it have 25" in read.error


def test_cells_beyond_the_header_are_looked_at_in_every_row() -> None:
    read = sdge("0.4,0.1,0.3,", "0.4,0.1,0.3,", "0.4,0.1,0.2,0.3")
    assert "8 cells under a header of 7" in read.error


NUMBERS = ("0.1", "1,25", "$0.10", "12 kWh", "-3", "85%", "(2.5)", "9.3E-4", "'0.1", "1 250")
NO_NUMBERS = ("off-peak", "2024-01-01", "01.02.2024", "12:00", "A1", "-", "")


@pytest.mark.parametrize("column", ["Teruglevering", "Meter ID 2", ""])
@pytest.mark.parametrize("cell", NUMBERS)
def test_a_column_of_numbers_that_is_left_out_is_doubted_whatever_its_name(column: str, cell: str) -> None:
    assert "although it holds numbers" in sdge(*[f'0.4,"{cell}",0.3'] * 2, column=f"{column},").doubts


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_a_column_of_other_things_that_is_left_out_is_noted(cell: str) -> None:
    read = sdge(*[f'0.4,"{cell}",0.3'] * 2, column="Seizoen,")
    assert not read.doubts
    assert "column “seizoen” was not read" in read.notes


def test_a_column_whose_numbers_are_few_is_doubted_and_an_account_number_is_not() -> None:
    rows = ["0.4,,0.3", "0.4,,0.3", "0.4,0.1,0.3"]
    assert "although it holds numbers" in sdge(*rows, column="Solar,").doubts
    assert not sdge(*["0.4,000123456789,0.3"] * 3, column="Premise,").doubts


def test_a_last_column_without_a_name_is_doubted_too() -> None:
    lines = "".join(f"123,3/12/2024,{hour}:00 PM,60,0.4,0.1,0.3,7.5\n" for hour in (1, 2))
    head = "Meter Number,Date,Start Time,Duration,Consumption,Generation,Net,\n"
    assert "column 8 (unnamed) was not read, although it holds numbers" in Read(head + lines).doubts
