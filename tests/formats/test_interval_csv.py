"""Interval CSV: local times of any zone are read back as the instants they were written from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterfarm.formats.errors import FormatError
from meterfarm.formats.readings_csv import plain
from meterfarm.formats.tables.interval_csv import read_interval_csv
from meterfarm.records import Commodity, Direction, IntervalData, Reading, Series, Unit
from tests.formats.made import ZONES, readings

NEW_YORK = ZoneInfo("America/New_York")
HEAD = (
    'Name,A. Person\r\nAddress,"1 Elm St, Troy, NY"\r\nAccount Number,1\r\nMeter,E1234567\r\n\r\n'
    "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,NOTES\r\n"
)
ROW = "Electric usage,2026-05-01,00:00,00:14,0.120,kWh,\r\n"
_TYPES = {
    (Commodity.ELECTRIC, Direction.DELIVERED): "Electric usage,kWh",
    (Commodity.ELECTRIC, Direction.RECEIVED): "Electric sent to grid,kWh",
    (Commodity.GAS, Direction.DELIVERED): "Natural gas usage,therms",
}


def written(series: Sequence[Series], zone: ZoneInfo) -> bytes:
    """As a portal writes it: kWh or therms with three decimals, ends included, a doubled hour in order."""
    return (HEAD + "".join(row for each in series for row in _rows(each, zone))).encode()


def _rows(series: Series, zone: ZoneInfo) -> list[str]:
    kind, unit = _TYPES[series.commodity, series.direction].split(",")
    rows = []
    for reading in series.readings:
        start = datetime.fromtimestamp(reading.start, zone)
        last = start.hour * 60 + start.minute + reading.seconds // 60 - 1
        end = f"{last // 60 % 24:02}:{last % 60:02}"
        note = "Estimated" if reading.estimated else ""
        rows.append(f"{kind},{start:%Y-%m-%d,%H:%M},{end},{plain(reading.mantissa, -3)},{unit},{note}\r\n")
    return rows


@given(readings(), st.none() | readings(), st.sampled_from(ZONES))
def test_quarter_hours_are_read_back_in_any_zone(
    delivered: tuple[Reading, ...], received: tuple[Reading, ...] | None, zone: str
) -> None:
    series = [Series("E1234567", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, delivered)]
    if received:
        series.append(Series("E1234567", Commodity.ELECTRIC, Direction.RECEIVED, Unit.WH, 0, received))
    local = ZoneInfo(zone)
    complete = [each for each in series if _both_of_each_doubled_minute(each, local)]
    assert list(read_interval_csv(written(complete, local), local).series) == complete


@given(readings(seconds=3600, most=100), st.sampled_from(ZONES[:3]))
def test_hours_of_gas_are_read_back(hourly: tuple[Reading, ...], zone: str) -> None:
    series = [Series("E1234567", Commodity.GAS, Direction.DELIVERED, Unit.THERM, -3, hourly)]
    local = ZoneInfo(zone)
    complete = [each for each in series if _both_of_each_doubled_minute(each, local)]
    assert list(read_interval_csv(written(complete, local), local).series) == complete


def _both_of_each_doubled_minute(series: Series, zone: ZoneInfo) -> bool:
    """A file that lists only the later of two like-named intervals cannot say so."""
    clocks = {datetime.fromtimestamp(each.start, zone) for each in series.readings}
    named = {(each.replace(tzinfo=None), each.fold) for each in clocks}
    return all((clock, 0) in named for clock, fold in named if fold)


def days_of_quarters(year: int, month: int, day: int, hours: int) -> Series:
    start = int(datetime(year, month, day, tzinfo=NEW_YORK).timestamp())
    quarters = tuple(Reading(start + place * 900, 900, place) for place in range(hours * 4))
    return Series("E1234567", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, quarters)


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 8, 23), (11, 1, 25), (6, 1, 24)])
def test_days_of_23_24_and_25_hours(month: int, day: int, hours: int) -> None:
    series = days_of_quarters(2026, month, day, hours)
    content = written([series], NEW_YORK)
    assert content.count(b",01:15,") == (2 if hours == 25 else 1)
    assert content.count(b",02:15,") == (0 if hours == 23 else 1)
    assert read_interval_csv(content, NEW_YORK) == IntervalData((series,))


@pytest.mark.parametrize(
    ("day", "seconds"), [("2026-03-08", 82_800), ("2026-11-01", 90_000), ("2026-06-01", 86_400)]
)
def test_a_row_for_a_whole_day_has_its_true_length(day: str, seconds: int) -> None:
    row = f"Natural gas usage,{day},00:00,23:59,1.5,therms,\n"
    assert read_interval_csv((HEAD + row).encode(), NEW_YORK).series[0].readings[0].seconds == seconds


def test_exact_values_and_blank_rows() -> None:
    rows = (
        ROW
        + ROW.replace("00:00,00:14,0.120", "00:15,00:29,")
        + ROW.replace("00:00,00:14,0.120", "00:30,00:44,1")
    )
    series = read_interval_csv(b"\xef\xbb\xbf" + (HEAD + rows + "\r\n").encode(), NEW_YORK).series[0]
    assert (series.unit, series.exponent) == (Unit.WH, 0)
    assert [each.mantissa for each in series.readings] == [120, 1000]


def test_a_table_without_rows_holds_no_series() -> None:
    assert read_interval_csv(HEAD.encode(), NEW_YORK) == IntervalData(())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("<!doctype html><p>Sign in", "web page"),
        ("a,b,c\n1,2,3\n", "layout is unknown"),
        (HEAD + ROW + "Electric usage,2026-05-01,00:15,00", "cut short in line 8"),
        (HEAD + ROW.replace("kWh", "BTUs"), "Line 7 "),
        (HEAD + ROW.replace("0.120", "1e3"), "Line 7 "),
        (HEAD + ROW.replace("00:14", "24:14"), "Line 7 "),
        (HEAD + ROW.replace("2026-05-01", "2026-02-30"), "Line 7 "),
        (HEAD + ROW.replace("kWh", '"kWh'), "cut short or damaged"),
        ("\0" + HEAD, "cut short or damaged"),
    ],
)
def test_broken_files_are_refused_in_one_sentence(content: str, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence) as caught:
        read_interval_csv(content.encode(errors="surrogateescape"), NEW_YORK)
    assert len(str(caught.value)) < 160


@given(st.integers(0, 400), st.binary(min_size=1, max_size=12))
def test_damage_never_raises_anything_else(place: int, damage: bytes) -> None:
    whole = written([days_of_quarters(2026, 11, 1, 25)], NEW_YORK)
    try:
        read = read_interval_csv(whole[:place] + damage + whole[place + len(damage) :], NEW_YORK)
    except FormatError:
        return
    assert sum(len(each.readings) for each in read.series) <= 101
