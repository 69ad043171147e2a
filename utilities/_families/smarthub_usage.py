"""SmartHub's exports of usage: points in JSON, each by the local clock at the end of its interval. Pure.

The clock is written as milliseconds since 1970 as if it were UTC's. The hour that a clock shows twice in
autumn is found by the order of the points and by the number of the hour that they end in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Direction, IntervalData, Issue, Meter, Reading, Series, Severity, Unit
from meterfarm.scrapers.http.json_answer import NoJson, parsed

_DIRECTIONS = {"FORWARD": Direction.DELIVERED, "REVERSE": Direction.RECEIVED}
_A_DAY = 86_400
_UNITS = {
    "KWH": (Unit.WH, 3),
    "THERM": (Unit.THERM, 0),
    "CCF": (Unit.CCF, 0),  # not caught: no fake portal counts gas by its volume
}
"""The record's unit, and the power of ten to it."""


def read_usage(content: bytes, zone: ZoneInfo, meter: Meter) -> IntervalData:
    """The readings of ``meter`` in an export.

    Raises:
        FormatError: it is no such export, or its times do not fit together.
    """
    try:
        data = parsed(content, "application/json")["data"]
        unit, power = _UNITS[str(data["unitOfMeasure"])]
        seconds = int(data["intervalMinutes"]) * 60
        by_day = seconds == _A_DAY
        given = [(_DIRECTIONS[str(one["flow"])], _points(one["data"])) for one in data["series"]]
        found = str(data["meterNumber"])
    except NoJson as exc:
        raise FormatError(f"the export cannot be read: {exc}") from exc
    except (KeyError, TypeError, ValueError, ArithmeticError) as exc:
        raise FormatError(f"the export is not written as others are ({type(exc).__name__})") from exc
    series, issues = [], []
    for direction, points in given:
        times = _Days(zone) if by_day else _Times(zone, seconds)
        rows = [(*times.span(point), value, point) for point, value in points if value is not None]
        if len(rows) < len(points):
            what = f"{len(points) - len(rows)} intervals of {direction} energy have no value"
            issues.append(Issue("", what, Severity.NOTE))
        exponent = min([0, *(_exponent(value.scaleb(power)) for _, _, value, _ in rows)])
        readings = [
            Reading(start, lasts, int(value.scaleb(power - exponent)), bool(point.get("estimated")))
            for start, lasts, value, point in rows
        ]
        series.append(Series(found, meter.commodity, direction, unit, exponent, readings))
    return IntervalData(series, issues)


def _points(given: Any) -> Sequence[tuple[Mapping[str, Any], Decimal | None]]:
    return list(_each(given))


def _each(given: Any) -> Iterator[tuple[Mapping[str, Any], Decimal | None]]:
    for point in given:
        value = point["y"]
        int(point["x"]), int(point["hourEnding"])
        yield point, None if value is None else Decimal(value)


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def are_all_null(content: bytes) -> bool:
    """Whether an export has points, and not one of them a value: then its days may have some.

    Raises:
        FormatError: it is no such export.
    """
    try:
        series = parsed(content, "application/json")["data"]["series"]
        values = [value for one in series for _, value in _each(one["data"])]
    except NoJson as exc:
        raise FormatError(f"the export cannot be read: {exc}") from exc
    except (KeyError, TypeError, ValueError, ArithmeticError) as exc:
        raise FormatError(f"the export is not written as others are ({type(exc).__name__})") from exc
    return bool(values) and all(value is None for value in values)


class _Days:
    """Points that are whole days, each named by the midnight at its end."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def span(self, point: Mapping[str, Any]) -> tuple[int, int]:
        """The start of a point's day, in epoch seconds, and how many it lasts."""
        end = datetime.fromtimestamp(int(point["x"]) // 1000, UTC).date()
        start, after = (
            int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp())
            for day in (end - timedelta(days=1), end)
        )
        return start, after - start


class _Times:
    """The instants of points in their order."""

    def __init__(self, zone: ZoneInfo, seconds: int) -> None:
        self._local = LocalTime(zone)
        self._zone = zone
        self._seconds = seconds
        self._last: int | None = None

    def span(self, point: Mapping[str, Any]) -> tuple[int, int]:
        """The start of a point's interval, in epoch seconds, and how many it lasts.

        Raises:
            FormatError: its clock and its hour agree on none.
        """
        shown = datetime.fromtimestamp(int(point["x"]) // 1000, UTC)
        second = shown.hour * 3600 + shown.minute * 60 + shown.second
        hour = int(point["hourEnding"])
        starts = [end - self._seconds for end in self._local.instants(shown.date(), second)]
        fitting = [start for start in starts if datetime.fromtimestamp(start, self._zone).hour + 1 == hour]
        later = [start for start in fitting if self._last is None or start > self._last]
        if not later:
            raise FormatError(f"the interval that ends at {shown:%Y-%m-%d %H:%M} is not in hour {hour}")
        self._last = later[0]
        return later[0], self._seconds
