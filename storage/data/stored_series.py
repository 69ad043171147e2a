"""How long the readings of a series are, and what counts where the same came at several lengths.

An instant's energy may be in store twice: in a quarter of an hour and in the day. Each length has a series of
its own, and where they meet the finest counts: a coarser reading counts only where no finer one covers any of
its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from meterfarm.formats.errors import FormatError
from meterfarm.formats.resolution import resolution
from meterfarm.formats.time_ranges import TimeRanges
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from meterfarm.storage.data import Coverage
from meterfarm.storage.data.coverage import CoverageRange
from meterfarm.storage.tables import MeterRow, ReadingRevisionRow, ReadingRow, SeriesRow, metadata

Stored = tuple[int, int, int, bool]
"""As a ``Reading``, which it equals."""
_FIELDS = ", ".join(Reading._fields)
_SELECT_BETWEEN = (
    f"SELECT {_FIELDS} FROM reading WHERE series_id = {{0}} AND start BETWEEN {{0}} AND {{0}} ORDER BY start"  # noqa: S608
)
_COLUMNS = f"series_id, {_FIELDS}, first_seen, updated"
_COPY = f"COPY reading ({_COLUMNS}) FROM STDIN"
_INSERT = f"INSERT INTO reading ({_COLUMNS}) VALUES ({{series:d}}, ?, ?, ?, {{flag:d}}, {{now:d}}, {{now:d}})"  # noqa: S608
_TO_START = itemgetter(slice(0, 3))


def between(connection: Connection, series_id: int, first: int, last: int) -> Sequence[Stored]:
    """Those of a series that start from ``first`` to ``last``, by start."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    result = connection.exec_driver_sql(_SELECT_BETWEEN.format(mark), (series_id, first, last))
    with _explained_errors(connection, _SELECT_BETWEEN):
        rows: Sequence[Stored] = result.cursor.fetchall() if result.cursor else ()
    result.close()
    return rows


def insert(connection: Connection, series_id: int, readings: Sequence[Reading], now: int) -> None:
    """Insert readings that are not there; ``now`` in epoch seconds is when they were first seen."""
    if connection.dialect.name == "postgresql":
        _copy(connection, series_id, readings, now)
        return
    flags = set(map(itemgetter(3), readings))
    for flag in flags:  # what all rows have alike need not be handed over with each
        alike = readings if len(flags) == 1 else [reading for reading in readings if reading[3] == flag]
        statement = _INSERT.format(series=series_id, flag=flag, now=now)
        connection.exec_driver_sql(statement, list(map(_TO_START, alike)))


def _copy(connection: Connection, series_id: int, readings: Sequence[Reading], now: int) -> None:
    head, tail = f"{series_id:d}\t", f"\t{now:d}\t{now:d}\n"
    lines = [
        f"{head}{start}\t{seconds}\t{mantissa}\t{estimated:d}{tail}"
        for start, seconds, mantissa, estimated in readings
    ]
    driver: Any = connection.connection.driver_connection
    with _explained_errors(connection, _COPY), driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write("".join(lines))


@contextmanager
def _explained_errors(connection: Connection, statement: str) -> Iterator[None]:
    """Errors of the driver as SQLAlchemy has them."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as exc:
        raise DBAPIError(statement, None, exc) from exc


_LIMIT = 2**63 - 1
_TABLES = [metadata.tables[str(row.__tablename__)] for row in (ReadingRow, ReadingRevisionRow)]


def align(session: Session, row: SeriesRow, shown: Series) -> Sequence[Reading]:
    """The readings at the stored series' exponent, which is lowered first if theirs is finer.

    Raises:
        FormatError: a value does not fit 64 bits.
    """
    if shown.exponent < row.exponent:
        _refine(session, row, shown)
    factor = 10 ** (shown.exponent - row.exponent)
    mantissas = [reading[2] for reading in shown.readings]
    if max(max(mantissas), -min(mantissas)) * factor > _LIMIT:
        raise FormatError(_too_long(shown))
    if factor == 1:
        return shown.readings
    return [reading._replace(mantissa=reading.mantissa * factor) for reading in shown.readings]


def _refine(session: Session, row: SeriesRow, shown: Series) -> None:
    """Lower the stored series' exponent: former values go along, and no value changes."""
    factor = 10 ** (row.exponent - shown.exponent)
    connection = session.connection()
    for table in _TABLES:
        mantissa: ColumnElement[int] = table.c.mantissa
        own = table.c.series_id == row.id
        largest = connection.scalar(select(func.max(func.abs(mantissa))).where(own)) or 0
        if largest * factor > _LIMIT:
            raise FormatError(_too_long(shown))
        if largest:
            connection.execute(update(table).where(own).values(mantissa=mantissa * factor))
    row.exponent = shown.exponent
    session.flush()


def _too_long(shown: Series) -> str:
    return (
        f"Meter {shown.meter_id} has values with too many digits to be kept in steps of "
        f"10^{shown.exponent} {shown.unit.value}; "
        "nothing of this export was stored, have the utility's script looked at."
    )


def by_resolution(readings: Sequence[Reading]) -> Mapping[int, Sequence[Reading]]:
    """Readings that belong to one series, mostly all of them, in their order."""
    resolutions = {length: resolution(length) for length in set(map(itemgetter(1), readings))}
    found = set(resolutions.values())
    if len(found) == 1:
        return {found.pop(): readings}
    return {
        length: [reading for reading in readings if resolutions[reading[1]] == length]
        for length in sorted(found)
    }


AnyReading = TypeVar("AnyReading", bound=tuple[int, int, int, *tuple[Any, ...]])
"""What begins as a ``Reading`` does: start, seconds, mantissa."""


def highest_resolution(parts: Iterable[Sequence[AnyReading]]) -> Sequence[AnyReading]:
    """The readings that count, by start, of parts that come the finest first.

    Zeros in the time of a coarser reading that is none are no values yet: it counts instead of them.
    """
    kept: Sequence[AnyReading] = ()
    for part in parts:
        kept = _with(kept, part) if kept and part else kept or part
    return kept


def _with(finer: Sequence[AnyReading], coarser: Sequence[AnyReading]) -> Sequence[AnyReading]:
    all_of_it, values = _times(finer), _times(reading for reading in finer if reading[2])
    more = [
        reading
        for reading in coarser
        if not all_of_it.touches(*_time(reading)) or (reading[2] and not values.touches(*_time(reading)))
    ]
    if any(all_of_it.touches(*_time(reading)) for reading in more):
        instead = _times(more)
        finer = [reading for reading in finer if reading[2] or not instead.touches(*_time(reading))]
    return sorted([*finer, *more])


def _times(readings: Iterable[AnyReading]) -> TimeRanges:
    return TimeRanges(map(_time, readings))


def _time(reading: AnyReading) -> CoverageRange:
    return reading[0], reading[0] + reading[1]


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
        highest_resolution([_readings(connection, row, exponent) for row in rows]),
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
