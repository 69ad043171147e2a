"""Readings as Parquet: a row a reading, instants in UTC, quantities as exact decimals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, BinaryIO

from meterfarm.records import Series

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

DECIMALS = 9
"""Of every quantity, unless one needs more."""
_DIGITS, _MOST_DIGITS = 38, 76
_ROWS = 100_000
_TEXTS = ("meter", "commodity", "measure", "direction", "unit")


def write_readings_parquet(file: BinaryIO, series: Iterable[Series]) -> None:
    """Write series of any meters and measures to ``file``, in their order.

    Columns: meter, commodity, measure, direction, unit (text), start, end (UTC), quantity (decimal with nine
    places, or with as many as the finest series needs), estimated.
    """
    from pyarrow import parquet

    every = list(series)
    schema = _schema(every)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for one in every:
            for first in range(0, len(one.readings), _ROWS):
                writer.write_table(_table(schema, one, first))


def readings_table(series: Iterable[Series]) -> pa.Table:
    """Series of any meters and measures as one table, in their order, with the Parquet file's columns."""
    import pyarrow as pa

    every = list(series)
    schema = _schema(every)
    pieces = [_table(schema, one, first) for one in every for first in range(0, len(one.readings), _ROWS)]
    return pa.concat_tables(pieces) if pieces else schema.empty_table()


def _schema(series: Sequence[Series]) -> pa.Schema:
    import pyarrow as pa

    decimals = max([DECIMALS, *(-one.exponent for one in series)])
    digits = max([1, *map(_whole_digits, series)]) + decimals
    quantity = pa.decimal128(_DIGITS, decimals)
    if digits > _DIGITS:
        quantity = pa.decimal256(_MOST_DIGITS, decimals)
    instant = pa.timestamp("ms", tz="UTC")
    types = dict.fromkeys(_TEXTS, pa.string())
    types |= {"start": instant, "end": instant, "quantity": quantity, "estimated": pa.bool_()}
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])


def _whole_digits(series: Series) -> int:
    """How many stand before the point of its largest quantity, or more."""
    mantissas = [abs(reading[2]) for reading in series.readings]
    return len(str(max(mantissas, default=0))) + series.exponent


def _table(schema: pa.Schema, series: Series, first: int) -> pa.Table:
    import pyarrow as pa

    readings = series.readings[first : first + _ROWS]
    names = (series.meter_id, series.commodity.value, series.measure.value, series.direction.value)
    texts = dict(zip(_TEXTS, (*names, series.unit.value), strict=True))
    starts = list(map(itemgetter(0), readings))
    columns = {
        **{name: pa.repeat(text, len(readings)) for name, text in texts.items()},
        "start": _instants(schema, starts),
        "end": _instants(
            schema, [start + reading[1] for start, reading in zip(starts, readings, strict=True)]
        ),
        "quantity": decimal_column(
            schema.field("quantity").type, series.exponent, map(itemgetter(2), readings)
        ),
        "estimated": pa.array(list(map(itemgetter(3), readings)), pa.bool_()),
    }
    return pa.table(columns, schema=schema)


def _instants(schema: pa.Schema, seconds: Sequence[int]) -> pa.Array:
    import pyarrow as pa

    return pa.array([1000 * each for each in seconds], schema.field("start").type)


def decimal_column(kind: Any, exponent: int, mantissas: Iterable[int | None]) -> pa.Array:
    """Whole numbers of the last place, taken for what they are: by way of Decimal it lasts 100 times."""
    import pyarrow as pa

    factor = 10 ** (kind.scale + exponent)
    places = pa.decimal128(_DIGITS, 0) if kind.precision == _DIGITS else pa.decimal256(_MOST_DIGITS, 0)
    numbers = pa.array([None if mantissa is None else mantissa * factor for mantissa in mantissas], places)
    return pa.Array.from_buffers(kind, len(numbers), numbers.buffers())
