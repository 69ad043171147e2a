"""What is stored of a meter's readings, as it counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, bindparam, func, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from meterfarm.storage.granularity import finest
from meterfarm.storage.results import Coverage
from meterfarm.storage.tables import MeterRow, ReadingRevisionRow, ReadingRow, SeriesRow, metadata

_READING = metadata.tables["reading"]
_READINGS = (
    select(*(_READING.c[name] for name in Reading._fields))
    .where(_READING.c.series_id == bindparam("series"))
    .order_by(_READING.c.start)
)
_NOT_READINGS = (Measure.COST.value, Measure.TEMPERATURE.value)
_KIND = ("commodity", "measure", "direction", "unit")


def stored(session: Session, company_id: int, account_id: int, meter_id: str) -> list[Series]:
    """The meter's series, one for each measure and direction: where lengths meet, the finest counts."""
    query = (
        select_rows(SeriesRow)
        .join(MeterRow, col(MeterRow.id) == SeriesRow.meter_id)
        .where(MeterRow.company_id == company_id, MeterRow.account_id == account_id)
        .where(MeterRow.number == meter_id)
        .order_by(*(getattr(SeriesRow, name) for name in (*_KIND, "seconds")))
    )
    rows = session.exec(query).all()
    connection = session.connection()
    return [_merged(connection, meter_id, list(alike)) for _, alike in groupby(rows, attrgetter(*_KIND))]


def _merged(connection: Connection, meter_id: str, rows: Sequence[SeriesRow]) -> Series:
    exponent = min(row.exponent for row in rows)
    return Series(
        meter_id,
        Commodity(rows[0].commodity),
        Direction(rows[0].direction),
        Unit(rows[0].unit),
        exponent,
        finest([_readings(connection, row, exponent) for row in rows]),
        Measure(rows[0].measure),
    )


def _readings(connection: Connection, row: SeriesRow, exponent: int) -> list[Reading]:
    readings = list(map(Reading._make, connection.execute(_READINGS, {"series": row.id})))
    if row.exponent == exponent:
        return readings
    factor = 10 ** (row.exponent - exponent)
    return [reading._replace(mantissa=reading.mantissa * factor) for reading in readings]


def coverage(session: Session, company_id: int, account_id: int) -> dict[str, Coverage]:
    """By meter number, for meters with readings; costs and temperatures are none."""
    end = func.max(col(ReadingRow.start) + col(ReadingRow.seconds))
    query = (
        select(col(MeterRow.number), func.min(col(ReadingRow.start)), end, func.count())
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .join(ReadingRow, col(ReadingRow.series_id) == SeriesRow.id)
        .where(col(MeterRow.company_id) == company_id, col(MeterRow.account_id) == account_id)
        .where(col(SeriesRow.measure).not_in(_NOT_READINGS))
        .group_by(col(MeterRow.number))
    )
    return {number: Coverage(*rest) for number, *rest in session.execute(query)}


def fingerprints(session: Session, company_id: int, account_id: int) -> dict[str, str]:
    """By meter number, a text that differs whenever the meter's stored readings do."""
    inserts = select(func.count()).where(col(ReadingRow.series_id) == SeriesRow.id).scalar_subquery()
    revisions = (
        select(func.count()).where(col(ReadingRevisionRow.series_id) == SeriesRow.id).scalar_subquery()
    )
    query = (
        select(col(MeterRow.number), col(SeriesRow.id), col(SeriesRow.exponent), inserts, revisions)
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .where(col(MeterRow.company_id) == company_id, col(MeterRow.account_id) == account_id)
        .order_by(col(MeterRow.number), col(SeriesRow.id))
    )
    found: dict[str, str] = {}
    for number, *state in session.execute(query):
        found[number] = " ".join([found.get(number, ""), ":".join(map(str, state))]).strip()
    return found
