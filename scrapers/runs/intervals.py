"""Interval data: which days a meter's store lacks, exported in as few files as the portal allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from meterfarm.records import Account, Commodity, Meter
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.runs.authenticator import Authenticator
from meterfarm.scrapers.runs.exports import ExportEnd, Exporter, ExportJob
from meterfarm.scrapers.runs.ledger import Ledger
from meterfarm.scrapers.runs.progress import Progress
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.scrapers.runs.spans import by_month, days, spans
from meterfarm.scrapers.utility import AvailableIntervals
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.data import PendingExport
from meterfarm.storage.store import CompanyStore
from meterfarm.support.tasks import gather


class IntervalCollector:
    """Collects the days of interval data that are not in store yet."""

    def __init__(
        self,
        visit: Visit,
        authenticator: Authenticator,
        store: CompanyStore,
        ledger: Ledger,
        progress: Progress,
    ) -> None:
        self._visit = visit
        self._authenticator = authenticator
        self._store = store
        self._ledger = ledger
        self._progress = progress
        self._exporter = Exporter(visit, authenticator, store)
        self._at_once = asyncio.Semaphore(authenticator.utility.session_concurrency)
        """An export may be large: no more of them are in memory than requests may be under way."""

    async def collect(self, account: Account, account_id: int, since: date | None) -> None:
        """Ask what there is, then fetch what is missing. Raises ``Stop`` when that page cannot be had."""
        utility = self._authenticator.utility
        with self._ledger.listing(account.number, "intervals"):
            available = await self._authenticator.in_session(
                "available_intervals", lambda: utility.available_intervals(self._visit, account)
            )
        self._ledger.portal_has_data |= bool(available)
        for offer in available:
            if offer.more_in is not None:
                self._ledger.look_again(datetime.now(UTC) + offer.more_in)
        pending = await self._exporter.pending(account_id)
        books = [await self._book(account, account_id, offer, since) for offer in available]
        newest_had = max((max(book.had) for book in books if book.had), default=None)
        newest = max((offer.last for offer in available), default=None)
        is_news = newest is not None and newest_had is not None and newest > newest_had
        await gather(
            self._one_meter(
                account,
                account_id,
                offer,
                book,
                newest_had if is_news else None,
                [one for one in pending if one.meter_id == offer.meter_id],
            )
            for offer, book in zip(available, books, strict=True)
        )

    async def _book(
        self, account: Account, account_id: int, offer: AvailableIntervals, since: date | None
    ) -> _Book:
        first = max(offer.first, since) if since else offer.first
        had = await self._days_in_store(account_id, offer.meter_id, first, offer.last)
        if had:
            self._visit.http.has_handed_over()
        months = dict(by_month(frozenset(days(first, offer.last))))
        book = _Book(account.number, offer.meter_id, months, had, set(had))
        self._enter(book, book.months)
        return book

    async def _one_meter(
        self,
        account: Account,
        account_id: int,
        offer: AvailableIntervals,
        book: _Book,
        overtaken: date | None,
        pending: Sequence[PendingExport],
    ) -> None:
        """``overtaken`` is the newest day that the account had, once there are newer ones."""
        meter = _meter(account, offer.meter_id)
        wanted, had = frozenset[date]().union(*book.months.values()), book.had
        await gather(
            self._one_export(
                book,
                ExportJob(
                    account, account_id, meter, one.first, one.last, one.key, one.requested_at, one.not_before
                ),
            )
            for one in pending
        )
        zeros = await self._days_of_zeros(account_id, meter.id) if wanted - had else frozenset[date]()
        asked_for = to_ask(wanted, had, self._authenticator.utility.restated_days, zeros, overtaken)
        longest = self._authenticator.utility.capabilities.export_days(offer.granularity)
        await gather(
            self._one_export(book, ExportJob(account, account_id, meter, start, end))
            for start, end in spans(asked_for - book.exports.keys(), longest)
        )

    async def _one_export(self, book: _Book, job: ExportJob) -> None:
        try:
            async with self._at_once:
                end = await self._exporter.fetch(job)
        except Stop as stop:
            self._note_end(book, job, ExportEnd(missing=str(stop)))
            raise
        book.have |= await self._days_in_store(job.account_id, job.meter.id, job.first, job.last)
        self._note_end(book, job, end)

    def _note_end(self, book: _Book, job: ExportJob, end: ExportEnd) -> None:
        asked = frozenset(days(job.first, job.last))
        book.exports.update(dict.fromkeys(asked, end))
        book.absent |= end.absent
        self._enter(book, {month for month, within in book.months.items() if within & asked})

    async def _days_in_store(self, account_id: int, meter_id: str, first: date, last: date) -> Set[date]:
        zone = self._authenticator.utility.zone
        return await read_and_store(self._store.readings.whole_days, account_id, meter_id, zone, first, last)

    async def _days_of_zeros(self, account_id: int, meter_id: str) -> Set[date]:
        return await read_and_store(
            self._store.readings.zero_days, account_id, meter_id, self._authenticator.utility.zone
        )

    def _enter(self, book: _Book, months: Iterable[str]) -> None:
        """Write these months of the meter into the ledger as they stand now."""
        for month in months:
            lacking = sorted(book.months[month] - book.have - book.absent)
            item = f"intervals {book.meter_id} {month}"
            if book.months[month] <= book.absent:
                self._ledger.not_there(book.account_number, item)
                book.whole.add(month)
                continue
            if not lacking:
                book.whole.add(month)
                fresh = bool(book.months[month] - book.had)
                self._ledger.stored(book.account_number, item, downloaded=fresh, doubt=book.doubts(month))
                continue
            book.whole.discard(month)
            ends = [book.exports.get(day, _NOT_FETCHED) for day in lacking]
            gap = next((at for at, end in enumerate(ends) if not end.is_pending), None)
            if gap is None:
                self._ledger.pending(book.account_number, item, ends[0].missing, ends[0].again_at)
            else:
                reason = ends[gap].missing or ends[gap].doubt or f"readings of {lacking[gap]} are lacking"
                self._ledger.missing(book.account_number, item, reason)
        self._progress.count(f"intervals {book.meter_id}", len(book.whole), len(book.months))


def _meter(account: Account, meter_id: str) -> Meter:
    """The account's meter with this id; one that only the exports know is of no known commodity."""
    found = (meter for meter in account.meters if meter.id == meter_id)
    return next(found, Meter(meter_id, Commodity.OTHER))


_NOT_FETCHED = ExportEnd(missing="not fetched yet")


@dataclass(slots=True)
class _Book:
    """How a meter stands, month by month.

    ``had`` are the days in store at first, ``have`` those by now, ``whole`` the months of which nothing is
    missing by now, ``absent`` the days that the portal has nothing of. ``exports`` has, by day, what became
    of the export that it was asked for in.
    """

    account_number: str
    meter_id: str
    months: Mapping[str, Set[date]]
    had: Set[date]
    have: set[date]
    exports: dict[date, ExportEnd] = field(default_factory=dict)
    absent: set[date] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def doubts(self, month: str) -> str:
        """What is in doubt of the exports of a month, each doubt once."""
        ends = (self.exports[day].doubt for day in self.months[month] & self.exports.keys())
        return "; ".join(filter(None, dict.fromkeys(ends)))


def to_ask(
    wanted: Set[date],
    had: Set[date],
    restated: int,
    zeros: Set[date] = frozenset(),
    overtaken: date | None = None,
) -> Set[date]:
    """The days that are missing; once there are newer ones, also those had that may have changed.

    These are the ``restated`` newest, and the newest of which there are ``zeros`` alone. Days that are newer
    than the last of a meter that was taken away are another meter's: ``overtaken`` is the day that was the
    account's newest until these came.
    """
    missing = wanted - had
    if not had:
        return missing
    has_newer = bool(missing) and max(missing) > max(had)
    is_last = overtaken is not None and (overtaken - max(had)).days < restated
    if not has_newer and not is_last:
        return missing
    newest = set(sorted(had)[-restated:]) if restated else set()
    return missing | (wanted & had & (zeros | newest))
