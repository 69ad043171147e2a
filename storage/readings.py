"""Interval readings: quick, exact, idempotent; a value that changes leaves its former one behind."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from records import Commodity, Direction, EventKind, Reading, Series, Unit
from storage import accounts, events, exponents, stretches
from storage.database import now as database_now
from storage.results import Coverage, ReadingCounts
from storage.tables import (
    AccountRow,
    MeterRow,
    ReadingRevisionRow,
    ReadingRow,
    SeriesRow,
    metadata,
)
from storage.tables.base import BIG

_READING = metadata.tables["reading"]
_REVISION = metadata.tables["reading_revision"]
_VALUES = tuple(_READING.c[name] for name in Reading._fields)
_OF_SERIES = _READING.c.series_id == bindparam("series")
_BETWEEN = select(*_VALUES).where(
    _OF_SERIES, _READING.c.start.between(bindparam("earliest"), bindparam("latest"))
)
_READINGS = select(*_VALUES).where(_OF_SERIES).order_by(_READING.c.start)
_THIS = and_(_READING.c.series_id == bindparam("its_series"), _READING.c.start == bindparam("at"))
_REVISE = insert(_REVISION).from_select(
    ["series_id", *Reading._fields, "seen", "replaced"],
    select(_READING.c.series_id, *_VALUES, _READING.c.updated, bindparam("now", type_=BIG)).where(_THIS),
)
_CHANGE = update(_READING).where(_THIS)
_SERIES_OF = select_rows(SeriesRow).where(
    SeriesRow.meter_id == bindparam("meter"), SeriesRow.direction == bindparam("direction")
)


def save(session: Session, account: AccountRow, document_id: int, series: Sequence[Series]) -> ReadingCounts:
    """Insert what is new, update what changed; ``account`` is locked.

    Of two readings with the same start the last counts. A changed reading's former value is kept.
    Raises FormatError if a series cannot be told in what is stored of it.
    """
    inserted = changed = total = 0
    now = int(time.time())
    news: dict[str, list[Reading]] = {}
    for one in series:
        row = _series(session, account, one)
        readings = {reading[0]: reading for reading in exponents.align(session, row, one)}
        fresh, different = _write(session.connection(), row.id, readings, now)
        if fresh or different:
            news.setdefault(one.meter_id, []).extend([*fresh, *different])
        inserted, changed = inserted + len(fresh), changed + len(different)
        total += len(readings)
    counts = ReadingCounts(inserted, changed, total - inserted - changed)
    if news:
        _tell(session, account, document_id, news, counts)
    return counts


def coverage(session: Session, account_id: int) -> dict[str, Coverage]:
    """By meter number, for meters with readings."""
    end = func.max(col(ReadingRow.start) + col(ReadingRow.seconds))
    query = (
        select(col(MeterRow.number), func.min(col(ReadingRow.start)), end, func.count())
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .join(ReadingRow, col(ReadingRow.series_id) == SeriesRow.id)
        .where(col(MeterRow.account_id) == account_id)
        .group_by(col(MeterRow.number))
    )
    return {number: Coverage(*rest) for number, *rest in session.execute(query)}


def stored(session: Session, account_id: int, meter_id: str) -> list[Series]:
    """The meter's series, a direction each."""
    query = (
        select_rows(MeterRow, SeriesRow)
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .where(MeterRow.account_id == account_id, MeterRow.number == meter_id)
        .order_by(col(SeriesRow.direction))
    )
    connection = session.connection()
    return [
        Series(
            meter.number,
            Commodity(meter.commodity),
            Direction(row.direction),
            Unit(row.unit),
            row.exponent,
            list(map(Reading._make, connection.execute(_READINGS, {"series": row.id}))),
        )
        for meter, row in session.exec(query).all()
    ]


def fingerprints(session: Session, account_id: int) -> dict[str, str]:
    """By meter number, a text that differs whenever the meter's stored readings do."""
    inserts = select(func.count()).where(col(ReadingRow.series_id) == SeriesRow.id).scalar_subquery()
    revisions = (
        select(func.count()).where(col(ReadingRevisionRow.series_id) == SeriesRow.id).scalar_subquery()
    )
    query = (
        select(col(MeterRow.number), col(SeriesRow.id), col(SeriesRow.exponent), inserts, revisions)
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .where(col(MeterRow.account_id) == account_id)
        .order_by(col(MeterRow.number), col(SeriesRow.id))
    )
    found: dict[str, str] = {}
    for number, *state in session.execute(query):
        found[number] = " ".join([found.get(number, ""), ":".join(map(str, state))]).strip()
    return found


def _tell(
    session: Session,
    account: AccountRow,
    document_id: int,
    news: Mapping[str, Sequence[Reading]],
    counts: ReadingCounts,
) -> None:
    """Say which meters have news, once the customer's intervals as a whole were said to be there."""
    if not events.told(session, account.customer_id, EventKind.INTERVALS_READY):
        return
    readings = [reading for of_meter in news.values() for reading in of_meter]
    about = {
        "account_number": account.number,
        "meters": sorted(news),
        "first_interval_discovered": events.instant(min(reading.starts_at for reading in readings)),
        "last_interval_discovered": events.instant(max(reading.ends_at for reading in readings)),
        "inserted": counts.inserted,
        "changed": counts.changed,
    }
    key = f"{document_id} {database_now(session).isoformat()}"  # the same bytes may bring news again
    events.tell(session, account.customer_id, EventKind.NEW_INTERVALS, key, about)


def _series(session: Session, account: AccountRow, shown: Series) -> SeriesRow:
    meter = accounts.meter(session, account, shown.meter_id, shown.commodity)
    its = {"meter": meter.id, "direction": shown.direction.value}
    row = session.exec(_SERIES_OF, params=its).first()
    if row is None:
        row = SeriesRow(
            company_id=account.company_id,
            meter_id=meter.id,
            direction=shown.direction.value,
            unit=shown.unit.value,
            exponent=shown.exponent,
        )
        session.add(row)
        session.flush()
    return row


def _write(
    connection: Connection, series_id: int, readings: Mapping[int, Reading], now: int
) -> tuple[list[Reading], list[Reading]]:
    """Write what differs from what is stored; returns the inserted and the changed."""
    if not readings:
        return [], []
    around = {"series": series_id, "earliest": min(readings), "latest": max(readings)}
    stored = {row[0]: tuple(row) for row in connection.execute(_BETWEEN, around)}
    if not stored:
        inserts, changes = list(readings.values()), []
    else:
        different = [reading for reading in readings.values() if stored.get(reading[0]) != reading]
        inserts = [reading for reading in different if reading[0] not in stored]
        changes = [reading for reading in different if reading[0] in stored]
    if inserts:
        _insert(connection, series_id, inserts, now)
    if changes:
        its = {"its_series": series_id, "now": now}
        connection.execute(_REVISE, [{**its, "at": reading.start} for reading in changes])
        connection.execute(_CHANGE, [_new_values(series_id, reading, now) for reading in changes])
    if any(stored[reading[0]][1] != reading[1] for reading in changes):
        stretches.anew(connection, series_id)
    elif inserts:
        stretches.extend(connection, series_id, inserts)
    return inserts, changes


def _insert(connection: Connection, series_id: int, readings: Sequence[Reading], now: int) -> None:
    """Straight to the driver: SQLAlchemy's way costs double, or much more."""
    names = ", ".join(_READING.columns.keys())
    if connection.dialect.name == "postgresql":
        kinds = [column.type.compile(connection.dialect) for column in _VALUES]
        arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
        statement = (
            f"INSERT INTO reading ({names})"  # noqa: S608 - our own names
            f" SELECT {series_id:d}, its.*, {now:d}, {now:d} FROM unnest({arrays}) its"
        )
        connection.exec_driver_sql(statement, tuple(map(list, zip(*readings, strict=True))))
        return
    statement = f"INSERT INTO reading ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
    rows = [  # a truth value would cost the driver as much as all the rest of its row
        (series_id, start, seconds, mantissa, 1 if estimated else 0, now, now)
        for start, seconds, mantissa, estimated in readings
    ]
    connection.exec_driver_sql(statement, rows)


def _new_values(series_id: int, reading: Reading, now: int) -> dict[str, int | bool]:
    values = reading._asdict()
    return {"its_series": series_id, "at": values.pop("start"), **values, "updated": now}
