"""Readings as the CSV that is handed out: UTC, the utility's local time beside it, exact quantities."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import TextIO
from zoneinfo import ZoneInfo

from meterfarm.records import Series
from meterfarm.support.foreign_text import cell

HEADER = "meter,commodity,measure,direction,start,end,local_start,quantity,unit,estimated\n"
_DAY = 86_400


def write_readings_csv(file: TextIO, series: Iterable[Series], zone: ZoneInfo) -> None:
    """Write series of any meters and measures to ``file`` (opened with ``newline=""``), one after the other.

    ``start`` and ``end`` are UTC, ``local_start`` has its offset in ``zone``, ``quantity`` no exponent.
    A meter's id that a spreadsheet would run as a formula has an apostrophe before it.
    """
    stamps = _Stamps(zone)
    file.write(HEADER)
    for each in series:
        file.writelines(_rows(each, stamps))


def _rows(series: Series, stamps: _Stamps) -> Iterator[str]:
    named = StringIO(newline="")
    csv.writer(named, lineterminator=",").writerow(
        [cell(series.meter_id), series.commodity.value, series.measure.value, series.direction.value]
    )
    head, exponent, utc, local = named.getvalue(), series.exponent, stamps.utc, stamps.local
    tail = {flag: f",{series.unit.value},{str(flag).lower()}\n" for flag in (False, True)}
    for start, seconds, mantissa, estimated in series.readings:
        quantity = str(mantissa) if exponent == 0 else plain(mantissa, exponent)
        times = f"{utc(start)}Z,{utc(start + seconds)}Z,{local(start)}"
        yield f"{head}{times},{quantity}{tail[estimated]}"


def plain(mantissa: int, exponent: int) -> str:
    """``mantissa * 10**exponent`` in plain decimal notation, with ``-exponent`` decimals."""
    if exponent >= 0:
        return str(mantissa * 10**exponent)
    digits = f"{abs(mantissa):0{1 - exponent}d}"
    return f"{'-' if mantissa < 0 else ''}{digits[:exponent]}.{digits[exponent:]}"


class _Stamps:
    """ISO stamps of epoch seconds. Dates and times of day are made once, offsets once for each UTC day."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._dates = _Dates()
        self._clocks = _Clocks()
        self._offsets: dict[int, tuple[int, str] | None] = {}

    def utc(self, instant: int) -> str:
        return f"{self._dates[instant // _DAY]}T{self._clocks[instant % _DAY]}"

    def local(self, instant: int) -> str:
        day = instant // _DAY
        if day not in self._offsets:
            first, last = self._offset(day * _DAY), self._offset((day + 1) * _DAY)
            self._offsets[day] = first if first == last else None
        seconds, text = self._offsets[day] or self._offset(instant)
        return self.utc(instant + seconds) + text

    def _offset(self, instant: int) -> tuple[int, str]:
        local = datetime.fromtimestamp(instant, self._zone)
        offset = local.utcoffset()
        seconds = int(offset.total_seconds()) if offset else 0
        return seconds, local.isoformat()[19:]


class _Dates(dict[int, str]):
    def __missing__(self, day: int) -> str:
        self[day] = text = datetime.fromtimestamp(day * _DAY, UTC).date().isoformat()
        return text


class _Clocks(dict[int, str]):
    def __missing__(self, second: int) -> str:
        minutes, seconds = divmod(second, 60)
        self[second] = text = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
        return text
