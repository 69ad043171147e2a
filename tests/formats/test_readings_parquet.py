"""Parquet says exactly what the records say, whatever reads it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet  # type: ignore[import-untyped]

from meterfarm.formats.readings_parquet import write_readings_parquet
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit

_READINGS = st.lists(
    st.builds(
        Reading,
        st.integers(-(2**31), 2**33),
        st.integers(0, 10**8),
        st.integers(-(2**63), 2**63),
        st.booleans(),
    ),
    max_size=5,
)
_SERIES = st.builds(
    Series,
    st.text(max_size=8).filter(lambda text: text.isprintable()),
    st.sampled_from(Commodity),
    st.sampled_from(Direction),
    st.sampled_from(Unit),
    st.integers(-18, 12),
    _READINGS,
    st.sampled_from(Measure),
)


def _written(series: list[Series]) -> list[dict[str, Any]]:
    file = io.BytesIO()
    write_readings_parquet(file, series)
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(file.getvalue())).to_pylist()
    return rows


@settings(max_examples=60)
@given(st.lists(_SERIES, max_size=4))
def test_every_reading_is_a_row_in_order_and_exact(series: list[Series]) -> None:
    assert _written(series) == [
        {
            "meter": one.meter_id,
            "commodity": one.commodity.value,
            "measure": one.measure.value,
            "direction": one.direction.value,
            "unit": one.unit.value,
            "start": datetime.fromtimestamp(reading.start, UTC),
            "end": datetime.fromtimestamp(reading.start + reading.seconds, UTC),
            "quantity": Decimal(f"{reading.mantissa}e{one.exponent}"),
            "estimated": reading.estimated,
        }
        for one in series
        for reading in one.readings
    ]


def test_usual_files_have_one_schema() -> None:
    """So that those of many meters can be read as one table."""
    watt_hours = Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 1, [Reading(0, 900, 5)])
    therms = Series("G1", Commodity.GAS, Direction.DELIVERED, Unit.THERM, -6, [Reading(0, 900, 5)])
    schemas = []
    for series in ([watt_hours], [therms, watt_hours], []):
        file = io.BytesIO()
        write_readings_parquet(file, series)
        schemas.append(parquet.read_schema(io.BytesIO(file.getvalue())))
    assert schemas[0] == schemas[1] == schemas[2]
    assert str(schemas[0].field("quantity").type) == "decimal128(38, 9)"
    assert str(schemas[0].field("start").type) == "timestamp[ms, tz=UTC]"
