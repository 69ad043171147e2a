"""Interval data: which days a meter's store lacks, exported in as few files as the portal allows."""

from __future__ import annotations

from collections.abc import Set
from datetime import date

from formats.errors import FormatError
from records import Account, Document
from scrapers.connect import Door
from scrapers.ledger import Ledger
from scrapers.outcomes import ItemFailed
from scrapers.progress import Progress
from scrapers.reader import read_and_store
from scrapers.side_by_side import side_by_side
from scrapers.spans import by_month, days, spans
from scrapers.utility import AvailableIntervals
from scrapers.visit import Visit
from storage.store import Store


class IntervalCollector:
    """Collects the days of interval data that are not in store yet."""

    def __init__(self, visit: Visit, door: Door, store: Store, ledger: Ledger, progress: Progress) -> None:
        self._visit = visit
        self._door = door
        self._store = store
        self._ledger = ledger
        self._progress = progress

    async def collect(self, account: Account, account_id: int, since: date | None) -> None:
        """Ask what there is, then fetch what is missing. Raises ``Stop`` when that page cannot be had."""
        utility = self._door.utility
        with self._ledger.listing(account.number, "intervals"):
            available = await self._door.inside(lambda: utility.available_intervals(self._visit, account))
        self._ledger.portal_has_data |= bool(available)
        await side_by_side(self._one_meter(account, account_id, meter, since) for meter in available)

    async def _one_meter(
        self, account: Account, account_id: int, meter: AvailableIntervals, since: date | None
    ) -> None:
        first = max(meter.first, since) if since else meter.first
        wanted = frozenset(days(first, meter.last))
        had = await self._days_in_store(account_id, meter.meter_id)
        reasons: dict[date, str] = {}
        self._enter(account, meter.meter_id, wanted, had, had, reasons)
        asked_for = to_ask(wanted, had, self._door.utility.restated_days)
        for start, end in spans(asked_for, self._door.utility.longest_export_days):
            reason = await self._one_export(account, account_id, meter.meter_id, start, end)
            reasons.update(dict.fromkeys(days(start, end), reason))
            have = await self._days_in_store(account_id, meter.meter_id)
            self._enter(account, meter.meter_id, wanted, had, have, reasons)

    async def _days_in_store(self, account_id: int, meter_id: str) -> Set[date]:
        zone = self._door.utility.zone
        return await read_and_store(self._store.whole_days, account_id, meter_id, zone)

    async def _one_export(
        self, account: Account, account_id: int, meter_id: str, first: date, last: date
    ) -> str:
        """Fetch, read and store one export; "" or why its days are missing."""
        utility = self._door.utility
        try:
            document = await self._door.inside(
                lambda: utility.export_intervals(self._visit, account, meter_id, first, last)
            )
            key = f"{meter_id} {first} {last}"
            await read_and_store(self._read_and_save, account_id, meter_id, key, document)
        except (ItemFailed, FormatError) as exc:
            self._visit.note("export missing", meter=meter_id, first=first, last=last, reason=str(exc))
            return str(exc)
        self._visit.note("stored", item=f"intervals {key}")
        return ""

    def _read_and_save(self, account_id: int, meter_id: str, key: str, document: Document) -> None:
        data = self._door.utility.read_intervals(document)
        foreign = sorted({series.meter_id for series in data.series} - {meter_id})
        if foreign:
            raise ItemFailed(f"the export is of meter {foreign[0]}, not {meter_id}")
        if data.problems:
            raise ItemFailed(f"not all of the export could be read: {data.problems[0]}")
        self._store.save_readings(account_id, document, key, data.series)

    def _enter(
        self,
        account: Account,
        meter_id: str,
        wanted: Set[date],
        had: Set[date],
        have: Set[date],
        reasons: dict[date, str],
    ) -> None:
        """Write each month of the meter into the ledger as it stands now."""
        done = 0
        months = list(by_month(wanted))
        for month, month_days in months:
            lacking = sorted(month_days - have)
            item = f"intervals {meter_id} {month}"
            if lacking:
                reason = reasons.get(lacking[0], "not fetched yet") or f"readings of {lacking[0]} are lacking"
                self._ledger.missing(account.number, item, reason)
            else:
                done += 1
                self._ledger.stored(account.number, item, downloaded=bool(month_days - had))
        self._progress.count(f"intervals {meter_id}", done, len(months))


def to_ask(wanted: Set[date], had: Set[date], restated: int) -> Set[date]:
    """The days that are missing; once there are newer ones, also the ``restated`` newest that were had."""
    missing = wanted - had
    if not restated or not missing or not had or max(missing) < max(had):
        return missing
    return missing | (wanted & set(sorted(had)[-restated:]))
