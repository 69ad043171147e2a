"""A customer's intervals: a plot from years to a day, hours by days, the same as tables, what is covered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Commodity
from meterfarm.services.coverage import MeterCoverage, customer_coverage
from meterfarm.services.interval_plot import (
    IntervalPlot,
    PlotBar,
    PlotLevel,
    PlottedChannel,
    channel_heat_map,
    interval_plot,
    plotted_channels,
)
from meterfarm.services.intervals import zone_of
from meterfarm.services.report.covered import Covered, covered
from meterfarm.services.report.report_facts import ReportedMeter
from meterfarm.support.instants import lasted
from meterfarm.web.dashboard.access import NO_SUCH_PAGE, Refused, in_thread
from meterfarm.web.dashboard.customer_head import Seen, SeenCustomer, customer_page

router = APIRouter(prefix="/{side}/customers/{number}/intervals", include_in_schema=False)
Key = Annotated[str, Query(max_length=20)]
At = Annotated[int, Query(ge=-(2**40), lt=2**40)]
_EARLY, _LATE = -(2**40), 2**40 - 1
_MOST_GAPS = 20
_HERE = "/intervals"
_FORMATS = {
    PlotLevel.MONTHS: "{:%b %Y}",
    PlotLevel.DAYS: "{0:%a} {0.day} {0:%b %Y}",
    PlotLevel.HOURS: "{0:%a} {0.day} {0:%b %Y}, {0:%H:%M}",
    PlotLevel.STORED: "{0:%a} {0.day} {0:%b %Y}, {0:%H:%M}",
}
_DATA = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


@router.get("")
async def intervals(
    request: Request,
    seen: Seen,
    series: Key = "",
) -> Response:
    """The plot of one kind of readings, its hours by days, and what is covered of all."""
    return await in_thread(_page, request, seen, series)


@router.get("/data")
async def data(seen: Seen, series: Key = "", start: At = _EARLY, end: At = _LATE) -> Response:
    """The bars that the plot draws."""
    return await in_thread(_data, seen, series, start, end)


@router.get("/table")
async def table(
    request: Request, seen: Seen, series: Key = "", start: At = _EARLY, end: At = _LATE
) -> Response:
    """The same as a table, of which a row leads to what it is made of."""
    return await in_thread(_table, request, seen, series, start, end)


def _page(request: Request, seen: SeenCustomer, key: str) -> Response:
    zone, channels = zone_of(seen.holder), plotted_channels(seen.store, seen.holder)
    chosen = _chosen(channels, key) if channels else None
    every = customer_coverage(seen.store, seen.holder, counted=False)
    values: dict[str, Any] = {
        "channels": channels,
        "chosen": chosen,
        "zone": zone.key,
        "heat": channel_heat_map(seen.store, chosen, zone) if chosen else None,
        "coverage": _coverage(every, zone),
        "gaps": list(islice(_gaps(every, zone), _MOST_GAPS)),
        "has_accounts": len({each.account_number for each in channels}) > 1,
        "first_day": _day(chosen.channel.first, zone) if chosen else "",
        "last_day": _day(chosen.end - 1, zone) if chosen else "",
        "how_long": " and ".join(_lengths(chosen)) if chosen else "",
    }
    return customer_page(request, seen, "customer_intervals", values, here=_HERE)


def _chosen(channels: Sequence[PlottedChannel], key: str) -> PlottedChannel:
    """The one that is asked for.

    Raises:
        Refused: the customer has no such readings.
    """
    found = [each for each in channels if key in ("", each.key)]
    if not found:
        raise Refused(404, *NO_SUCH_PAGE)
    return found[0]


def _plot(
    seen: SeenCustomer, key: str, start: int, end: int
) -> tuple[PlottedChannel, ZoneInfo, IntervalPlot]:
    chosen = _chosen(plotted_channels(seen.store, seen.holder), key)
    zone = zone_of(seen.holder)
    return chosen, zone, interval_plot(seen.store, chosen, zone, start, end)


def _data(seen: SeenCustomer, key: str, start: int, end: int) -> Response:
    chosen, zone, plot = _plot(seen, key, start, end)
    bars = plot.bars
    found = {
        "level": plot.level.value,
        "unit": chosen.unit,
        "zone": zone.key,
        "first": chosen.channel.first,
        "last": chosen.end,
        "from": plot.start,
        "to": plot.end,
        "starts": [bar.start for bar in bars],
        "ends": [bar.end for bar in bars],
        "values": [bar.value for bar in bars],
        "whole": [int(bar.is_whole) for bar in bars],
        "estimated": [int(bar.is_estimated) for bar in bars],
        "is_cut": plot.is_cut,
    }
    return JSONResponse(found, headers=_DATA)


def _table(request: Request, seen: SeenCustomer, key: str, start: int, end: int) -> Response:
    chosen, zone, plot = _plot(seen, key, start, end)
    values = {
        "chosen": chosen,
        "zone": zone.key,
        "plot": plot,
        "rows": [_row(bar, plot.level, zone) for bar in plot.bars],
        "leads_on": plot.level is not PlotLevel.STORED,
        "is_all": start == _EARLY and end == _LATE,
    }
    return customer_page(request, seen, "customer_interval_table", values, here=_HERE)


def _row(bar: PlotBar, level: PlotLevel, zone: ZoneInfo) -> Mapping[str, Any]:
    words = _FORMATS[level].format(datetime.fromtimestamp(bar.start, zone))
    note = "no data" if bar.value is None else "" if bar.is_whole else "not all of it is there"
    return {
        "start": bar.start,
        "end": bar.end,
        "words": words,
        "value": "" if bar.value is None else f"{bar.value:,.3f}",
        "note": ", ".join(filter(None, (note, "estimated" if bar.is_estimated else ""))),
    }


def _coverage(every: Sequence[MeterCoverage], zone: ZoneInfo) -> Covered | None:
    """Strips of what is covered, of all meters; None if nothing is."""
    by_meter: dict[tuple[str, str], list[MeterCoverage]] = {}
    for each in every:
        by_meter.setdefault((each.account, each.series.meter_id), []).append(each)
    meters = [
        ReportedMeter(meter, Commodity.OTHER, (), (), [each.series for each in found])
        for (_, meter), found in by_meter.items()
    ]
    return covered(meters, LocalTime(zone))


def _gaps(every: Sequence[MeterCoverage], zone: ZoneInfo) -> Iterator[str]:
    """The newest first, of each kind of readings."""
    for each in every:
        one = each.series
        for start, end in reversed(one.gaps):
            first, last = (datetime.fromtimestamp(at, zone) for at in (start, end))
            when = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
            yield f"{one.meter_id}, {one.measure}, {one.direction}: {when} ({lasted(end - start)})"


def _lengths(chosen: PlottedChannel) -> list[str]:
    return [lasted(one.seconds) for one in chosen.channel.series if one.seconds]


def _day(at: int, zone: ZoneInfo) -> str:
    on = datetime.fromtimestamp(at, zone)
    return f"{on.day} {on:%b %Y}"
