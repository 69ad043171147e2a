"""Interval data: which days a meter's store lacks, exported in as few files as the portal allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date

from meterfarm.formats.errors import FormatError
from meterfarm.records import Account, Commodity, Document, Meter, Severity
from meterfarm.scrapers.boundaries import reader_errors
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.runs.authenticator import Authenticator
from meterfarm.scrapers.runs.ledger import Ledger
from meterfarm.scrapers.runs.progress import Progress
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.scrapers.runs.spans import by_month, days, spans
from meterfarm.scrapers.utility import AvailableIntervals
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.data import ReadingCounts
from meterfarm.storage.store import CompanyStore
from meterfarm.support.tasks import gather
from meterfarm.support.tracing import span


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

    async def collect(self, account: Account, account_id: int, since: date | None) -> None:
        """Ask what there is, then fetch what is missing. Raises ``Stop`` when that page cannot be had."""
        utility = self._authenticator.utility
        with self._ledger.listing(account.number, "intervals"):
            available = await self._authenticator.in_session(
                "available_intervals", lambda: utility.available_intervals(self._visit, account)
            )
        self._ledger.portal_has_data |= bool(available)
        await gather(self._one_meter(account, account_id, offer, since) for offer in available)

    async def _one_meter(
        self, account: Account, account_id: int, offer: AvailableIntervals, since: date | None
    ) -> None:
        meter = _meter(account, offer.meter_id)
        first = max(offer.first, since) if since else offer.first
        wanted = frozenset(days(first, offer.last))
        had = have = await self._days_in_store(account_id, meter.id, first, offer.last)
        if had:
            self._visit.http.has_handed_over()
        book = _Book(account.number, meter.id, dict(by_month(wanted)), had)
        self._enter(book, book.months, have)
        zeros = await self._days_of_zeros(account_id, meter.id) if wanted - had else frozenset[date]()
        asked_for = to_ask(wanted, had, self._authenticator.utility.restated_days, zeros)
        longest = self._authenticator.utility.capabilities.export_days(offer.granularity)
        for start, end in spans(asked_for, longest):
            export = await self._one_export(account, account_id, meter, start, end)
            asked = frozenset(days(start, end))
            book.exports.update(dict.fromkeys(asked, export))
            have = have | await self._days_in_store(account_id, meter.id, start, end)
            self._enter(book, dict(by_month(asked)), have)

    async def _days_in_store(self, account_id: int, meter_id: str, first: date, last: date) -> Set[date]:
        zone = self._authenticator.utility.zone
        return await read_and_store(self._store.readings.whole_days, account_id, meter_id, zone, first, last)

    async def _days_of_zeros(self, account_id: int, meter_id: str) -> Set[date]:
        return await read_and_store(
            self._store.readings.zero_days, account_id, meter_id, self._authenticator.utility.zone
        )

    async def _one_export(
        self, account: Account, account_id: int, meter: Meter, first: date, last: date
    ) -> _Export:
        """Fetch, read and store one export."""
        utility = self._authenticator.utility
        try:
            document = await self._authenticator.in_session(
                "export_intervals", lambda: utility.export_intervals(self._visit, account, meter, first, last)
            )
            key = f"{meter.id} {first} {last}"
            counts, doubt = await read_and_store(self._read_and_save, account_id, meter, key, document)
        except (ItemFailed, FormatError) as exc:
            self._visit.note("export.missing", meter=meter.id, first=first, last=last, reason=str(exc))
            return _Export(missing=str(exc))
        if doubt:
            self._visit.note("export.doubted", item=f"intervals {key}", reason=doubt)
        if counts.held:
            self._visit.note("export.zeros_left_out", item=f"intervals {key}", count=counts.held)
        self._visit.note("export.stored", item=f"intervals {key}")
        return _Export(doubt=doubt)

    def _read_and_save(
        self, account_id: int, meter: Meter, key: str, document: Document
    ) -> tuple[ReadingCounts, str]:
        """What was stored, and what of it is in doubt, if anything. What is lost shows in the days."""
        with span("read", what="intervals"), reader_errors():
            data = self._authenticator.utility.read_intervals(document, meter)
        foreign = sorted({series.meter_id for series in data.series} - {meter.id})
        if foreign:
            raise ItemFailed(f"the export is of meter {foreign[0]}, not {meter.id}")
        refused = [issue for issue in data.issues if issue.severity is Severity.ERROR]
        if refused:
            raise ItemFailed(f"not all of the export could be read: {refused[0]}")
        doubts = [str(issue) for issue in data.issues if issue.severity is Severity.WARNING]
        with span("store", what="intervals"):
            return self._store.readings.save(account_id, document, key, data.series), "; ".join(doubts)

    def _enter(self, book: _Book, months: Iterable[str], have: Set[date]) -> None:
        """Write these months of the meter into the ledger as they stand now."""
        for month in months:
            lacking = book.months[month] - have
            item = f"intervals {book.meter_id} {month}"
            if lacking:
                first = min(lacking)
                export = book.exports.get(first, _NOT_FETCHED)
                reason = export.missing or export.doubt or f"readings of {first} are lacking"
                book.whole.discard(month)
                self._ledger.missing(book.account_number, item, reason)
            else:
                book.whole.add(month)
                fresh = bool(book.months[month] - book.had)
                doubts = dict.fromkeys(
                    book.exports[day].doubt for day in book.months[month] & book.exports.keys()
                )
                doubt = "; ".join(filter(None, doubts))
                self._ledger.stored(book.account_number, item, downloaded=fresh, doubt=doubt)
        self._progress.count(f"intervals {book.meter_id}", len(book.whole), len(book.months))


def _meter(account: Account, meter_id: str) -> Meter:
    """The account's meter with this id; one that only the exports know is of no known commodity."""
    found = (meter for meter in account.meters if meter.id == meter_id)
    return next(found, Meter(meter_id, Commodity.OTHER))


@dataclass(frozen=True, slots=True)
class _Export:
    """An export that was asked for: why it is not in store, "" if it is, and what of it is in doubt."""

    missing: str = ""
    doubt: str = ""


_NOT_FETCHED = _Export(missing="not fetched yet")


@dataclass(slots=True)
class _Book:
    """How a meter stands, month by month.

    ``had`` are the days in store at first, ``whole`` the months of which nothing is missing by now.
    ``exports`` has, by day, what became of the export that it was asked for in.
    """

    account_number: str
    meter_id: str
    months: Mapping[str, Set[date]]
    had: Set[date]
    exports: dict[date, _Export] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)


def to_ask(wanted: Set[date], had: Set[date], restated: int, zeros: Set[date] = frozenset()) -> Set[date]:
    """The days that are missing; once there are newer ones, also those had that may have changed.

    These are the ``restated`` newest, and the newest of which there are ``zeros`` alone.
    """
    missing = wanted - had
    if not missing or not had or max(missing) < max(had):
        return missing
    newest = set(sorted(had)[-restated:]) if restated else set()
    return missing | (wanted & had & (zeros | newest))
