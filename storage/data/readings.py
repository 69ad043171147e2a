"""Interval readings: quick, exact, idempotent; a value that changes leaves its former one behind."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date
from operator import itemgetter
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, bindparam, insert, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from meterfarm.formats.errors import FormatError
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
    stored_series,
)
from meterfarm.storage.data.coverage import AMOUNTS
from meterfarm.storage.data.stored_series import by_resolution
from meterfarm.storage.database import Repository, holding, reading
from meterfarm.storage.database import now as database_now
from meterfarm.storage.runs import events
from meterfarm.storage.tables import AccountRow, DocumentRow, SeriesRow, metadata
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
    def series(self, session: Session, account_id: int, meter_id: str) -> Sequence[Series]:
        """The meter's readings, a series for each measure and direction, at the highest resolution."""
        return stored_series.stored(session, self._company_id, account_id, meter_id)

    @reading
    def fingerprints(self, session: Session, account_id: int) -> Mapping[str, str]:
        """By meter id, a text that changes whenever the meter's readings do."""
        return stored_series.fingerprints(session, self._company_id, account_id)

    @reading
    def coverage(self, session: Session, account_id: int) -> Mapping[str, Coverage]:
        """By meter id, for meters that have readings; costs and temperatures are none."""
        return stored_series.coverage(session, self._company_id, account_id)

    @reading
    def coverage_by_series(self, session: Session, account_id: int) -> Sequence[SeriesCoverage]:
        """The times that each kind of reading of the account's meters covers, and their gaps."""
        return coverage.by_series(session, self._company_id, account_id)

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
        aligned = stored_series.align(session, row, one_series)
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
    rows = stored_series.between(connection, series_id, min(readings), max(readings))
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
        stored_series.insert(connection, series_id, inserts, now)
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
