"""The readings of an export: what the library gave of a meter's days, numbers as the portal wrote them. Pure.

A cost of 0 is what the library gives where there is none, so it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.records import (
    Direction,
    Document,
    IntervalData,
    Issue,
    Measure,
    Meter,
    Reading,
    Series,
    Severity,
    Unit,
)

MEDIA_TYPE = "application/json"
_UNITS = {"KWH": (Unit.WH, 3), "THERM": (Unit.THERM, 0), "CCF": (Unit.CCF, 0)}
"""The library's unit, and the power of ten to it."""
_FINEST = -9
"""Digits after this are of how a computer divides, and would not fit into the store beside large numbers."""
Row = Mapping[str, Any]


def export_of(
    meter_id: str, unit: str, days: tuple[date, date], rows: Sequence[Row], library: str
) -> Document:
    """The rows as a file: each with ``start``, ``end`` and its figures as texts."""
    first, last = days
    about = {"meter": meter_id, "unit": unit, "first": str(first), "last": str(last), "library": library}
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    content = json.dumps(about)[:-1] + f', "reads": [\n{lines}\n]}}\n'
    return Document(content.encode(), MEDIA_TYPE, f"{meter_id} {first} {last}.json")


def read_export(content: bytes, zone: ZoneInfo, meter: Meter) -> IntervalData:
    """The readings of the export's own days.

    Raises:
        FormatError: it is no such export.
    """
    try:
        data = json.loads(content)
        unit, power = _UNITS[str(data["unit"])]
        first, last = date.fromisoformat(data["first"]), date.fromisoformat(data["last"])
        given = [(*_span(row), row) for row in data["reads"]]
        found = str(data["meter"])
        rows = [row for row in given if first <= datetime.fromtimestamp(row[0], zone).date() <= last]
        both_ways = bool(rows) and all("imported" in row and "exported" in row for _, _, row in rows)
        if both_ways:
            energy = {Direction.DELIVERED: "imported", Direction.RECEIVED: "exported"}
        else:
            is_net = any(Decimal(row["consumption"]) < 0 for _, _, row in rows)
            energy = {Direction.NET if is_net else Direction.DELIVERED: "consumption"}
        series = [
            Series(found, meter.commodity, direction, unit, *_readings(rows, name, power))
            for direction, name in energy.items()
        ]
        costs = _readings(rows, "cost", 0)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as exc:
        raise FormatError(f"the export is not written as others are ({type(exc).__name__})") from exc
    issues = []
    if costs[1]:
        direction = Direction.DELIVERED if both_ways else next(iter(energy))
        series.append(Series(found, meter.commodity, direction, Unit.USD, *costs, Measure.COST))
        if lacking := len(rows) - len(costs[1]):
            issues.append(Issue("", f"{lacking} intervals have no cost", Severity.NOTE))
    return IntervalData(series, issues)


def _span(row: Row) -> tuple[int, int]:
    start, end = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
    if start.tzinfo is None or end.tzinfo is None or end <= start:
        raise ValueError("an interval has no length")
    return int(start.timestamp()), int(end.timestamp())


def _readings(rows: Iterable[tuple[int, int, Row]], name: str, power: int) -> tuple[int, Sequence[Reading]]:
    """Of those rows that have it: the exponent of all, and each."""
    values = [
        (start, end, _rounded(Decimal(row[name]).scaleb(power))) for start, end, row in rows if name in row
    ]
    exponent = min([0, *(_exponent(value) for _, _, value in values)])
    return exponent, [
        Reading(start, end - start, int(value.scaleb(-exponent))) for start, end, value in values
    ]


def _rounded(value: Decimal) -> Decimal:
    return value if _exponent(value) >= _FINEST else value.quantize(Decimal(1).scaleb(_FINEST))


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError("a number is not finite")
    return exponent


def as_row(read: Any, exactly: Callable[[float], Decimal]) -> Row:
    """A reading of the library's, of usage or of usage and cost, as a row of the file."""
    row = {
        "start": read.start_time.isoformat(),
        "end": read.end_time.isoformat(),
        "consumption": f"{exactly(read.consumption):f}",
    }
    cost = getattr(read, "provided_cost", 0)
    if cost:
        row["cost"] = f"{exactly(cost):f}"
    if read.imported is not None and read.exported is not None:
        row["imported"], row["exported"] = f"{exactly(read.imported):f}", f"{exactly(read.exported):f}"
    return row
