"""NEM12 and NEM13: market time all year round, streams by their suffix, quality by day and by part."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import FormatError
from formats.interval_csv import read_interval_csv, read_table
from records import Direction, Measure, Problem, Series, Severity, Unit

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
    problems = [each for each in found if isinstance(each, Problem)]
    assert {each.severity for each in problems} == {Severity.REFUSED, Severity.DOUBT}
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


def test_half_a_frame_is_refused_and_none_is_doubted() -> None:
    """Portals hand out bare records; one that ends and never began has lost something."""
    whole = file(stream(), f"300,20240601,{HALVES},A,,,,")
    bare = whole.partition(b"\r\n")[2]
    with pytest.raises(FormatError, match="lacks its first record"):
        read_interval_csv(bare)
    (problem,) = read_interval_csv(bare.removesuffix(b"900")).problems
    assert problem.severity is Severity.DOUBT
    with pytest.raises(FormatError, match="no readings"):
        read_interval_csv(file())


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
    with pytest.raises(FormatError, match=r"Line \d of the NEM12 file makes no sense: .*\."):
        read_interval_csv(file(*records))
