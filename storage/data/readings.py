"""Interval readings: quick, exact, idempotent; a value that changes leaves its former one behind.

Each usual length of readings has a series of its own, at the highest precision that it came in.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from meterfarm.formats.errors import FormatError
from meterfarm.formats.resolution import resolution
from meterfarm.records import Document, EventKind, Measure, Reading, Series
from meterfarm.storage.customers import identity
from meterfarm.storage.data import (
    Coverage,
    ReadingCounts,
    SeriesCoverage,
    StoredExport,
    accounts,
    coverage,
    documents,
    intervals,
)
from meterfarm.storage.data.coverage import AMOUNTS
from meterfarm.storage.database import Repository, holding, reading
from meterfarm.storage.database import now as database_now
from meterfarm.storage.runs import events
from meterfarm.storage.tables import (
    AccountRow,
    DocumentRow,
    ReadingRevisionRow,
    ReadingRow,
    SeriesRow,
    metadata,
)
from meterfarm.storage.tables.base import BIG

_READING = metadata.tables["reading"]
_REVISION = metadata.tables["reading_revision"]
_VALUES = tuple(_READING.c[name] for name in Reading._fields)
_THIS = and_(_READING.c.series_id == bindparam("this_series"), _READING.c.start == bindparam("at"))
_REVISE = insert(_REVISION).from_select(
    ["series_id", *Reading._fields, "seen", "replaced"],
    select(_READING.c.series_id, *_VALUES, _READING.c.updated, bindparam("now", type_=BIG)).where(_THIS),
)
_CHANGE = update(_READING).where(_THIS)
_SERIES_OF = select_rows(SeriesRow).where(
    SeriesRow.meter_id == bindparam("meter"),
    SeriesRow.commodity == bindparam("commodity"),
    SeriesRow.measure == bindparam("measure"),
    SeriesRow.direction == bindparam("direction"),
)
_Stored = tuple[int, int, int, bool]
"""As a ``Reading``, which it equals."""
_FIELDS = ", ".join(Reading._fields)
_SELECT_BETWEEN = (
    f"SELECT {_FIELDS} FROM reading WHERE series_id = {{0}} AND start BETWEEN {{0}} AND {{0}} ORDER BY start"  # noqa: S608
)
_COLUMNS = f"series_id, {_FIELDS}, first_seen, updated"
_COPY = f"COPY reading ({_COLUMNS}) FROM STDIN"
_INSERT = f"INSERT INTO reading ({_COLUMNS}) VALUES ({{series:d}}, ?, ?, ?, {{flag:d}}, {{now:d}}, {{now:d}})"  # noqa: S608
_TO_START = itemgetter(slice(0, 3))
_LIMIT = 2**63 - 1
_TABLES = [metadata.tables[str(row.__tablename__)] for row in (ReadingRow, ReadingRevisionRow)]


class Readings(Repository):
    """As ``CompanyStore.readings``: interval exports as they were received, and what was read from them."""

    def save(
        self, account_id: int, document: Document, portal_key: str, series: Sequence[Series]
    ) -> ReadingCounts:
        """Keep an export and its readings, all or nothing, at the highest precision each series came in.

        What is restated replaces what was there, which is kept as a revision; a zero replaces no value.

        Raises:
            FormatError: a series changed its unit or has values beyond 64 bits; nothing is stored.
            StorageError: the company has no such account.
            LeaseLost: the run that writes is not held any more.
        """
        return self._save(account_id, (portal_key, document, self._files.put(document.content)), series)

    @holding
    def _save(
        self, session: Session, account_id: int, fetched: documents.Fetched, series: Sequence[Series]
    ) -> ReadingCounts:
        account = accounts.locked(session, account_id, self._company_id)
        kind = documents.DocumentKind.INTERVALS
        (kept,) = documents.keep_all(session, self._files, account, kind, [fetched])
        return save(session, account, kept, series)

    @reading
    def exports(self, session: Session, account_id: int) -> Sequence[StoredExport]:
        """The account's interval exports as received, oldest first."""
        query = (
            select_rows(DocumentRow)
            .where(DocumentRow.account_id == account_id, DocumentRow.company_id == self._company_id)
            .where(DocumentRow.kind == documents.DocumentKind.INTERVALS.value)
            .order_by(col(DocumentRow.id))
        )
        return [
            StoredExport(row.id, row.portal_key, row.sha256, row.name, row.media_type)
            for row in session.exec(query)
        ]

    @reading
    def series(
        self,
        session: Session,
        account_id: int,
        meter_id: str,
        measures: Collection[Measure] = tuple(Measure),
        time: tuple[int, int] = intervals.ALWAYS,
    ) -> Sequence[Series]:
        """The meter's readings, a series for each measure and direction, at the highest resolution.

        Only of ``measures``, and of readings that begin in ``time``: two instants, the second is not in it.
        """
        return intervals.stored_series(session, self._company_id, account_id, meter_id, measures, time)

    @reading
    def fingerprints(self, session: Session, account_id: int) -> Mapping[str, str]:
        """By meter id, a text that changes whenever the meter's readings do."""
        return coverage.fingerprints(session, self._company_id, account_id)

    @reading
    def coverage(self, session: Session, account_id: int) -> Mapping[str, Coverage]:
        """By meter id, for meters that have readings; costs and temperatures are none."""
        return coverage.of_meters(session, self._company_id, account_id)

    @reading
    def coverage_by_series(
        self, session: Session, account_id: int, *, counted: bool = True
    ) -> Sequence[SeriesCoverage]:
        """The times that each kind of reading of the account's meters covers, and their gaps.

        How many they are is 0 unless they are ``counted``: of years that takes longer than all else.
        """
        return coverage.by_series(session, self._company_id, account_id, counted=counted)

    @reading
    def whole_days(
        self,
        session: Session,
        account_id: int,
        meter_id: str,
        zone: ZoneInfo,
        first: date | None = None,
        last: date | None = None,
    ) -> Set[date]:
        """The days of ``zone`` that the meter's readings cover from midnight to midnight, in each direction.

        ``first`` and ``last`` are the days to look at, both included: it is quicker for fewer.
        """
        meter = coverage.MeterKey(self._company_id, account_id, meter_id)
        return coverage.whole(session, meter, zone, first, last)

    @reading
    def zero_days(self, session: Session, account_id: int, meter_id: str, zone: ZoneInfo) -> Set[date]:
        """The newest days of which the meter has zeros alone: there may be values by now."""
        return coverage.of_zeros(session, coverage.MeterKey(self._company_id, account_id, meter_id), zone)


def save(session: Session, account: AccountRow, document_id: int, series: Sequence[Series]) -> ReadingCounts:
    """Insert what is new, update what changed; ``account`` is locked.

    Of two readings with the same start and length the last counts. A changed reading's former value is kept.
    A zero does not replace a value: portals show zeros where the values are not there yet.
    Raises FormatError if a series does not fit what is stored of it.
    """
    inserted = changed = held = total = 0
    now = int(time.time())
    news: dict[str, list[Reading]] = {}
    for row, one_series in _by_length(session, account, series):
        aligned = _align(session, row, one_series)
        readings = dict(zip(map(itemgetter(0), aligned), aligned, strict=True))
        keeps = one_series.measure is not Measure.TEMPERATURE
        fresh, different, zeros = _write(session.connection(), row.id, readings, now, keeps=keeps)
        if fresh or different:
            news.setdefault(one_series.meter_id, []).extend([*fresh, *different])
        inserted, changed, held = inserted + len(fresh), changed + len(different), held + zeros
        total += len(readings)
    counts = ReadingCounts(inserted, changed, total - inserted - changed - held, held)
    if news:
        identity.revised(session, account.customer_id)
        _publish(session, account, document_id, news, counts)
    return counts


def _publish(
    session: Session,
    account: AccountRow,
    document_id: int,
    news: Mapping[str, Sequence[Reading]],
    counts: ReadingCounts,
) -> None:
    """An event of the meters with news, once the customer's intervals as a whole were announced."""
    if not events.exists(session, account.customer_id, EventKind.INTERVALS_READY):
        return
    readings = [reading for of_meter in news.values() for reading in of_meter]
    about = {
        "account_number": account.number,
        "meters": sorted(news),
        "first": events.instant(min(reading.starts_at for reading in readings)),
        "last": events.instant(max(reading.ends_at for reading in readings)),
        "inserted": counts.inserted,
        "changed": counts.changed,
    }
    key = f"{document_id} {database_now(session).isoformat()}"  # the same bytes may bring news again
    events.publish(session, account.customer_id, EventKind.NEW_INTERVALS, key, about)


def _by_length(
    session: Session, account: AccountRow, series: Iterable[Series]
) -> Iterator[tuple[SeriesRow, Series]]:
    """Each series, or its readings of one usual length each, with the row they belong to."""
    for one_series in series:
        if not one_series.readings:
            continue
        rows = _rows_of(session, account, one_series)
        for seconds, readings in by_resolution(one_series.readings).items():
            row = rows.get(seconds) or _new_row(session, account, one_series, seconds)
            yield (
                row,
                one_series if readings is one_series.readings else replace(one_series, readings=readings),
            )


def _rows_of(session: Session, account: AccountRow, shown: Series) -> dict[int, SeriesRow]:
    """The stored rows of its kind, by usual length."""
    meter = accounts.meter(session, account, shown.meter_id, shown.commodity)
    wanted = {
        "meter": meter.id,
        "commodity": shown.commodity.value,
        "measure": shown.measure.value,
        "direction": shown.direction.value,
    }
    found = session.exec(_SERIES_OF, params=wanted).all()
    other = next((row.unit for row in found if row.unit != shown.unit.value), None)
    if other is not None and shown.measure in AMOUNTS:
        raise FormatError(
            f"Meter {shown.meter_id} sent {shown.unit.value} where {other} is stored; "
            "nothing of this export was stored, have the utility's script looked at."
        )
    return {row.seconds: row for row in found if row.unit == shown.unit.value}


def _new_row(session: Session, account: AccountRow, shown: Series, seconds: int) -> SeriesRow:
    row = SeriesRow(
        company_id=account.company_id,
        meter_id=accounts.meter(session, account, shown.meter_id, shown.commodity).id,
        commodity=shown.commodity.value,
        measure=shown.measure.value,
        direction=shown.direction.value,
        unit=shown.unit.value,
        seconds=seconds,
        exponent=shown.exponent,
    )
    session.add(row)
    session.flush()
    return row


def _write(
    connection: Connection, series_id: int, readings: Mapping[int, Reading], now: int, *, keeps: bool
) -> tuple[list[Reading], list[Reading], int]:
    """Write what differs from what is stored; returns the inserted, the changed, and how many were held.

    ``keeps``: a zero does not replace a value.
    """
    rows = _between(connection, series_id, min(readings), max(readings))
    inserts: list[Reading] = list(readings.values())
    changes: list[Reading] = []
    if rows == inserts:
        return [], [], 0
    stored = {row[0]: row for row in rows}
    if stored:
        different = [reading for reading in readings.values() if stored.get(reading[0]) != reading]
        inserts = [reading for reading in different if reading[0] not in stored]
        changes = [reading for reading in different if reading[0] in stored]
    held = {reading[0] for reading in changes if keeps and _not_yet(reading, stored[reading[0]])}
    if held:
        changes = [reading for reading in changes if reading[0] not in held]
    if inserts:
        _insert(connection, series_id, inserts, now)
    if changes:
        shared = {"this_series": series_id, "now": now}
        connection.execute(_REVISE, [{**shared, "at": reading.start} for reading in changes])
        connection.execute(_CHANGE, [_new_values(series_id, reading, now) for reading in changes])
    if any(stored[reading[0]][1] != reading[1] for reading in changes):
        coverage.rebuild(connection, series_id)
    elif inserts:
        coverage.extend(connection, series_id, inserts)
    return inserts, changes, len(held)


def _not_yet(new: Reading, stored: Sequence[int]) -> bool:
    """Whether it is a zero where there is a value. An estimate gives way to a zero that was measured."""
    return new[2] == 0 and stored[2] != 0 and (new[3] or not stored[3])


def _new_values(series_id: int, reading: Reading, now: int) -> dict[str, int | bool]:
    values = reading._asdict()
    return {"this_series": series_id, "at": values.pop("start"), **values, "updated": now}


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


def _align(session: Session, row: SeriesRow, shown: Series) -> Sequence[Reading]:
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


def _between(connection: Connection, series_id: int, first: int, last: int) -> Sequence[_Stored]:
    """Those of a series that start from ``first`` to ``last``, by start."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    result = connection.exec_driver_sql(_SELECT_BETWEEN.format(mark), (series_id, first, last))
    with _explained_errors(connection, _SELECT_BETWEEN):
        rows: Sequence[_Stored] = result.cursor.fetchall() if result.cursor else ()
    result.close()
    return rows


def _insert(connection: Connection, series_id: int, readings: Sequence[Reading], now: int) -> None:
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
