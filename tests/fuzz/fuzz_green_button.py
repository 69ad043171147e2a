"""Green Button, whole and damaged: read to the end or to one error, and the same in runs as one by one."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from meterfarm.formats.batches import gather
from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.green_button import stream_green_button
from meterfarm.formats.espi.green_button_writer import write_green_button
from meterfarm.formats.espi.runs import is_wide
from meterfarm.records import Commodity, Direction, Issue, Measure, Reading, Series, Unit
from tests.formats.espi_writer import Shape, green_button

_SHORTEST = 20
"""Bytes that a reading takes at the very least."""
_MOST_IN_BATCH = 10_000
_MOST_ISSUES = 12
_ROWS = tuple(Reading(1_730_606_400 + 900 * place, 900, 3 * place, place % 5 == 0) for place in range(12))
_SERIES = [
    Series("E1234567", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, -1, _ROWS),
    Series("E1234567", Commodity.ELECTRIC, Direction.RECEIVED, Unit.W, 3, _ROWS[3:], Measure.DEMAND),
]
_FEED = green_button(_SERIES)


def _ours() -> bytes:
    file = io.BytesIO()
    costs = Series("E1", Commodity.GAS, Direction.NET, Unit.CAD, -5, _ROWS, Measure.COST)
    write_green_button(file, [*_SERIES, costs], ZoneInfo("America/St_Johns"))
    return file.getvalue()


def _of_periods() -> Sequence[bytes]:
    """One in which each series is of a price period, one in which readings are."""
    by_type = _FEED.replace(b"<uom>", b"<tou>1</tou><uom>", 1).replace(b"<uom>38", b"<tou>2</tou><uom>72")
    return by_type, _FEED.replace(b"</value>", b"</value><tou>1</tou>", 4).replace(b"38</uom>", b"72</uom>")


SEEDS: Sequence[bytes] = (
    _FEED,
    _FEED.replace(b"<timePeriod>", b"<cost>1234</cost><timePeriod>").replace(
        b"<uom>", b"<currency>840</currency><uom>"
    ),
    _FEED.replace(b"UTF-8", b"ISO-8859-1"),
    _FEED.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    green_button(_SERIES, Shape(prefix="espi", links="related", decimals=True, block=2, blocks_an_entry=3)),
    green_button(
        _SERIES, Shape(links="up", types_last=True, host="https://a.example", query="?x=1", gap="\n ")
    ),
    green_button(_SERIES, Shape(links="none", lengths_in_type=True, block=5)),
    green_button(_SERIES, Shape(atom=False, start_first=True, gap="<!-- 5 -->")),
    *_of_periods(),
    _ours(),
    b"<feed><entry><content><Customer/><UsageSummary/></content></entry></feed>",
)

_Totals = dict[tuple[str, ...], tuple[int, Decimal]]


def one(data: bytes) -> None:
    """Reads it both ways; raises if one tells what the other does not, or more than the file can hold."""
    in_runs = _read(data)
    if is_wide(data.lstrip()):
        return
    one_by_one = _read(data.replace(b"IntervalReading>", b"IntervalReading >"))
    if in_runs != one_by_one:
        raise ValueError(f"in runs {in_runs}, one by one {one_by_one}")


def _read(data: bytes) -> tuple[Mapping[tuple[str, ...], tuple[int, Decimal]], str]:
    """The count and sum of each series, and the error it ended in."""
    totals: _Totals = {}
    read: list[Series | Issue] = []
    error = ""
    try:
        for found in stream_green_button(io.BytesIO(data)):
            read.append(found)
            if isinstance(found, Series):
                _count(found, totals)
    except FormatError as exc:
        error = str(exc)
    readings = sum(count for count, _ in totals.values())
    issues = sum(isinstance(each, Issue) for each in read)
    if readings > len(data) // _SHORTEST or issues > _MOST_ISSUES * (1 + len(totals)) or len(error) > 200:
        raise ValueError(f"{readings} readings, {issues} problems, {error}")
    gathered = gather(read)
    if sum(len(each.readings) for each in gathered.series) > readings:
        raise ValueError(f"{readings} readings became more")
    return totals, error


def _count(series: Series, totals: _Totals) -> None:
    if not 0 < len(series.readings) <= _MOST_IN_BATCH:
        raise ValueError(f"a batch of {len(series.readings)}")
    key = (series.meter_id, *map(str, (series.commodity, series.measure, series.direction, series.unit)))
    count, total = totals.get(key, (0, Decimal(0)))
    amount = sum(Decimal(each.mantissa).scaleb(series.exponent) for each in series.readings)
    totals[key] = count + len(series.readings), total + amount
