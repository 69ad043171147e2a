"""The store's data: accounts, bills, readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date
from zoneinfo import ZoneInfo

from meterfarm.records import (
    Account,
    Bill,
    Document,
    ListedBill,
    Series,
)
from meterfarm.storage import (
    accounts,
    bill_saving,
    bills,
    covered,
    days,
    documents,
    readings,
    stored_series,
)
from meterfarm.storage.results import (
    Coverage,
    Customer,
    KeptBill,
    ReadBill,
    ReadingCounts,
    Reread,
    RereadBill,
    SeriesCoverage,
    StoredAccount,
    StoredBill,
    StoredExport,
)
from meterfarm.storage.transactions import Transactions

_SWEEP_AFTER = 3600.0


class DataStore(Transactions):
    """A part of ``Store``."""

    def save_account(self, customer: Customer, account: Account) -> int:
        """Insert or update the account and its meters; returns the account's id."""
        with self._database.reading() as session:
            known = accounts.unchanged(session, customer, account)
        if known is not None:
            return known
        with self._writing() as session:
            return accounts.save(session, customer, account)

    def accounts(self, customer: Customer) -> Sequence[StoredAccount]:
        """By number."""
        with self._database.reading() as session:
            return accounts.stored(session, customer)

    def stored_bills(self, account_id: int) -> Mapping[str, StoredBill]:
        """By the portal's key, oldest first."""
        with self._database.reading() as session:
            return bills.stored(session, self.files, account_id)

    def save_bill(
        self,
        account_id: int,
        listed: ListedBill,
        document: Document,
        bill: Bill | None,
        *,
        layout: str,
        layout_version: int,
        problems: Sequence[str] = (),
    ) -> bool:
        """As ``save_bills`` for one bill; whether anything was new."""
        read = ReadBill(listed, document, bill, layout, layout_version, problems)
        return self.save_bills(account_id, [read])[0]

    def save_bills(self, account_id: int, read: Sequence[ReadBill]) -> Sequence[bool]:
        """Keep bills' documents and what was read from them, all or nothing; of which anything was new.

        The same bytes again bring back a file that was lost, which is nothing new.
        """
        hashes = self.files.put_all([one.document.content for one in read])
        with self._writing() as session:
            return bill_saving.save(session, self.files, account_id, list(zip(read, hashes, strict=True)))

    def bills_in_store(self, account_id: int) -> Mapping[str, str | None]:
        """By the portal's key, of bills whose file is there: why it is unread, None if it is read."""
        with self._database.reading() as session:
            return bills.in_store(session, self.files, account_id)

    def bills_to_reread(
        self,
        utility: str,
        *,
        moved_to: tuple[str, int] | None = None,
        customer_id: int | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[KeptBill]:
        """The utility's bills with ids greater than ``after``, by id.

        ``moved_to`` is a layout and its version: only what neither it nor a later version of it has read.
        """
        with self._database.reading() as session:
            return bills.to_reread(session, utility, moved_to, customer_id, after, limit)

    def save_reread(self, account_id: int, read: Sequence[RereadBill]) -> Sequence[Reread]:
        """Keep what was read from stored documents of the account, all or nothing; what became of each."""
        with self._writing() as session:
            return bill_saving.save_reread(session, account_id, read)

    def exports(self, account_id: int) -> Sequence[StoredExport]:
        """The interval exports as received, oldest first."""
        with self._database.reading() as session:
            return documents.exports(session, account_id)

    def coverage(self, account_id: int) -> Mapping[str, Coverage]:
        """By meter id, for meters that have readings."""
        with self._database.reading() as session:
            return stored_series.coverage(session, account_id)

    def interval_coverage(self, account_id: int) -> Sequence[SeriesCoverage]:
        """The times that each kind of reading of the account's meters covers, and their gaps."""
        with self._database.reading() as session:
            return covered.by_series(session, account_id)

    def whole_days(
        self,
        account_id: int,
        meter_id: str,
        zone: ZoneInfo,
        first: date | None = None,
        last: date | None = None,
    ) -> Set[date]:
        """The days of ``zone`` that the meter's readings cover from midnight to midnight, in each direction.

        ``first`` and ``last`` are the days to look at, both included: it is quicker for fewer.
        """
        with self._database.reading() as session:
            return days.whole(session, account_id, meter_id, zone, first, last)

    def zero_days(self, account_id: int, meter_id: str, zone: ZoneInfo) -> Set[date]:
        """The newest days of which the meter has zeros alone: there may be values by now."""
        with self._database.reading() as session:
            return days.of_zeros(session, account_id, meter_id, zone)

    def save_readings(
        self, account_id: int, document: Document, portal_key: str, series: Sequence[Series]
    ) -> ReadingCounts:
        """Keep an export and its readings, all or nothing, each series at the finest exponent it came in.

        What is restated replaces what was there, which is kept as a revision; a zero replaces no value.
        Raises FormatError, and stores nothing, if a series changed its unit or has values beyond 64 bits.
        """
        sha256 = self.files.put(document.content)
        with self._writing() as session:
            account = accounts.locked(session, account_id)
            kind = documents.Kind.INTERVALS
            fetched = (portal_key, document, sha256)
            (kept,) = documents.keep_all(session, self.files, account, kind, [fetched])
            return readings.save(session, account, kept, series)

    def series(self, account_id: int, meter_id: str) -> Sequence[Series]:
        """The meter's readings, a series for each measure and direction, at the finest length there is."""
        with self._database.reading() as session:
            return stored_series.stored(session, account_id, meter_id)

    def fingerprints(self, account_id: int) -> Mapping[str, str]:
        """By meter id, a text that changes whenever the meter's readings do."""
        with self._database.reading() as session:
            return stored_series.fingerprints(session, account_id)

    def sweep(self, older_than: float = _SWEEP_AFTER) -> int:
        """Delete unreferenced files, and leftovers untouched for ``older_than`` seconds; returns how many."""
        return documents.sweep(self._database, self.files, older_than)
