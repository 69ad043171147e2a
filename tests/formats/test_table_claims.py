"""What a table says of its own rows is compared with them: a contradiction is a doubt with both figures."""

from __future__ import annotations

import pytest

from tests.formats.table_read import NEW_YORK, Read, as_book, opower

SDGE = (
    "Name,X\nResource,Electric\nUOM,kWh\n{}\n"
    "Meter Number,Date,Start Time,Duration,Consumption,Generation,Net\n"
)
ROWS = tuple(f"123,3/12/2024,12:{minute:02} AM,15,0.4,0.1,0.3\n" for minute in (0, 15, 30))


def sdge(above: str = "", rows: tuple[str, ...] = ROWS, below: str = "") -> Read:
    return Read(SDGE.format(above) + "".join(rows) + below)


@pytest.mark.parametrize(
    ("claim", "read"),
    [
        ("Total Usage,99.9", "1.2"),
        ("Total Usage,1.3", "1.2"),
        ("Total Usage,0.9", "1.2"),
        ("Total: 12 kWh", "1.2"),
        ("Total Consumption (kWh),1.21", "1.2"),
        ("Total Generation,1.2", "0.3"),
        ("Net Usage,1.2", "0.9"),
        ('Total Usage,"1,200.5"', "1.2"),
        ("Total Usage,1300,Wh", "1200"),
        ("Total Wh,1300", "1200"),
        ("Usage total,99", "1.2"),
        ("Gesamtverbrauch,99", "1.2"),
        ("Number of readings,96", "3"),
        ("Interval Count,4", "3"),
    ],
)
def test_a_figure_above_or_below_the_rows_that_contradicts_them_is_doubted(claim: str, read: str) -> None:
    figure = claim.partition(",")[2].strip('"').replace(",Wh", " Wh") or "12 kWh"
    for doubts in (sdge(claim).doubts, sdge(below=f"{claim}\n").doubts):
        assert f"is {figure}, but " in doubts
        assert doubts.endswith(f" {read}")


@pytest.mark.parametrize(
    "claim",
    [
        "Total Usage,1.2",
        "Total Usage,1",
        "Total Usage,1.200 kWh",
        "Total Usage,1200,Wh",
        "Total Generation,0.3",
        "Total Net Usage,0.9",
        "Total Duration,0 Days",
        "Total Days,1",
        "Total Pages,3",
        "Total Usage last year,88",
        "Total Gas Usage (therms),45",
        "Total kW,5",
        "Total Estimated,0",
        "Total Taxes and Fees,$3.00",
        "Total Amount Due,$45.00",
        "Average Usage,99",
        "Total Meters,1",
        "Total Usage,n/a",
        "Number of intervals,3",
        "Reading Start,3/12/2024 00:00\nReading End,3/12/2024 00:45",
        "Reading Start,3/12/2024 00:00\nReading End,3/12/2024 00:30",
        "Start Date,3/12/2024\nEnd Date,3/12/2024",
        "Period: 3/12/2024 to 3/12/2024",
        "Report Period,March",
        "Start Date,3/12/2024\nEnd Date,3/13/2024",
    ],
)
def test_what_agrees_with_the_rows_is_no_doubt(claim: str) -> None:
    assert not sdge(claim).doubts


@pytest.mark.parametrize(
    ("claim", "read"),
    [
        ("Reading Start,3/10/2024 00:00", "the readings begin at 2024-03-12 00:00"),
        ("From,3/13/2024", "the readings begin at 2024-03-12 00:00"),
        ("Reading End,3/12/2024 23:45", "the readings end at 2024-03-12 00:45"),
        ("Date Range: 3/12/2024 to 3/15/2024", "the readings end at 2024-03-12 00:45"),
        ("Billing Period,3/10/2024 - 3/12/2024", "the readings begin at 2024-03-12 00:00"),
        ("End Date,3/15/2024", "the readings end at 2024-03-12 00:45"),
        ("Total Duration,4 Days", "the readings cover 1 days"),
    ],
)
def test_a_time_beside_the_rows_that_contradicts_them_is_doubted(claim: str, read: str) -> None:
    assert read in sdge(claim).doubts


def test_another_unit_beside_the_rows_is_doubted() -> None:
    rows = opower("2024-06-01,09:00,09:59,1.5")
    assert "is Wh, but values were read in kwh" in Read(f"Units,Wh\n{rows}").doubts
    assert not Read(f"Units,kWh\n{rows}").doubts


@pytest.mark.parametrize(
    ("said", "doubted"), [("kilowatt-hours", True), ("kilowatts", False), ("water", False)]
)
def test_another_kind_of_readings_than_was_read_is_doubted(said: str, doubted: bool) -> None:
    read = Read(
        f"For: 77\nType of readings: Electricity, Real energy in {said}\n"
        "Energy consumption time period,Usage(Real energy in kilowatts)\n"
        "2024-06-01 00:00 to 2024-06-01 01:00,1.5\n"
    )
    assert ("but values were read as demand" in read.doubts) is doubted


def test_a_row_of_totals_is_compared_by_its_columns() -> None:
    right = "Total,,,,1.2,0.3,0.9\n"
    assert not sdge(below=right).doubts
    assert "row of totals left out" in sdge(below=right).notes
    wrong = sdge(below="Total,,,,1.2,0.4,0.9\n")
    assert "line 9: the file's own “generation” is 0.4, but the rows add up to 0.3" in wrong.doubts


def test_a_row_of_totals_may_be_of_the_rows_since_the_last() -> None:
    part = "Subtotal,,,,0.8,0.2,0.6\n"
    rows = (*ROWS[:2], part, ROWS[2], "Subtotal,,,,0.4,0.1,0.3\n", "Grand total,,,,1.2,0.3,0.9\n")
    assert not sdge(rows=rows).doubts
    assert "is 0.8, but" in sdge(rows=(ROWS[0], part, *ROWS[1:])).doubts


def test_rows_that_were_rounded_add_up_to_a_total_that_was_not() -> None:
    rows = [f"2024-06-0{day},{hour:02}:00,{hour:02}:59,0.33" for day in (1, 2, 3, 4) for hour in range(24)]
    assert not Read(f"Total Usage,31.75\n{opower(*rows[:96])}").doubts
    assert "is 33, but the rows add up to 31.68" in Read(f"Total Usage,33\n{opower(*rows)}").doubts


def test_a_net_that_the_other_columns_contradict_is_doubted() -> None:
    swapped = SDGE.format("").replace("Consumption,Generation", "Generation,Consumption")
    read = Read(swapped + "".join(ROWS))
    assert (
        "line 6: the net is 0.3, but delivered minus received is -0.3; they differ in 3 rows" in read.doubts
    )
    one = ROWS[1].replace("0.1,0.3", "0.1,0.6")
    assert "line 7: the net is 0.6, but" in sdge(rows=(ROWS[0], one, ROWS[2])).doubts
    assert not sdge().doubts
    blank = ROWS[1].replace("0.1,0.3", ",0.3")
    assert not sdge(rows=(ROWS[0], blank, ROWS[2])).doubts
    assert "the net is 0.6, but" in sdge(rows=(ROWS[0], blank.replace(",0.3", ",0.6"), ROWS[2])).doubts


def test_a_net_in_another_unit_than_the_other_columns_is_compared() -> None:
    head = "start,end,electric delivered (kWh),electric received (Wh),electric net (kWh)\n"
    row = "2024-07-01 01:00,2024-07-01 02:00,"
    assert not Read(f"{head}{row}0.4,100,0.3\n", NEW_YORK).doubts
    assert (
        "the net is 0.3, but delivered minus received is -0.3"
        in Read(f"{head}{row}0.1,400,0.3\n", NEW_YORK).doubts
    )


def test_a_net_that_is_off_by_rounding_is_no_doubt_and_one_that_is_always_off_is() -> None:
    rows = [f"123,3/12/2024,{hour}:00 AM,60,0.{4 + hour % 2},0.1,0.3\n" for hour in range(1, 11)]
    mixed = [row.replace("0.5,0.1,0.3", f"0.5,0.1,0.{3 + place % 4}") for place, row in enumerate(rows)]
    assert not sdge(rows=tuple(mixed[:2])).doubts
    always = tuple(row.replace("0.4,0.1,0.3", "0.5,0.1,0.3") for row in rows)
    assert "differ in many rows" in sdge(rows=always).doubts


def test_charges_of_all_that_those_of_each_kind_contradict_are_doubted() -> None:
    head = "Bill Date,Electric Charges,Gas Charges,Electric Usage (kWh),Gas Usage (Therms),Total Charges\n"
    rows = "".join(f"0{month}/24/2025,80.00,20.25,450,12,100.25\n" for month in range(1, 6))
    assert "all charges" not in Read(head + rows).doubts
    assert (
        "total charges are 1301.25, but those of each commodity add up to 501.25"
        in Read(head + rows.replace("100.25", "900.25", 1)).doubts
    )


def test_a_net_in_rows_of_its_own_is_compared_too() -> None:
    head = "TYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES\n"
    kinds = ("Electric usage", "Electric sent to grid", "Electric net usage")

    def read(*values: str) -> Read:
        rows = [
            f"{kind},2024-06-01,09:00,09:59,{value},,\n" for kind, value in zip(kinds, values, strict=True)
        ]
        return Read(f"Service,1\n{head}{''.join(rows)}")

    assert not read("0.5", "0.2", "0.3").doubts
    assert "the total net is 0.3, but delivered minus received is -0.3" in read("0.2", "0.5", "0.3").doubts


def test_a_workbooks_own_total_is_compared_as_well() -> None:
    table = opower("2024-06-01,09:00,09:59,1.5", "2024-06-01,10:00,10:59,1.5")
    assert not Read(as_book(table + "Total,,,,3\n"), NEW_YORK).doubts
    assert "is 4, but the rows add up to 3" in Read(as_book(table + "Total,,,,4\n"), NEW_YORK).doubts
