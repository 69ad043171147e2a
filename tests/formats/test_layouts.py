"""Each layout, written as its portal would, is read back as the readings it was written from."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterfarm.formats.tables.interval_csv import read_table
from meterfarm.records import Issue, Reading, Series, Severity
from tests.formats.table_made import ZONES, intervals
from tests.formats.table_writers import SHAPES, Shape, rows

SAID_OF_EVERY_FILE = ("times read as", "the file does not state electricity or gas")
Values = dict[tuple[int, int], Decimal]


def whole(batches: Iterable[Series | Issue]) -> tuple[list[Values], list[Issue]]:
    """The values of each series by start and length, and what was doubted."""
    values: dict[tuple[object, ...], Values] = {}
    doubts = []
    for each in batches:
        if isinstance(each, Issue):
            doubts += [each] if each.severity is not Severity.NOTE else []
            continue
        of_series = values.setdefault((each.meter_id, each.measure, each.direction, each.unit), {})
        for reading in each.readings:
            assert (reading.start, reading.seconds) not in of_series
            of_series[reading.start, reading.seconds] = Decimal(reading.mantissa).scaleb(each.exponent)
    return list(values.values()), doubts


def expected(readings: Iterable[Reading], shape: Shape) -> Values:
    factor = Decimal(shape.seconds) / 3600 if shape.exponent else Decimal(1)
    return {(each.start, each.seconds): each.mantissa * factor for each in readings}


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
@settings(max_examples=8)
@given(st.data(), st.sampled_from(ZONES))
def test_what_a_portal_writes_is_read_back(shape: Shape, data: st.DataObject, zone: str) -> None:
    readings = data.draw(intervals(zone, shape.seconds))
    content = shape.write(rows(readings, zone)).encode(shape.encoding)
    values, doubts = whole(read_table("x.csv", BytesIO(content), ZoneInfo(zone)))
    assert values[:1] == [expected(readings, shape)]
    assert not [
        doubt for doubt in doubts if "zone" not in doubt.what and "electricity or gas" not in doubt.what
    ]
