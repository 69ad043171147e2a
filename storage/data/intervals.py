"""Readings as far as they count: a meter's, or a customer's page by page in time.

An instant's energy may be in store twice: in a quarter of an hour and in the day. Each length has a series of
its own, and where they meet the finest counts: a coarser reading counts only where no finer one covers any of
its time.

Pages take flat memory and no long transaction. Each is a transaction of its own, by primary key: a writer
never waits for whoever reads years of data, and what is written meanwhile is in the pages that follow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, func, or_, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from meterfarm.formats.time_ranges import TimeRanges
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import (
    DatedReading,
    IntervalFacts,
    MeterReadings,
    ReadingChannel,
    ReadingsPage,
    ReadingSum,
    StoredSeries,
)
from meterfarm.storage.data.coverage import CoverageRange
from meterfarm.storage.database import Repository, reading
from meterfarm.storage.tables import MeterRow, SeriesRow, metadata

_ACCOUNT, _METER, _SERIES, _READING = (
    metadata.tables[name] for name in ("account", "meter", "series", "reading")
)
_start = _READING.c.start
_OF_SERIES = _READING.c.series_id == _SERIES.c.id
_FIRST = select(func.min(_start)).where(_OF_SERIES).correlate(_SERIES).scalar_subquery()
_LAST = select(func.max(_start)).where(_OF_SERIES).correlate(_SERIES).scalar_subquery()
_IS_INTERVAL = or_(
    (_SERIES.c.commodity == Commodity.ELECTRIC.value)
    & (_SERIES.c.measure == Measure.ENERGY.value)
    & (_SERIES.c.unit == Unit.WH.value),
    (_SERIES.c.commodity == Commodity.ELECTRIC.value)
    & (_SERIES.c.measure == Measure.DEMAND.value)
    & (_SERIES.c.unit == Unit.W.value),
    (_SERIES.c.commodity == Commodity.GAS.value)
    & _SERIES.c.measure.in_((Measure.ENERGY.value, Measure.VOLUME.value)),
)
"""What an interval tells: electricity in Wh and W, gas in whatever it is measured."""
_FACTS = (
    select(_ACCOUNT.c.customer_id, func.min(_FIRST), func.max(_LAST))
    .select_from(_SERIES)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .join(_ACCOUNT, _ACCOUNT.c.id == _METER.c.account_id)
    .where(_ACCOUNT.c.company_id == bindparam("company"), _IS_INTERVAL)
    .group_by(_ACCOUNT.c.customer_id)
)
_FACTS_OF_SOME = _FACTS.where(_ACCOUNT.c.customer_id.in_(bindparam("customers", expanding=True)))
_KIND = ("commodity", "measure", "direction", "unit")
_SERIES_OF = (
    select(
        _ACCOUNT.c.id.label("account_id"),
        _ACCOUNT.c.number.label("account_number"),
        _METER.c.number.label("meter_id"),
        _METER.c.commodity.label("meter_commodity"),
        *(_SERIES.c[name] for name in (*_KIND, "id", "seconds", "exponent")),
        _FIRST.label("first"),
        _LAST.label("last"),
    )
    .select_from(_SERIES)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .join(_ACCOUNT, _ACCOUNT.c.id == _METER.c.account_id)
    .where(_ACCOUNT.c.company_id == bindparam("company"), _ACCOUNT.c.customer_id == bindparam("customer"))
    .order_by(_ACCOUNT.c.number, _METER.c.number, *(_SERIES.c[name] for name in (*_KIND, "seconds")))
)
_NEWEST = (
    select(_ACCOUNT.c.id, _METER.c.number, func.max(_READING.c.updated))
    .select_from(_READING)
    .join(_SERIES, _SERIES.c.id == _READING.c.series_id)
    .join(_METER, _METER.c.id == _SERIES.c.meter_id)
    .join(_ACCOUNT, _ACCOUNT.c.id == _METER.c.account_id)
    .where(_ACCOUNT.c.company_id == bindparam("company"), _ACCOUNT.c.customer_id == bindparam("customer"))
    .group_by(_ACCOUNT.c.id, _METER.c.number)
)
_OWN = (
    select(_SERIES.c.id)
    .where(_SERIES.c.id == bindparam("series"), _SERIES.c.company_id == bindparam("company"))
    .scalar_subquery()
)
_NEXT = select(func.min(_start)).where(_READING.c.series_id == _OWN, _start >= bindparam("since"))
_OVER = (
    _start < bindparam("at"),
    _start >= bindparam("since"),
    _start + _READING.c.seconds > bindparam("at"),
)
_ENDS_OVER = select(func.max(_start + _READING.c.seconds)).where(_READING.c.series_id == _OWN, *_OVER)
_BEGINS_OVER = select(func.min(_start)).where(_READING.c.series_id == _OWN, *_OVER)
_ROWS = (
    "SELECT start, seconds, mantissa, estimated, first_seen, updated FROM reading"
    " WHERE series_id = (SELECT id FROM series WHERE id = {0} AND company_id = {0})"
    " AND start >= {0} AND start < {0} ORDER BY start"
)
_SUM = (
    "SELECT count(*), sum(mantissa), max(mantissa), sum(seconds), max(CASE WHEN estimated THEN 1 ELSE 0 END)"
    " FROM reading"
    " WHERE series_id = (SELECT id FROM series WHERE id = {0} AND company_id = {0})"
    " AND start >= {1} AND start < {2}"
)
_POSTGRES_SUMS = (
    "SELECT one.* FROM (VALUES {}) AS bar(place, since, until)"  # noqa: S608 - of text of ours
    f" CROSS JOIN LATERAL ({_SUM.format('%s', 'since', 'until')}) AS one ORDER BY place"
)
"""All in one statement: a round trip for each would take longer than the sums. SQLite has no LATERAL."""
_DAY = 86_400
_ALL = (
    "SELECT start, seconds, mantissa, estimated FROM reading"
    " WHERE series_id = {0} AND start >= {0} AND start < {0} ORDER BY start"
)
ALWAYS = (-(2**62), 2**62)
"""All instants."""


class Intervals(Repository):
    """As ``CompanyStore.intervals``."""

    @reading
    def facts(
        self, session: Session, customer_ids: Collection[int] | None = None
    ) -> Mapping[int, IntervalFacts]:
        """By customer, for those who have intervals; None is for all customers of the company."""
        wanted: dict[str, object] = {"company": self._company_id}
        query = _FACTS
        if customer_ids is not None:
            query, wanted["customers"] = _FACTS_OF_SOME, list(customer_ids)
        rows = session.connection().execute(query, wanted)
        return {
            customer: IntervalFacts(first, last)
            for customer, first, last in rows
            if first is not None and last is not None
        }

    @reading
    def meters(
        self, session: Session, customer: Customer, *, every_measure: bool = False
    ) -> Sequence[MeterReadings]:
        """The customer's meters that have intervals, by account and meter number.

        With ``every_measure`` also costs, temperatures and whatever else is no interval of Bayou's.
        """
        wanted = {"company": self._company_id, "customer": customer.id}
        query = _SERIES_OF if every_measure else _SERIES_OF.where(_IS_INTERVAL)
        rows = [row for row in session.connection().execute(query, wanted) if row.first is not None]
        meter = attrgetter("account_id", "account_number", "meter_id", "meter_commodity")
        return [
            MeterReadings(account_id, number, meter_id, Commodity(commodity), _channels(list(of_meter)))
            for (account_id, number, meter_id, commodity), of_meter in groupby(rows, meter)
        ]

    @reading
    def newest(self, session: Session, customer: Customer) -> Mapping[tuple[int, str], int]:
        """By account's id and meter's number: when a value of it last came or changed, in epoch seconds."""
        wanted = {"company": self._company_id, "customer": customer.id}
        rows = session.connection().execute(_NEWEST, wanted)
        return {(account, number): at for account, number, at in rows}

    @reading
    def uncrossed(self, session: Session, channels: Sequence[ReadingChannel], at: int) -> int:
        """The latest instant, ``at`` or before, that is in the midst of no reading: where pages may begin."""
        connection = session.connection()
        while earlier := self._over(connection, channels, at, _BEGINS_OVER):
            at = min(earlier)
        return at

    @reading
    def page(
        self, session: Session, channels: Sequence[ReadingChannel], since: int, count: int
    ) -> ReadingsPage:
        """From ``since`` on, which is in the midst of no reading: some ``count`` readings of each channel.

        Where lengths meet the finest count, so a page ends where no reading of several lengths goes on.
        """
        connection = session.connection()
        starts = [start for channel in channels for start in self._next(connection, channel, since)]
        if not starts:
            return ReadingsPage(
                max([since, *(channel.last + 1 for channel in channels)]), [() for _ in channels]
            )
        since = min(starts)
        shortest = min(
            (one.seconds for channel in channels for one in channel.series if one.seconds), default=900
        )
        until = since + count * shortest
        while later := self._over(connection, channels, until, _ENDS_OVER):
            until = max(later)
        return ReadingsPage(until, [self._rows(connection, channel, since, until) for channel in channels])

    @reading
    def sums(self, session: Session, one: StoredSeries, edges: Sequence[int]) -> Sequence[ReadingSum | None]:
        """Of the readings of one length that begin between each edge and the next; None where there is none.

        The database adds up: of five years in a tenth of the time that reading them takes.
        """
        connection, bars = session.connection(), list(pairwise(edges))
        if not bars:
            return []
        own = (one.id, self._company_id)
        if connection.dialect.name == "postgresql":
            values = ",".join(
                f"({place},{int(since)},{int(until)})" for place, (since, until) in enumerate(bars)
            )
            found = connection.exec_driver_sql(_POSTGRES_SUMS.format(values), own).all()
        else:
            query = _SUM.format("?", "?", "?")
            found = [connection.exec_driver_sql(query, (*own, *bar)).one() for bar in bars]
        return [
            ReadingSum(count, int(total), largest, int(seconds), bool(estimated)) if count else None
            for count, total, largest, seconds, estimated in found
        ]

    def _next(self, connection: Connection, channel: ReadingChannel, since: int) -> Iterator[int]:
        for one in channel.series:
            if since <= one.first:
                yield one.first
            elif since <= one.last:
                found = connection.scalar(_NEXT, self._asked(one) | {"since": since})
                if found is not None:
                    yield found

    def _over(
        self, connection: Connection, channels: Sequence[ReadingChannel], at: int, query: object
    ) -> Sequence[int]:
        """Of channels with several lengths: what ``query`` says of readings that go on over an instant."""
        found = []
        for channel in channels:
            for one in channel.series if len(channel.series) > 1 else ():
                if one.first < at <= one.last + 2 * one.seconds + _DAY:
                    asked = self._asked(one) | {"at": at, "since": at - 2 * one.seconds - _DAY}
                    found.append(connection.scalar(query, asked))  # type: ignore[call-overload] # a select
        return [each for each in found if each is not None]

    def _rows(
        self, connection: Connection, channel: ReadingChannel, since: int, until: int
    ) -> Sequence[DatedReading]:
        exponent = channel.exponent
        return highest_resolution(
            [
                _scaled(self._rows_of(connection, one, since, until), 10 ** (one.exponent - exponent))
                for one in channel.series
            ]
        )

    def _rows_of(
        self, connection: Connection, one: StoredSeries, since: int, until: int
    ) -> Sequence[DatedReading]:
        asked = (one.id, self._company_id, since, until)
        result = connection.exec_driver_sql(_ROWS.format(_mark(connection)), asked)
        rows: Sequence[DatedReading] = result.cursor.fetchall() if result.cursor else ()
        result.close()
        return rows

    def _asked(self, one: StoredSeries) -> dict[str, int]:
        return {"series": one.id, "company": self._company_id}


def _channels(rows: Sequence[object]) -> Sequence[ReadingChannel]:
    series = attrgetter("id", "seconds", "exponent", "first", "last")
    return [
        ReadingChannel(
            Commodity(commodity),
            Measure(measure),
            Direction(direction),
            Unit(unit),
            tuple(StoredSeries(*series(row)) for row in alike),
        )
        for (commodity, measure, direction, unit), alike in groupby(rows, attrgetter(*_KIND))
    ]


def _scaled(rows: Sequence[DatedReading], factor: int) -> Sequence[DatedReading]:
    if factor == 1:
        return rows
    return [
        (start, seconds, mantissa * factor, estimated, seen, updated)
        for start, seconds, mantissa, estimated, seen, updated in rows
    ]


def stored_series(
    session: Session,
    company_id: int,
    account_id: int,
    meter_id: str,
    measures: Collection[Measure] = tuple(Measure),
    time: tuple[int, int] = ALWAYS,
) -> list[Series]:
    """The meter's series, one for each measure and direction: where lengths meet, the finest counts.

    Only of ``measures``, and of readings that begin in ``time``: two instants, the second is not in it.
    """
    query = (
        select_rows(SeriesRow)
        .join(MeterRow, col(MeterRow.id) == SeriesRow.meter_id)
        .where(MeterRow.company_id == company_id, MeterRow.account_id == account_id)
        .where(MeterRow.number == meter_id, col(SeriesRow.measure).in_([each.value for each in measures]))
        .order_by(*(getattr(SeriesRow, name) for name in (*_KIND, "seconds")))
    )
    rows = session.exec(query).all()
    connection = session.connection()
    return [
        _merged(connection, meter_id, list(alike), time) for _, alike in groupby(rows, attrgetter(*_KIND))
    ]


def _merged(
    connection: Connection, meter_id: str, rows: Sequence[SeriesRow], time: tuple[int, int]
) -> Series:
    exponent = min(row.exponent for row in rows)
    return Series(
        meter_id,
        Commodity(rows[0].commodity),
        Direction(rows[0].direction),
        Unit(rows[0].unit),
        exponent,
        highest_resolution([_readings(connection, row, exponent, time) for row in rows]),
        Measure(rows[0].measure),
    )


def _readings(connection: Connection, row: SeriesRow, exponent: int, time: tuple[int, int]) -> list[Reading]:
    """As the driver hands them out: with SQLAlchemy's rows it takes twice as long."""
    factor = 10 ** (row.exponent - exponent)
    result = connection.exec_driver_sql(_ALL.format(_mark(connection)), (row.id, *time))
    rows = iter(result.cursor.fetchone, None) if result.cursor else iter(())
    found = [
        Reading(start, seconds, mantissa * factor, bool(estimated))
        for start, seconds, mantissa, estimated in rows
    ]
    result.close()
    return found


def _mark(connection: Connection) -> str:
    """What stands for a value in the driver's SQL."""
    return "%s" if connection.dialect.name == "postgresql" else "?"


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
