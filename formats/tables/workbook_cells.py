"""Cells of a workbook as the texts that a CSV of it would have."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from meterfarm.formats.tables.cells import Typed


def text_of(value: object, shown_as: str = "") -> str:
    """``shown_as`` is the number format; without one a midnight is a day alone."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return Typed(f"{Decimal(format(value, '.15g')):f}")  # Excel keeps 15 digits; the rest is noise
    if isinstance(value, datetime):
        return _stamp(value, shown_as)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return _clock(
            timedelta(
                hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
            )
        )
    if isinstance(value, timedelta):
        return _clock(value)
    return str(value)


def _stamp(value: datetime, shown_as: str) -> str:
    """To the second, since Excel's days are fractions; a day alone if that is what the sheet shows."""
    exact = (value + timedelta(milliseconds=500)).replace(microsecond=0)
    if exact.time() == time() and "h" not in shown_as.lower():
        return exact.date().isoformat()
    return exact.isoformat(" ")


def _clock(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
