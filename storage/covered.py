"""What times a meter's readings cover, and where they have gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select
from sqlmodel import Session

from meterfarm.formats.time_ranges import TimeRanges, merged
from meterfarm.records import Commodity, Direction, Measure, Unit
from meterfarm.storage.results import SeriesCoverage
from meterfarm.storage.stretches import Stretch
from meterfarm.storage.tables import metadata

_METER, _SERIES, _STRETCH, _READING = (
    metadata.tables[name] for name in ("meter", "series", "stretch", "reading")
)
AMOUNTS = (Measure.ENERGY, Measure.VOLUME)
"""What adds up to use."""
_KIND = (_METER.c.number, *(_SERIES.c[name] for name in ("commodity", "measure", "direction", "unit")))
_STRETCHES = (
    select(*_KIND, _SERIES.c.seconds, _SERIES.c.id, _STRETCH.c.first, _STRETCH.c.last)
    .join(_SERIES, _SERIES.c.id == _STRETCH.c.series_id)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .where(_METER.c.account_id == bindparam("account"), _METER.c.company_id == bindparam("company"))
    .order_by(*_KIND, _SERIES.c.seconds, _SERIES.c.id, _STRETCH.c.first)
)
_OF_METER = _STRETCHES.where(_METER.c.number == bindparam("meter"))
_TIMES = (
    select(_READING.c.start, _READING.c.start + _READING.c.seconds)
    .where(_READING.c.series_id == bindparam("series"))
    .order_by(_READING.c.start)
)
_COUNTS = (
    select(_READING.c.series_id, func.count())
    .where(_READING.c.series_id.in_(bindparam("series", expanding=True)))
    .group_by(_READING.c.series_id)
)


class Meter(NamedTuple):
    """A company's meter, by its account's id and the number it has there."""

    company_id: int
    account_id: int
    number: str


class _Grain(NamedTuple):
    """A series: the length of its readings, and what they cover."""

    seconds: int
    series_id: int
    stretches: Sequence[Stretch]


def by_series(session: Session, company_id: int, account_id: int) -> list[SeriesCoverage]:
    """Of each kind of reading of the account's meters, whatever the lengths."""
    connection = session.connection()
    wanted = {"company": company_id, "account": account_id}
    kinds = list(_kinds(connection.execute(_STRETCHES, wanted)))
    ids = [grain.series_id for _, grains in kinds for grain in grains]
    counts = dict(map(tuple, connection.execute(_COUNTS, {"series": ids}))) if ids else {}
    return [
        SeriesCoverage(
            number,
            Commodity(commodity),
            Measure(measure),
            Direction(direction),
            Unit(unit),
            tuple(grain.seconds for grain in grains),
            sum(counts[grain.series_id] for grain in grains),
            tuple(_covered(connection, grains)),
        )
        for (number, commodity, measure, direction, unit), grains in kinds
    ]


def of_amounts(session: Session, meter: Meter) -> list[Sequence[Stretch]]:
    """What each direction of the meter's energy or volume covers; of all its readings if it has neither."""
    connection = session.connection()
    wanted = {"company": meter.company_id, "account": meter.account_id, "meter": meter.number}
    kinds = list(_kinds(connection.execute(_OF_METER, wanted)))
    amounts = [grains for kind, grains in kinds if kind[2] in AMOUNTS] or [grains for _, grains in kinds]
    return [_covered(connection, grains) for grains in amounts]


def _kinds(rows: Iterable[Any]) -> Iterator[tuple[tuple[str, ...], Sequence[_Grain]]]:
    """What differs in length alone, the shortest first."""
    for kind, alike in groupby(rows, itemgetter(slice(0, len(_KIND)))):
        grains = [
            _Grain(seconds, series_id, [(row[-2], row[-1]) for row in its])
            for (seconds, series_id), its in groupby(alike, itemgetter(slice(len(_KIND), -2)))
        ]
        yield kind, grains


def _covered(connection: Connection, grains: Sequence[_Grain]) -> Sequence[Stretch]:
    """As the readings that count do."""
    covered = grains[0].stretches
    for grain in grains[1:]:
        known, more = TimeRanges(covered), grain.stretches
        if any(known.touches(*stretch) for stretch in more):
            times = connection.execute(_TIMES, {"series": grain.series_id})
            more = [(start, end) for start, end in times if not known.touches(start, end)]
        covered = merged(sorted([*covered, *more]))
    return covered
