"""What portals' tables may also look like: read right, or told of; never a number that is silently wrong."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest

from meterfarm.formats.tables.interval_csv import read_table
from meterfarm.formats.tables.layout import ELECTRIC, KWH, MEAN_KW, DateOrder, Layout, Times, Value, Wide
from meterfarm.records import Commodity, Direction, Measure, Severity, Unit
from tests.formats.table_read import NEW_YORK, OPOWER, Read, opower


def test_columns_in_another_order_and_more_of_them() -> None:
    read = Read(
        "DATE,TYPE,USAGE (kWh),START TIME,WEATHER,END TIME,GENERATION (kWh)\n"
        "2024-05-01,Electric usage,1.5,00:00,sunny,00:59,9\n"
    )
    assert read.values() == [1500]
    assert "generation (kwh)" in read.doubts
    assert "weather" in read.notes


@pytest.mark.parametrize(
    ("header", "unit", "measure"),
    [
        ("USAGE (kW)", Unit.W, Measure.DEMAND),
        ("USAGE (therms)", Unit.THERM, Measure.ENERGY),
        ("USAGE (m3)", Unit.M3, Measure.VOLUME),
        ("USAGE (CCF)", Unit.CCF, Measure.VOLUME),
    ],
)
def test_a_unit_is_what_the_header_says(header: str, unit: Unit, measure: Measure) -> None:
    read = Read(
        opower("2024-05-01,00:00,00:59,1.5").replace("USAGE (kWh)", header).replace("Electric", "gas")
    )
    assert [(each.unit, each.measure) for each in read.series] == [(unit, measure)]


def test_a_unit_that_is_not_known_is_no_layout() -> None:
    read = Read(opower("2024-05-01,00:00,00:59,1.5").replace("USAGE (kWh)", "USAGE (furlongs)"))
    assert "layout is unknown" in read.error
    assert "TYPE | DATE" in read.error
    assert "docs/formats.md" in read.error
    assert not read.series


def test_a_unit_in_a_row_that_is_not_known_is_refused() -> None:
    head = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,NOTES\n"
    read = Read(
        head + "Electric usage,2024-05-01,00:00,00:59,1,kWh,\nElectric usage,2024-05-01,01:00,01:59,1,zWh,\n"
    )
    assert read.values() == [1000]
    assert "Line 3" in read.error


def test_what_a_business_gets_beside_its_usage() -> None:
    read = Read(
        "TYPE,DATE,START TIME,END TIME,USAGE (kWh),DEMAND (kW),REACTIVE POWER (kVAR),APPARENT POWER (kVA),"
        "POWER FACTOR (PF),NOTES\nElectric usage,1/1/2025,0:00,0:04,0.9,10.75,0.38,10.76,1,\n"
    )
    assert [(each.measure, each.unit) for each in read.series] == [
        (Measure.ENERGY, Unit.WH),
        (Measure.DEMAND, Unit.W),
        (Measure.DEMAND, Unit.VAR),
        (Measure.DEMAND, Unit.VA),
    ]
    assert [read.values(place) for place in range(4)] == [[900], [10750], [380], [10760]]
    assert read.lengths() == [300]
    assert not read.doubts


def test_a_file_of_comed_is_told_by_its_name() -> None:
    name = "cec_electric_interval_data_Service 1_2022-12-01_to_2023-02-07.csv"
    head = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\n"
    read = Read(head + "Electric usage,2022-12-01,00:00,00:29,0.16,kWh,$0.02,\n", None, name=name)
    assert (read.starts(), read.lengths()) == (["01T06:00"], [1800])
    assert read.values() == [160]


def test_gas_of_a_business_is_told_by_its_unit() -> None:
    head = "Service Agreement,Start Date Time,End Date Time,Usage,Usage Unit\n"
    read = Read(head + "5,11/2/2025 0:00,11/3/2025 0:00,2.5,THERM\n", None, name="pge_5.csv")
    assert [(each.commodity, each.unit) for each in read.series] == [(Commodity.GAS, Unit.THERM)]
    assert (read.starts(), read.lengths()) == (["02T07:00"], [90_000])
    assert not read.doubts


SDGE = "Service Type: Electric\nUOM: kWh\nMeter Number,Date,Start Time,Duration,Consumed\n"


def test_minutes_without_a_number_are_told_by_the_steps() -> None:
    rows = "67,03/31/2021,12:00:am,Min,7.36\n67,03/31/2021,12:15:am,Min,7.04\n"
    read = Read(SDGE + rows)
    assert (read.starts(), read.lengths()) == (["31T04:00", "31T04:15"], [900, 900])
    assert "no interval length" in Read(SDGE + rows[:33]).error


def test_sdge_without_its_lines_above_is_doubted_and_gas_so_is_refused() -> None:
    head = "Meter Number,Date,Start Time,Duration,Consumption"
    row = '"7","5/1/2022","12:00 AM","60","0.29"'
    read = Read(f'{head},Generation,Net\n{row},"","0.29"\n')
    assert [each.direction for each in read.series] == [Direction.DELIVERED, Direction.NET]
    assert "kWh" in read.doubts
    assert "layout is unknown" in Read(f"{head}\n{row}\n").error
    assert "layout is unknown" in Read(f'UOM,kW\n{head},Generation,Net\n{row},"","0.29"\n').error


def test_a_day_may_be_labelled_by_its_last_minute() -> None:
    read = Read(SDGE + "13,03/13/21,11:59:pm,Day,4\n13,03/14/21,11:59:pm,Day,5\n")
    assert (read.starts(), read.lengths()) == (["13T05:00", "14T05:00"], [86_400, 82_800])


def test_a_file_of_rows_of_unknown_kinds_is_refused() -> None:
    read = Read(opower("2024-05-01,00:00,00:59,7").replace("Electric", "Steam"))
    assert [each.severity for each in read.issues] == [Severity.WARNING, Severity.ERROR]
    assert not read.series


def test_an_amount_in_another_currency_is_refused() -> None:
    assert "“£1.50”" in Read(opower("2024-05-01,00:00,00:59,7,£1.50")).error


@pytest.mark.parametrize("sign", ["$", ""])
def test_a_column_of_units_is_not_of_costs(sign: str) -> None:
    head = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\n"
    read = Read(head + f"Electric usage,2024-05-01,00:00,00:59,1.5,kWh,{sign}0.25,\n")
    assert [(each.measure, each.unit) for each in read.series] == [
        (Measure.ENERGY, Unit.WH),
        (Measure.COST, Unit.USD),
    ]
    assert [read.values(place) for place in (0, 1)] == [[1500], [Decimal("0.25")]]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.5", "1.5"),
        ('"1,234.5"', "1234.5"),
        (".25", "0.25"),
        ("-0.5", "-0.5"),
        ("+2", "2"),
        ("0E-20", "0"),
        ("9.3E-4", "0.00093"),
    ],
)
def test_numbers(cell: str, value: str) -> None:
    assert Read(opower(f"2024-05-01,00:00,00:59,{cell}")).values() == [Decimal(value) * 1000]


@pytest.mark.parametrize(
    "cell", ["(12.3)", "1e3", "12 kWh", '"0,123"', '"1.234,5"', "1.2.3", "0x1", "٣", "NaN1"]
)
def test_what_is_no_number_is_refused(cell: str) -> None:
    read = Read(opower("2024-05-01,00:00,00:59,7", f"2024-05-01,01:00,01:59,{cell}"))
    assert read.values() == [7000]
    assert "Line 5" in read.error


def test_a_comma_in_a_whole_number_is_doubted_or_refused() -> None:
    assert "thousands" in Read(opower('2024-05-01,00:00,00:59,"1,234"')).doubts
    assert (
        "Line 4"
        in Read(opower("2024-05-01,00:00,00:59,1,234").replace(",", ";").replace("1;234", "1,234")).error
    )


@pytest.mark.parametrize("cell", ["", "-", "N/A", "null", " "])
def test_a_blank_is_no_reading(cell: str) -> None:
    read = Read(opower(f"2024-05-01,00:00,00:59,{cell}", "2024-05-01,01:00,01:59,2"))
    assert read.values() == [2000]
    assert "without a value" in read.notes


def test_money() -> None:
    read = Read(
        opower(
            "2024-05-01,00:00,00:59,1,$0.12 ",
            '2024-05-01,01:00,01:59,1,"-$1,000.10"',
            "2024-05-01,02:00,02:59,1,($3)",
        )
    )
    assert read.series[1].measure is Measure.COST
    assert read.values(1) == [Decimal("0.12"), Decimal("-1000.10"), -3]


def test_a_comma_that_shifts_a_row_is_found() -> None:
    read = Read(opower("2024-05-01,00:00,00:59,1.5,$1,", "2024-05-01,01:00,01:59,1,234.50,$1,"))
    assert read.values() == [1500]
    assert "Line 5" in read.error
    assert "Line 4" in Read(opower("2024-05-01,00:00,00:59,1,234.50,$1")).error


def test_days_for_months_are_refused_or_doubted() -> None:
    turned = [f"{day}/2/2024,{hour:02}:00,{hour:02}:59,1" for day in range(11, 14) for hour in range(24)]
    read = Read(opower(*turned))
    assert "13/2/2024" in read.error
    assert "far apart" in read.doubts


def test_totals_headers_and_text_between_rows() -> None:
    header = OPOWER.splitlines()[-1] + "\n"
    read = Read(
        opower("2024-05-01,00:00,00:59,1")
        + header
        + "Electric usage,2024-05-01,01:00,01:59,2\n\nTotal,,,,3\nThank you.\n"
    )
    assert read.values() == [1000, 2000]
    assert not read.error
    assert not read.doubts
    assert "totals" in read.notes


def test_another_service_below_is_another_meter() -> None:
    below = opower("2024-05-01,00:00,00:59,5").replace("Service 1", "Service 2").replace("kWh", "therms")
    read = Read(opower("2024-05-01,00:00,00:59,1") + "\n" + below.replace("Electric", "Natural gas"))
    assert [(each.meter_id, each.unit) for each in read.series] == [
        ("Service 1", Unit.WH),
        ("Service 2", Unit.THERM),
    ]


def test_rows_of_a_kind_that_is_not_known_are_told() -> None:
    read = Read(opower("2024-05-01,00:00,00:59,1") + "Steam usage,2024-05-01,00:00,00:59,9\n")
    assert read.values() == [1000]
    assert "Steam usage" in read.doubts


def test_meters_are_told_apart_by_whatever_names_them() -> None:
    head = "MPRN,Meter Serial Number,Read Value,Read Type,Read Date and End Time\n"
    kind = "Active Import Interval (kWh)"
    rows = "".join(f"{mprn},,1,{kind},01-05-2024 {hour:02}:00\n" for mprn in "12" for hour in (1, 2))
    assert [each.meter_id for each in Read(head + rows).series] == ["1", "2"]


def test_of_very_many_kinds_the_rest_is_counted() -> None:
    rows = "".join(f"Steam {number},2024-05-01,00:00,00:59,1\n" for number in range(300))
    read = Read(OPOWER + rows)
    assert "further remarks are not listed (100 times)" in read.doubts
    assert read.issues[-1].severity is Severity.ERROR
    assert len(read.issues) == 202


def test_the_same_table_twice_is_doubted() -> None:
    table = "Meter,7\n" + opower("2024-05-01,00:00,00:59,1")
    assert "overlaps an earlier one" in Read(table + "\n" + table).doubts
    assert not Read(table + "\n" + table.replace("Meter,7", "Meter,8")).doubts


def test_a_row_without_time_and_value_is_no_reading() -> None:
    read = Read(opower("2024-05-01,,,", "2024-05-01,00:00,00:59,1", "2024-05-01,,,"))
    assert read.values() == [1000]
    assert not read.error
    assert "row without a value" in read.notes
    assert "is no time" in Read(opower("2024-05-01,00:00,00:59,1", "2024-05-01,,,2")).error


@pytest.mark.parametrize(
    "row", ["Electric usage,2024-05-01,01:00,01:59", "Electric usage,2024-05", "Electric usage"]
)
def test_a_row_that_lacks_its_end_is_refused(row: str) -> None:
    whole = opower("2024-05-01,00:00,00:59,1")
    read = Read(f"{whole}{row}\nElectric usage,2024-05-01,02:00,02:59,1\n")
    assert "Line 5" in read.error
    assert read.values() == [1000]


def test_registers_are_no_energy() -> None:
    head = "MPRN,Meter Serial Number,Read Value,Read Type,Read Date and End Time\n"
    read = Read(head + "1,2,5123.5,24 Hr Active Import Register (kWh),02-05-2024 00:00\n")
    assert (read.series[0].measure, read.starts(), read.lengths()) == (Measure.REGISTER, ["02T04:00"], [0])


def test_mean_power() -> None:
    """Half an hour of a kW is half a kWh; of five minutes no decimal number of Wh."""
    head = "Starting,Ending,Mean\n"
    layout = Layout(
        id="mean",
        title="Mean",
        times=Times(start="starting", end="ending"),
        values=(Value(column="mean", what=ELECTRIC.over(MEAN_KW)),),
    )
    half = Read(head + "2024-05-01 00:00,2024-05-01 00:30,1.25\n", layouts=[layout])
    assert half.series[0].unit is Unit.WH
    assert half.values() == [625]
    five = Read(head + "2024-05-01 00:00,2024-05-01 00:05,1.25\n", layouts=[layout])
    assert (five.series[0].unit, five.series[0].measure) == (Unit.W, Measure.DEMAND)
    assert five.values() == [1250]
    assert "read as demand in W" in five.doubts


def test_a_value_below_zero_and_one_listed_twice_are_doubted() -> None:
    assert "below zero" in Read(opower("2024-05-01,00:00,00:59,-1")).doubts
    twice = Read(opower("2024-05-01,00:00,00:59,1", "2024-05-01,01:00,01:59,1", "2024-05-01,00:00,00:59,2"))
    assert "overlaps an earlier one" in twice.doubts
    assert len(twice.values()) == 3


@pytest.mark.parametrize("cut", range(1, 22))
def test_a_last_line_that_is_cut_off_is_refused_or_doubted(cut: int) -> None:
    head = "ESIID,USAGE_DATE,USAGE_START_TIME,USAGE_END_TIME,USAGE_KWH\n"
    head = head.replace("USAGE_KWH", "CONSUMPTION_SURPLUSGENERATION,USAGE_KWH")
    rows = "".join(f"1,05/01/2024,{hour:02}:00,{hour + 1:02}:00,Consumption,0.125\n" for hour in range(3))
    read = Read((head + rows)[: -1 - cut])
    assert read.error or read.doubts or len(read.values()) == 2
    assert set(read.values()) <= {Decimal(125)} or read.doubts


def test_clocks_of_twelve_hours_and_midnight_as_24() -> None:
    read = Read(opower("5/1/2024,11:00 PM,24:00,1"))
    assert (read.starts(), read.lengths()) == (["02T03:00"], [3600])
    assert "Line 4" in Read(opower("5/1/2024,13:00 PM,14:00 PM,1")).error


def test_a_zone_is_needed_and_where_it_comes_from() -> None:
    row = opower("2024-05-01,00:00,00:59,1")
    assert "--zone" in Read(row, None).error
    assert Read(row, None, name="pge_electric_usage.csv").starts() == ["01T07:00"]
    assert Read('Address,"1 ELM ST, CHICAGO IL 60601"\n' + row, None).starts() == ["01T05:00"]
    assert Read('Address,"1 ELM ST, NOGALES TX"\n' + row, None).error
    assert Read(row, ZoneInfo("Europe/Rome"), name="pge_electric_usage.csv").starts() == ["30T22:00"]


def test_a_phantom_hour_in_spring() -> None:
    """A zero beside the real hour is left out; a value without one is the real hour, wrongly named."""
    hours = [f"2024-03-10,{hour:02}:00,{hour:02}:59," for hour in (1, 2, 3)]
    beside = Read(opower(hours[2] + "7", hours[1] + "0", hours[0] + "5"))
    assert beside.values() == [7000, 5000]
    instead = Read(opower(hours[0] + "5", hours[1] + "7"))
    assert instead.starts() == ["10T06:00", "10T07:00"]
    both = Read(opower(hours[0] + "5", hours[1] + "6", hours[2] + "7"))
    assert "overlaps an earlier one" in both.doubts


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        ("00 01 01 02", "04 05 06 07"),
        ("02 01 01 00", "07 06 05 04"),  # newest first
    ],
)
def test_a_doubled_hour_is_told_apart_by_order(clocks: str, expected: str) -> None:
    read = Read(opower(*(f"2024-11-03,{hour}:00,{hour}:59,1" for hour in clocks.split())))
    assert read.starts() == [f"03T{hour}:00" for hour in expected.split()]
    assert not read.doubts


def test_doubled_quarters_side_by_side_and_one_after_the_other() -> None:
    quarters = ["01:00", "01:15", "01:30", "01:45"]
    after = Read(opower(*(f"2024-11-03,{each},{each[:3]}{int(each[3:]) + 14:02},1" for each in quarters * 2)))
    beside = Read(
        opower(*(f"2024-11-03,{each},{each[:3]}{int(each[3:]) + 14:02},1" for each in quarters for _ in "ab"))
    )
    assert sorted(after.starts()) == sorted(beside.starts())
    assert after.starts()[4] == "03T06:00"
    assert beside.starts()[1] == "03T06:00"


def test_a_doubled_hour_that_is_listed_once_is_doubted() -> None:
    read = Read(opower(*(f"2024-11-03,{hour:02}:00,{hour:02}:59,1" for hour in range(4))))
    assert "repeated by the daylight saving change" in read.doubts


def test_a_spanish_letter_in_windows_encoding_and_a_utf_16_file() -> None:
    text = opower("2024-05-01,00:00,00:59,1").replace("Service 1", "Señor")
    assert Read(text.encode("cp1252")).series[0].meter_id == "Señor"
    assert Read(text.encode("utf-16")).series[0].meter_id == "Señor"
    assert Read(text.encode("utf-16-le")).series[0].meter_id == "Señor"


def test_tabs_and_semicolons() -> None:
    text = opower("2024-05-01,00:00,00:59,1.5")
    assert Read(text.replace(",", "\t")).values() == [1500]
    assert Read(text.replace(",", ";")).values() == [1500]


def test_months_are_as_long_as_they_are() -> None:
    head = '"Account Number","Interval Start Date/Time","Net Consumption (kWh)"\n'
    read = Read(head + '"0","2024-02-01","366.00"\n"0","2024-03-01","425.00"\n')
    assert read.lengths() == [29 * 86_400, 31 * 86_400 - 3600]
    assert "no interval length" in Read(head + '"0","2024-02-01","366.00"\n').error


HOUR_ENDING = Layout(
    id="hour_ending",
    title="A utility that counts hours from 1 to 24",
    zone="America/New_York",
    times=Times(start="day + hour", hours=True, order=DateOrder.MONTH_FIRST),
    values=(Value(column="kwh", what=KWH),),
    what=ELECTRIC,
)
ENDS = Layout(
    id="ends",
    title="A utility that names an interval by its end",
    zone="America/New_York",
    times=Times(end="read at"),
    values=(Value(column="kwh", what=KWH),),
    what=ELECTRIC,
)
WIDE = Layout(
    id="wide",
    title="A utility that has a column for each hour",
    zone="America/New_York",
    times=Times(start="date"),
    values=(Value(column="kwh", what=ELECTRIC.over(KWH)),),
    wide=Wide(columns=r"he ?(?P<hour>\d\d?)"),
)


def test_hours_from_1_to_24() -> None:
    read = Read(
        "Day,Hour,kWh\n3/9/2024,24,1\n3/10/2024,1,2\n3/10/2024,2,3\n3/10/2024,4,4\n", None, [HOUR_ENDING]
    )
    assert read.starts() == ["10T04:00", "10T05:00", "10T06:00", "10T07:00"]
    assert "Line 2" in Read("Day,Hour,kWh\n3/9/2024,0,1\n", None, [HOUR_ENDING]).error


def test_intervals_named_by_their_end_last_as_long_as_the_steps() -> None:
    stamps = ("2024-05-01 00:30", "2024-05-01 01:00", "2024-05-01 02:00")
    read = Read("Read at,kWh\n" + "".join(f"{each},1\n" for each in stamps), None, [ENDS])
    assert (read.starts(), set(read.lengths())) == (["01T04:00", "01T04:30", "01T05:30"], {1800})


def test_a_column_for_each_hour() -> None:
    head = "Date," + ",".join(f"HE{hour}" for hour in range(1, 25)) + ",Total\n"
    read = Read(head + "2024-03-10," + ",".join(["1", "2", "", *["3"] * 21]) + ",66\n", None, [WIDE])
    assert len(read.values()) == 23
    assert read.starts()[1:3] == ["10T06:00", "10T07:00"]


def test_a_utilitys_own_layout_goes_first() -> None:
    own = Layout(
        id="own",
        title="Own",
        times=Times(span="energy consumption time period"),
        values=(Value(column="usage(real energy in kilowatt-hours)", what=KWH),),
        what=ELECTRIC,
        ignored=("reading quality",),
    )
    text = (
        "Energy consumption time period,Usage(Real energy in kilowatt-hours),Reading quality\n"
        '"2024-05-01 00:00:00 to 2024-05-01 01:00:00","1",""\n'
    )
    assert read_table("x", BytesIO(text.encode()), NEW_YORK, [own]).layout == "own"
    assert read_table("x", BytesIO(text.encode()), NEW_YORK).layout == "sce"


def test_both_ways_of_flow_have_series_of_their_own() -> None:
    head = "TYPE,DATE,START TIME,END TIME,IMPORT (kWh),EXPORT (kWh),COST,NOTES\n"
    read = Read(head + "Electric usage,2024-05-01,00:00,00:59,1,2,$0,\n")
    assert [each.direction for each in read.series[:2]] == [Direction.DELIVERED, Direction.RECEIVED]


@pytest.mark.parametrize(
    "clocks", ["10:00,09:59", "10:00,10:00", "00:00,00:00", "23:45,22:44", "12:00,01:59"]
)
def test_an_end_before_its_start_is_no_end_on_the_next_day(clocks: str) -> None:
    read = Read(
        f"{OPOWER}Electric usage,2024-06-01,09:00,09:59,1.5\nElectric usage,2024-06-01,{clocks},2.5\n"
    )
    assert "Line 5 of the file is invalid: “an interval" in read.error
    assert [each.mantissa for one in read.series for each in one.readings] == [15]


@pytest.mark.parametrize(
    ("clocks", "seconds"),
    [
        ("23:00,00:00", 3600),
        ("23:45,23:59", 900),
        ("23:45,24:00", 900),
        ("23:30,00:29", 3600),
        ("00:00,23:59", 86_400),
        ("12:00,00:00", 43_200),
    ],
)
def test_an_interval_may_end_at_midnight_or_a_little_after(clocks: str, seconds: int) -> None:
    read = Read(f"{OPOWER}Electric usage,2024-06-01,{clocks},2.5\n")
    assert not read.error
    assert [each.seconds for one in read.series for each in one.readings] == [seconds]
