"""What was read of a file, for programs as one JSON object and for people as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from meterfarm.console.terminal.listing import safe_text, styled
from meterfarm.records import Severity, Unit
from meterfarm.services.file_report import FileReport
from meterfarm.services.series_totals import SeriesTally
from meterfarm.support.instants import stamp

_WIDEST = 1_000
_COLOURS = {Severity.NOTE: "dim", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def as_json(report: FileReport) -> dict[str, object]:
    """As docs/data.md describes it."""
    return {
        "file": report.file,
        "kind": report.kind,
        "layout": report.layout,
        "bills": report.bills,
        "series": [_series(series) for series in report.tally.series],
        "problems": [
            {"where": each.where, "what": each.what, "severity": each.severity} for each in report.issues
        ],
    }


def _series(series: SeriesTally) -> dict[str, object]:
    return {
        "meter": series.meter,
        "commodity": series.commodity,
        "measure": series.measure,
        "quantity": series.measure,  # its former name
        "direction": series.direction,
        "unit": series.unit,
        "count": series.count,
        "total": series.total,
        "first_start": stamp(series.first_start),
        "last_end": stamp(series.last_end),
        "interval_seconds": series.interval_seconds,
    }


def tables(report: FileReport) -> list[RenderableType]:
    """A line about the file, its series and bills, its problems."""
    of_layout = f", {report.layout}" if report.layout else ""
    shown: list[RenderableType] = [
        styled(report.file, "bold") + f": {report.kind.replace('_', ' ')}{of_layout}"
    ]
    if report.tally.series:
        shown.append(_SeriesShown(report))
    if report.bills:
        shown.append(_bills_table(report))
    for issue in report.issues:
        shown.append(Text("  ") + styled(f"{issue.severity}: {issue}", _COLOURS[issue.severity]))
    return shown


class _SeriesShown:
    """A table of the series, or on a narrow screen a few lines for each: no number is cut."""

    def __init__(self, report: FileReport) -> None:
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = _series_table(self._report)
        if Measurement.get(console, options.update(width=_WIDEST), table).maximum <= options.max_width:
            yield table
            return
        for series in self._report.tally.series:
            what = f"{series.commodity} {series.measure}, {series.direction}"
            yield Text("  ") + safe_text(f"{series.meter or 'meter'}: {what}")
            yield Text(
                f"    {_amount(series)} in {series.count:,} readings ({_every(series.interval_seconds)})"
            )
            yield Text(f"    {_minute(series.first_start)} to {_minute(series.last_end)} UTC")


def _minute(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def _series_table(report: FileReport) -> Table:
    table = Table("meter", "what", "direction", box=None, pad_edge=False)
    for heading in ("readings", "total"):
        table.add_column(heading, justify="right")
    for heading in ("from (UTC)", "to (UTC)", "every"):
        table.add_column(heading)
    for series in report.tally.series:
        table.add_row(
            safe_text(series.meter),
            f"{series.commodity} {series.measure}",
            series.direction,
            f"{series.count:,}",
            _amount(series),
            _minute(series.first_start),
            _minute(series.last_end),
            _every(series.interval_seconds),
        )
    return table


def _amount(series: SeriesTally) -> str:
    """Watt-hours as people know them."""
    total = Decimal(series.total)
    if series.unit is Unit.WH and abs(total) >= 1000:
        thousandth = total.scaleb(-3)
        return f"{thousandth.normalize():,f} kWh"
    return f"{total:,f} {series.unit}"


def _every(seconds: int | None) -> str:
    if not seconds:
        return "mixed" if seconds is None else "instant"
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _bills_table(report: FileReport) -> Table:
    table = Table("account", "billed on", "from", "to", box=None, pad_edge=False)
    table.add_column("total", justify="right")
    for bill in report.bills:
        cents = bill["total_amount"]
        amount = f"{Decimal(cents).scaleb(-2):,.2f}" if isinstance(cents, int) else ""
        days = (bill["billed_on"], bill["billing_period_from"], bill["billing_period_to"])
        table.add_row(safe_text(str(bill["account_number"])), *(str(day or "") for day in days), amount)
    return table
