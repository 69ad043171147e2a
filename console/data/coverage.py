"""What intervals are in store of a customer, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.records import Direction
from meterfarm.services.coverage import MeterCoverage
from meterfarm.support.instants import stamp


def as_json(meter: MeterCoverage) -> Mapping[str, object]:
    """With the field names of ``read``, and UtilityAPI's for what is covered."""
    series = meter.series
    return {
        "account": meter.account,
        "meter": series.meter_id,
        "commodity": series.commodity,
        "measure": series.measure,
        "direction": series.direction,
        "unit": series.unit,
        "interval_seconds": list(series.seconds),
        "interval_count": series.readings,
        "interval_coverage": [[stamp(first), stamp(last)] for first, last in series.ranges],
        "interval_gaps": [[stamp(first), stamp(last)] for first, last in series.gaps],
    }


def coverage_table(found: Sequence[MeterCoverage]) -> Listing:
    """A row for each kind of reading; where there are gaps, they are below it."""
    columns = [
        Column("account"),
        Column("meter"),
        Column("what"),
        Column("readings", right=True),
        Column("from (UTC)"),
        Column("to (UTC)"),
    ]
    names = (
        "account",
        "meter",
        "commodity",
        "quantity",
        "direction",
        "unit",
        "readings",
        "from",
        "to",
        "gaps",
    )
    table = Listing(columns, names, "intervals in store")
    for meter in found:
        account, series = meter.account, meter.series
        first, last = series.ranges[0][0], series.ranges[-1][1]
        record = {
            "account": account,
            "meter": series.meter_id,
            "commodity": series.commodity,
            "quantity": series.measure,
            "direction": series.direction,
            "unit": series.unit,
            "readings": series.readings,
            "from": stamp(first),
            "to": stamp(last),
            "gaps": len(series.gaps),
        }
        what = f"{series.commodity} {series.measure}" + (
            "" if series.direction is Direction.DELIVERED else f", {series.direction}"
        )
        cells = [account, series.meter_id, what, f"{series.readings:,}", _day(first), _day(last)]
        table.add(cells, record, [_gaps(series.gaps)])
    return table


def _gaps(gaps: Sequence[tuple[int, int]]) -> str:
    if not gaps:
        return ""
    first, last = gaps[-1]
    if len(gaps) == 1:
        return f"a gap from {_minute(first)} to {_minute(last)}"
    return f"{len(gaps):,} gaps, the newest from {_minute(first)} to {_minute(last)}"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _minute(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
