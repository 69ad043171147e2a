"""NEM12 and NEM13: market time all year round, streams by their suffix, quality by day and by part."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.interval_csv import read_interval_csv, read_table
from meterfarm.records import Direction, Issue, Measure, Series, Severity, Unit

SYDNEY = ZoneInfo("Australia/Sydney")
HALVES = ",".join(str(number) for number in range(48))


def file(*records: str) -> bytes:
    return "\r\n".join(["100,NEM12,200405011135,MDA1,Ret1", *records, "900"]).encode()


def stream(suffix: str = "E1", unit: str = "kWh", minutes: int = 30) -> str:
    return f"200,NMI1,E1B1Q1,1,{suffix},N1,METER1,{unit},{minutes},"


@given(
    st.dates(date(2004, 1, 1), date(2030, 1, 1)),
    st.sampled_from((5, 15, 30)),
    st.data(),
)
def test_days_are_read_back(day: date, minutes: int, data: st.DataObject) -> None:
    count = 1440 // minutes
    values = data.draw(st.lists(st.integers(0, 10**6), min_size=count, max_size=count))
    texts = ",".join(str(Decimal(value).scaleb(-3)) for value in values)
    content = file(stream(minutes=minutes), f"300,{str(day).replace('-', '')},{texts},A,,,20040202120025,")
    (series,) = read_interval_csv(content, SYDNEY).series
    start = int(datetime.fromisoformat(f"{day}T00:00:00+10:00").timestamp())
    assert [each.start for each in series.readings] == [
        start + place * minutes * 60 for place in range(count)
    ]
    assert [each.mantissa * Decimal(10) ** series.exponent for each in series.readings] == values


@pytest.mark.parametrize(
    ("suffix", "unit", "expected"),
    [
        ("E1", "kWh", (Direction.DELIVERED, Measure.ENERGY, Unit.WH, 3)),
        ("B1", "Wh", (Direction.RECEIVED, Measure.ENERGY, Unit.WH, 0)),
        ("Q1", "kVArh", (Direction.DELIVERED, Measure.OTHER, Unit.VARH, 3)),
        ("K2", "MVArh", (Direction.RECEIVED, Measure.OTHER, Unit.VARH, 6)),
        ("E2", "MWh", (Direction.DELIVERED, Measure.ENERGY, Unit.WH, 6)),
    ],
)
def test_streams(suffix: str, unit: str, expected: tuple[object, ...]) -> None:
    (series,) = read_interval_csv(file(stream(suffix, unit), f"300,20240601,{HALVES},A,,,,")).series
    assert series.meter_id == f"NMI1/{suffix}"
    assert (series.direction, series.measure, series.unit, series.exponent) == expected
    assert series.readings[0].starts_at == datetime(2024, 5, 31, 14, tzinfo=UTC)


def test_quality_of_parts() -> None:
    content = file(
        stream(), f"300,20240601,{HALVES},V,,,,", "400,1,20,A,,", "400,21,47,S52,32,", "400,48,48,N,,"
    )
    (series,) = read_interval_csv(content).series
    assert [each.estimated for each in series.readings] == [False] * 20 + [True] * 27


def test_what_is_not_read_is_told() -> None:
    content = file(
        stream("E1", "pf"), f"300,20240601,{HALVES},A,,,,", stream(), f"300,20240601,{HALVES},E52,,,,"
    )
    found = list(read_table("x", BytesIO(content.removesuffix(b"900"))))
    issues = [each for each in found if isinstance(each, Issue)]
    assert {each.severity for each in issues} == {Severity.ERROR, Severity.WARNING}
    assert sum(isinstance(each, Series) for each in found) == 1


def test_a_register_read_now_and_then() -> None:
    record = "250,NMI1,11,1,11,11,METER,E,1,20030101000000,A,,,12,20030401000000,E64,77,,11.5,kWh,20030701,"
    content = f"100,NEM13,200405011135,MDA1,Ret1\n{record}\n900\n".encode()
    (series,) = read_interval_csv(content).series
    (reading,) = series.readings
    assert (reading.seconds, reading.mantissa, series.exponent) == (90 * 86_400, 115, 2)
    assert reading.estimated


def test_a_register_is_not_taken_to_be_read_once_in_years() -> None:
    record = (
        "250,NCDE001111,11,1,11,11,METSER,E,1,20030101000000,A,,,12,20070401000000,E64,77,,11.5,kWh,20030701,"
    )
    content = f"100,NEM13,200405011135,MDA1,Ret1\n{record}\n900\n".encode()
    with pytest.raises(FormatError, match=r"Line 2 .* 400 days"):
        list(read_table("x.csv", BytesIO(content)))


BLOCK = f"200,NMI1,E1,1,E1,N1,METER1,kWh,30,\n300,20240601,{HALVES},A,,,,\n"
BLOCK_2 = BLOCK.replace("20240601", "20240602")
HEAD = "100,NEM12,200405011135,MDA1,Ret1\n"


@pytest.mark.parametrize(
    ("content", "doubts"),
    [
        (HEAD + BLOCK + BLOCK_2 + "900\n", []),
        (HEAD + BLOCK + "900\n" + HEAD + BLOCK_2 + "900\n", []),
        (BLOCK + BLOCK_2 + "900\n", ["line 1: no record 100"]),
        (BLOCK + "900\n" + BLOCK_2 + "900\n", ["line 1: no record 100"]),
        (BLOCK + BLOCK_2, ["line 1: no record 100", "the end: no record 900"]),
        (HEAD + BLOCK + BLOCK_2, ["the end: no record 900"]),
        (HEAD + BLOCK + "900\n" + BLOCK_2, ["line 5: no record 100", "the end: no record 900"]),
    ],
)
def test_records_without_their_frame_are_read_with_a_doubt(content: str, doubts: list[str]) -> None:
    """Portals hand out blocks of records 200 without a record 100, and with any number of records 900."""
    read = read_interval_csv(content.encode(), SYDNEY)
    assert [len(each.readings) for each in read.series] == [96]
    assert all(each.severity is Severity.WARNING for each in read.issues)
    told = [str(each) for each in read.issues]
    assert [text.startswith(begin) for text, begin in zip(told, doubts, strict=True)] == [True] * len(doubts)


def test_a_file_without_readings_is_refused() -> None:
    with pytest.raises(FormatError, match="no readings"):
        read_interval_csv(file())


def register(
    suffix: str = "11",
    indicator: str = "E",
    quantity: str = "11.5",
    reads: tuple[str, str] = ("1.0", "12.5"),
    unit: str = "kWh",
) -> bytes:
    before, after = reads
    return (
        "100,NEM13,200405011135,MDA1,Ret1\n"
        f"250,NMI1,11,1,{suffix},11,METER,{indicator},{before},20230101000000,A,,,{after},20230401000000,A,,,"
        f"{quantity},{unit},20230701,\n900\n"
    ).encode()


@pytest.mark.parametrize(
    ("content", "direction", "doubt"),
    [
        (register(indicator="E"), Direction.DELIVERED, ""),
        (register(indicator=" i "), Direction.RECEIVED, ""),
        (register("E1", "E"), Direction.DELIVERED, ""),
        (register("B1", "I"), Direction.RECEIVED, ""),
        (register("B1", ""), Direction.RECEIVED, ""),
        (register("N1", "E"), Direction.NET, ""),
        (register("11", ""), Direction.UNKNOWN, "the direction of the stream “11” is not stated"),
        (register("11", "X"), Direction.UNKNOWN, "“X” of the stream “11” is neither E nor I"),
        (register("B1", "E"), Direction.UNKNOWN, "“B1” says received, its direction indicator E says del"),
        (register("E1", "I"), Direction.UNKNOWN, "“E1” says delivered, its direction indicator I says rec"),
        (register("Q1", "E"), Direction.DELIVERED, "of reactive energy by its suffix, but its unit is Wh"),
        (register("E1", "E", unit="kVArh"), Direction.DELIVERED, "of active energy by its suffix"),
    ],
)
def test_a_register_flows_as_its_direction_indicator_says(
    content: bytes, direction: Direction, doubt: str
) -> None:
    read = read_interval_csv(content, SYDNEY)
    assert [each.direction for each in read.series] == [direction]
    assert len(read.issues) == bool(doubt)
    assert all(doubt in str(each) and each.severity is Severity.WARNING for each in read.issues)


@pytest.mark.parametrize(
    ("quantity", "reads", "doubted"),
    [
        ("11.5", ("1.0", "12.5"), False),
        ("460", ("1.0", "12.5"), False),  # behind a transformer, forty times as much
        ("11.5", ("1", "12"), False),
        ("12", ("999995", "000007"), False),  # ran over
        ("11.5", ("", ""), False),
        ("11.5", ("1E999999", "9E-999999"), False),
        ("0", ("12.5", "12.5"), False),
        ("343.5", ("21.2", "534.5"), True),
        ("11.5", ("12.5", "12.5"), True),
        ("0", ("1.0", "12.5"), True),
    ],
)
def test_a_quantity_that_its_reads_contradict_is_doubted(
    quantity: str, reads: tuple[str, str], doubted: bool
) -> None:
    issues = read_interval_csv(register(quantity=quantity, reads=reads), SYDNEY).issues
    assert [quantity in str(each) and reads[1] in str(each) for each in issues] == [True] * doubted


def test_a_register_without_a_quantity_is_no_reading() -> None:
    found = list(read_table("x.csv", BytesIO(register(quantity=""))))
    assert [each.severity for each in found if isinstance(each, Issue)] == [Severity.NOTE]


@pytest.mark.parametrize(
    "records",
    [
        (f"300,20240601,{HALVES},A,,,,",),
        (stream(), "300,20240601,V,,,20040202120025,"),
        (stream(), f"300,20240601,{HALVES},1,A,,,,"),
        (stream(), f"300,20240601,{HALVES.removeprefix('0,')},A,,,,"),
        (stream(), f"300,20240631,{HALVES},A,,,,"),
        (stream(), f"300,2214748364820240601,{HALVES},A,,,,"),
        (stream(), f"300,20240601,{HALVES.replace('7', 'x')},A,,,,"),
        (stream(), f"300,20240601,{HALVES},V,,,,"),
        (stream(), f"300,20240601,{HALVES},V,,,,", "400,1,49,A,,"),
        (stream(), "400,1,48,A,,"),
        (stream(minutes=7),),
        (stream(), "301,20240601"),
    ],
)
def test_records_without_sense_are_refused(records: tuple[str, ...]) -> None:
    with pytest.raises(FormatError, match=r"Line \d of the NEM12 file is invalid: .*; ask for it again\."):
        read_interval_csv(file(*records))
