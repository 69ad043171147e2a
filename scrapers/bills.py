"""Bills: listed, fetched side by side, checked to be what they claim, read and stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from formats.errors import FormatError
from formats.pdf import check_pdf, pdf_text
from records import Account, Bill, Document, ListedBill
from scrapers.connect import Door
from scrapers.ledger import Ledger
from scrapers.outcomes import ItemFailed
from scrapers.progress import Progress
from scrapers.reader import read_and_store
from scrapers.side_by_side import side_by_side
from scrapers.utility import Utility
from scrapers.visit import Visit
from storage.results import StoredBill
from storage.store import Store


class BillCollector:
    """Collects the bills of an account that are not in store yet."""

    def __init__(self, visit: Visit, door: Door, store: Store, ledger: Ledger, progress: Progress) -> None:
        self._visit = visit
        self._door = door
        self._store = store
        self._ledger = ledger
        self._progress = progress
        self._done = 0
        self._total = 0

    async def collect(self, account: Account, account_id: int, since: date | None) -> None:
        """List, then fetch what is missing. Raises ``Stop`` when the list itself cannot be had."""
        utility = self._door.utility
        with self._ledger.listing(account.number, "bills"):
            listed = await self._door.inside(lambda: utility.bills(self._visit, account))
        self._ledger.portal_has_data |= bool(listed)
        wanted = [bill for bill in listed if since is None or bill.billed_on >= since]
        in_store = await read_and_store(self._store.stored_bills, account_id)
        missing = []
        for bill in wanted:
            if bill.key in in_store and _is_whole(in_store[bill.key]):
                self._ledger.stored(account.number, item_name(bill), downloaded=False)
            else:
                self._ledger.missing(account.number, item_name(bill), "not fetched yet")
                missing.append(bill)
        self._done = len(wanted) - len(missing)
        self._total = len(wanted)
        if wanted:
            self._progress.count("bills", self._done, self._total)
        await side_by_side(self._one(account, account_id, bill) for bill in missing)

    async def _one(self, account: Account, account_id: int, bill: ListedBill) -> None:
        utility = self._door.utility
        try:
            document = await self._door.inside(lambda: utility.bill_pdf(self._visit, account, bill))
            await read_and_store(self._read_and_save, account, account_id, bill, document)
        except (ItemFailed, FormatError) as exc:
            self._visit.note("bill missing", bill=item_name(bill), reason=str(exc))
            self._ledger.missing(account.number, item_name(bill), str(exc))
            return
        self._visit.note("stored", item=item_name(bill))
        self._ledger.stored(account.number, item_name(bill), downloaded=True)
        self._done += 1
        self._progress.count("bills", self._done, self._total)

    def _read_and_save(
        self, account: Account, account_id: int, listed: ListedBill, document: Document
    ) -> None:
        check_pdf(document.content)
        utility = self._door.utility
        text = pdf_text(document.content)
        try:
            bill = utility.read_bill(text)
        except FormatError as exc:
            self._save(account_id, listed, document, None, [str(exc)])
            raise FormatError(f"the PDF is kept, but its layout could not be read: {exc}") from exc
        if bill.account_number != account.number:
            raise ItemFailed("the PDF is another account's bill")
        self._save(account_id, listed, document, bill, disagreements(listed, bill))

    def _save(
        self,
        account_id: int,
        listed: ListedBill,
        document: Document,
        bill: Bill | None,
        problems: Sequence[str],
    ) -> None:
        utility: Utility = self._door.utility
        self._store.save_bill(
            account_id,
            listed,
            document,
            bill,
            layout=utility.bill_layout,
            layout_version=utility.bill_layout_version,
            problems=problems,
        )


def _is_whole(stored: StoredBill) -> bool:
    return stored.bill is not None and stored.has_file


def item_name(bill: ListedBill) -> str:
    return f"bill of {bill.billed_on} ({bill.key})"


def disagreements(listed: ListedBill, bill: Bill) -> Sequence[str]:
    """Where the PDF contradicts the list it came from."""
    problems = []
    if bill.billed_on != listed.billed_on:
        problems.append(f"dated {bill.billed_on}, listed as {listed.billed_on}")
    if listed.total_amount is not None and bill.total_amount != listed.total_amount:
        problems.append(f"total {bill.total_amount} cents, listed as {listed.total_amount}")
    return problems
