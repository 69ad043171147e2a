"""The times that a series' readings cover without a gap, kept beside them: so nobody need count readings."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from sqlalchemy import Connection, bindparam, delete, insert, select

from meterfarm.formats.time_ranges import merged
from meterfarm.records import Reading
from meterfarm.storage.tables import metadata

Stretch = tuple[int, int]
"""Epoch seconds: the first that is covered, and the first after it that is not."""
_STRETCH = metadata.tables["stretch"]
_READING = metadata.tables["reading"]
_OF_SERIES = _STRETCH.c.series_id == bindparam("series")
_NEAR = select(_STRETCH.c.first, _STRETCH.c.last).where(
    _OF_SERIES, _STRETCH.c.first <= bindparam("until"), _STRETCH.c.last >= bindparam("since")
)
_FORGET = delete(_STRETCH).where(_OF_SERIES, _STRETCH.c.first == bindparam("at"))
_FORGET_ALL = delete(_STRETCH).where(_OF_SERIES)
_READINGS = (
    select(_READING.c.start, _READING.c.seconds)
    .where(_READING.c.series_id == bindparam("series"))
    .order_by(_READING.c.start)
)


def extend(connection: Connection, series_id: int, inserted: Sequence[Reading]) -> None:
    """Take down that these readings are there now, too."""
    new = _one(inserted) or merged(sorted((reading[0], reading[0] + reading[1]) for reading in inserted))
    near = {"series": series_id, "since": new[0][0], "until": new[-1][1]}
    stored = [(first, last) for first, last in connection.execute(_NEAR, near)]
    after = merged(sorted([*stored, *new]))
    gone = [{"series": series_id, "at": first} for first, last in stored if (first, last) not in after]
    if gone:
        connection.execute(_FORGET, gone)
    _insert(connection, series_id, [stretch for stretch in after if stretch not in stored])


def anew(connection: Connection, series_id: int) -> None:
    """Find them out from all readings: some have another length than they had."""
    connection.execute(_FORGET_ALL, {"series": series_id})
    readings = connection.execute(_READINGS, {"series": series_id})
    _insert(connection, series_id, merged((start, start + seconds) for start, seconds in readings))


def _one(readings: Sequence[Reading]) -> list[Stretch]:
    """The time of readings of one length that follow each other, as most do; nothing if they do not."""
    first, seconds = readings[0][0], readings[0][1]
    end = first + seconds * len(readings)
    if seconds <= 0 or list(map(itemgetter(0), readings)) != list(range(first, end, seconds)):
        return []
    return [(first, end)] if set(map(itemgetter(1), readings)) == {seconds} else []


def _insert(connection: Connection, series_id: int, stretches: Sequence[Stretch]) -> None:
    if stretches:
        rows = [{"series_id": series_id, "first": first, "last": last} for first, last in stretches]
        connection.execute(insert(_STRETCH), rows)
