"""Columns of a table that has a day a row."""

from __future__ import annotations

import re

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import DAY
from meterfarm.formats.tables.cells import shown
from meterfarm.formats.tables.stamps import NotAStamp, read_clock


def wide_column(place: int, match: re.Match[str]) -> tuple[int, int, int]:
    """Its place, the second of the day it begins at and its seconds, by its name."""
    groups = match.groupdict()
    if groups.get("hour"):
        return place, (int(groups["hour"]) - 1) * 3600, 3600
    try:
        start = read_clock(groups["start"]).second % DAY
        end = read_clock(groups["end"]).second or DAY
    except NotAStamp as exc:
        raise FormatError(f"The file's header makes no sense: “{shown(match[0])}” is no interval.") from exc
    if end <= start:
        raise FormatError(f"The file's header makes no sense: “{shown(match[0])}” is no interval.")
    return place, start, end - start
