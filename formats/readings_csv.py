"""Readings as the CSV that is handed out: UTC, the utility's local time beside it, exact quantities."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import TextIO
from zoneinfo import ZoneInfo

from meterfarm.formats.stamps import Stamps
from meterfarm.records import Series
from meterfarm.support.foreign_text import cell

HEADER = "meter,commodity,measure,direction,start,end,local_start,quantity,unit,estimated\n"


def write_readings_csv(file: TextIO, series: Iterable[Series], zone: ZoneInfo) -> None:
    """Write series of any meters and measures to ``file`` (opened with ``newline=""``), one after the other.

    ``start`` and ``end`` are UTC, ``local_start`` has its offset in ``zone``, ``quantity`` no exponent.
    A meter's id that a spreadsheet would run as a formula has an apostrophe before it.
    """
    stamps = Stamps(zone)
    file.write(HEADER)
    for each in series:
        file.writelines(_rows(each, stamps))


def _rows(series: Series, stamps: Stamps) -> Iterator[str]:
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
