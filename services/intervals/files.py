"""Intervals as Parquet and as Green Button, in pieces: some ten thousand at a time are in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meterfarm.records import Reading, Series
from meterfarm.services.intervals import FoundIntervals, IntervalMeter
from meterfarm.services.intervals.fields import BAYOUS, GAS, OTHER_GAS, Columns
from meterfarm.storage.data import ReadingChannel
from meterfarm.support.extras import require

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_ROWS = 60_000
_DIGITS, _PLACES = 38, 9
_BYTES = 256 * 1024


def as_parquet(found: FoundIntervals) -> Iterator[bytes]:
    """A row an interval; instants in UTC, gas as exact decimals, what an interval has not as null.

    Raises:
        ExtraMissing: what writes Parquet is not installed.
    """
    require("arrow", "Parquet")
    from pyarrow import concat_tables, parquet

    schema, sink = _schema(found), _Sink()
    tables: list[pa.Table] = []
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for meter in found.meters:
            for page in found.columns(meter):
                tables.append(_table(schema, meter, page))
                if sum(map(len, tables)) >= _ROWS:
                    writer.write_table(concat_tables(tables), row_group_size=2 * _ROWS)
                    tables.clear()
                    yield sink.take()
        if tables:
            writer.write_table(concat_tables(tables), row_group_size=2 * _ROWS)
    yield sink.take()


def as_green_button(found: FoundIntervals) -> Iterator[bytes]:
    """An ESPI feed, each kind of reading in its own unit; ids of meters are as they are stored.

    Raises:
        FormatError: the format cannot hold an amount or a meter's id.
    """
    from meterfarm.formats.espi.green_button_writer import StreamedSeries, green_button_parts

    meters = [
        (
            meter.id,
            [
                StreamedSeries(_head(meter, channel), _usual(channel), _readings(found, meter, name))
                for name, channel in meter.fields.items()
            ],
        )
        for meter in found.meters
    ]
    newest = max((channel.last for meter in found.meters for channel in meter.fields.values()), default=0)
    held, size = list[str](), 0
    for part in green_button_parts(meters, datetime.fromtimestamp(newest, UTC), found.zone):
        held.append(part)
        size += len(part)
        if size >= _BYTES:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()


class _Sink(io.RawIOBase):
    """What a writer has written since it was last taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: object, /) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type] # a buffer, of whatever type
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _schema(found: FoundIntervals) -> pa.Schema:
    import pyarrow as pa

    exponents = [
        channel.exponent
        for meter in found.meters
        for name, channel in meter.fields.items()
        if name in (GAS, OTHER_GAS)
    ]
    gas = pa.decimal128(_DIGITS, max([_PLACES, *(-exponent for exponent in exponents)]))
    instant = pa.timestamp("ms", tz="UTC")
    always = {"account_number": pa.string(), "meter_id": pa.string(), "start": instant, "end": instant}
    values = {name: gas if name == GAS else pa.int64() for name in BAYOUS}
    others = {"updated_at": instant, "is_estimated": pa.bool_(), OTHER_GAS: gas, "gas_unit": pa.string()}
    fields = [pa.field(name, kind, nullable=False) for name, kind in always.items()]
    fields += [pa.field(name, kind) for name, kind in values.items()]
    fields.append(pa.field("created_at", instant, nullable=False))
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in others.items())])


def _table(schema: pa.Schema, meter: IntervalMeter, page: Columns) -> pa.Table:
    import pyarrow as pa

    from meterfarm.formats.readings_parquet import decimal_column

    count = len(page.starts)

    def instants(seconds: Sequence[int | None]) -> pa.Array:
        return pa.array(
            [None if each is None else 1000 * each for each in seconds], schema.field("start").type
        )

    def values(name: str) -> pa.Array:
        kind = schema.field(name).type
        if name not in page.values:
            return pa.nulls(count, kind)
        if name in (GAS, OTHER_GAS):
            return decimal_column(kind, meter.fields[name].exponent, page.values[name])
        return pa.array(page.values[name], kind)

    unit = meter.fields[OTHER_GAS].unit.value if OTHER_GAS in page.values else None
    columns = {
        "account_number": pa.repeat(meter.account_number, count),
        "meter_id": pa.repeat(meter.id, count),
        "start": instants(page.starts),
        "end": instants(page.ends),
        **{name: values(name) for name in BAYOUS},
        "created_at": instants(page.created),
        "updated_at": instants(page.changed),
        "is_estimated": pa.array(list(map(bool, page.estimated)), pa.bool_()),
        OTHER_GAS: values(OTHER_GAS),
        "gas_unit": pa.repeat(unit, count) if unit else pa.nulls(count, pa.string()),
    }
    return pa.table(columns, schema=schema)


def _head(meter: IntervalMeter, channel: ReadingChannel) -> Series:
    return Series(
        meter.id,
        channel.commodity,
        channel.direction,
        channel.unit,
        channel.exponent,
        (),
        channel.measure,
    )


def _usual(channel: ReadingChannel) -> int | None:
    lengths = [one.seconds for one in channel.series]
    return None if 0 in lengths else lengths[0]


def _readings(found: FoundIntervals, meter: IntervalMeter, name: str) -> Iterator[Reading]:
    for (part,) in found.readings(replace(meter, fields={name: meter.fields[name]})):
        for start, seconds, mantissa, is_estimated, _, updated in part:
            if found.query.updated_after is None or updated > found.query.updated_after:
                yield Reading(start, seconds, mantissa, bool(is_estimated))
