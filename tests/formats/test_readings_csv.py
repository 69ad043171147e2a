"""The CSV that is handed out says the same as the records, on any day of any zone."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from meterfarm.formats.readings_csv import plain, write_readings_csv
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from tests.formats.made import ZONES, electricity


def rows(series: list[Series], zone: str) -> list[dict[str, str]]:
    file = StringIO()
    write_readings_csv(file, series, ZoneInfo(zone))
    return list(csv.DictReader(StringIO(file.getvalue())))


@given(electricity(), st.sampled_from(ZONES))
def test_every_reading_is_a_row_in_its_series_order(series: list[Series], zone: str) -> None:
    written = rows(series, zone)
    expected = [(each, one) for one in series for each in one.readings]
    for row, (reading, one) in zip(written, expected, strict=True):
        local = datetime.fromtimestamp(reading.start, ZoneInfo(zone))
        assert row["start"] == reading.starts_at.isoformat().replace("+00:00", "Z")
        assert row["end"] == reading.ends_at.isoformat().replace("+00:00", "Z")
        assert row["local_start"] == local.isoformat()
        assert Decimal(row["quantity"]) == Decimal(reading.mantissa).scaleb(one.exponent)
        assert "E" not in row["quantity"]
        assert (row["unit"], row["direction"]) == (one.unit, one.direction)
        assert row["estimated"] == ("true" if reading.estimated else "false")


def test_the_file_is_exactly_this() -> None:
    start = int(datetime(2026, 11, 1, 5, 45, tzinfo=UTC).timestamp())
    readings = (Reading(start, 900, 125), Reading(start + 900, 900, -5, True))
    energy = Series('E "1", left', Commodity.ELECTRIC, Direction.NET, Unit.WH, 1, readings)
    cost = Series("G1", Commodity.GAS, Direction.DELIVERED, Unit.USD, -5, readings[:1], Measure.COST)
    file = StringIO()
    write_readings_csv(file, [energy, cost], ZoneInfo("America/New_York"))
    times = ("T05:45:00Z,2026-11-01T06:00:00Z,2026-11-01T01:45:00-04:00", "T06:00:00Z,2026-11-01T06:15:00Z,")
    assert file.getvalue() == (
        "meter,commodity,measure,direction,start,end,local_start,quantity,unit,estimated\n"
        f'"E ""1"", left",electricity,energy,net,2026-11-01{times[0]},1250,Wh,false\n'
        f'"E ""1"", left",electricity,energy,net,2026-11-01{times[1]}2026-11-01T01:00:00-05:00,-50,Wh,true\n'
        f"G1,gas,cost,delivered,2026-11-01{times[0]},0.00125,USD,false\n"
    )


@given(st.integers(), st.integers(-12, 12))
def test_plain_notation_is_exact(mantissa: int, exponent: int) -> None:
    text = plain(mantissa, exponent)
    assert (
        Decimal(text).as_tuple() == Decimal(f"{mantissa}e{exponent}").as_tuple()
        or exponent > 0
        or mantissa == 0
    )
    assert Decimal(text) == Decimal(f"{mantissa}e{exponent}")
    assert set(text) <= set("-.0123456789")
