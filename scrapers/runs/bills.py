"""Bills: listed, fetched side by side, checked to be what they claim, read and stored."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.bills.stored_reading import failed
from meterfarm.formats.errors import Encrypted, FormatError
from meterfarm.records import Account, Bill, BillReading, BillStatus, Document, ListedBill
from meterfarm.scrapers.bill_reader import (
    ONLY_PICTURES,
    by_layout,
    generically,
    not_supported,
    only_bill,
    read_by,
    recognised,
)
from meterfarm.scrapers.outcomes import ItemFailed, Stop
from meterfarm.scrapers.runs.authenticator import Authenticator
from meterfarm.scrapers.runs.ledger import Ledger
from meterfarm.scrapers.runs.progress import Progress
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.scrapers.utility import Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.data import ReadBill
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import NAME, one_line
from meterfarm.support.tasks import gather
from meterfarm.support.tracing import span

_AT_ONCE = 16
"""The most bills written in one transaction, for which other writers wait."""

OTHER_ACCOUNT = "the PDF is another account's bill"
_MOST_NAMED = 4
_FIGURE = re.compile(r"\d[\d,' ]*[.,]\d+")
"""The name of a check may be a line of the bill."""


@dataclass(slots=True)
class _Fetched:
    """A bill on its way through the reader; ``fault`` is why it is not in store, ``unread`` why not read.

    ``doubt``: how many of its checks failed.
    """

    listed: ListedBill
    document: Document
    done: bool = False
    unread: str | None = None
    doubt: str = ""
    fault: Exception | None = None


class BillCollector:
    """Collects the bills of an account that are not in store yet."""

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
        self._numbers: Collection[str] = ()
        self._fetched: deque[_Fetched] = deque()
        self._kept: list[_Fetched] = []
        self._done = 0
        self._total = 0

    async def collect(self, account: Account, account_id: int, since: date | None) -> None:
        """List, then fetch what is missing. Raises ``Stop`` when the list itself cannot be had."""
        utility = self._authenticator.utility
        with self._ledger.listing(account.number, "bills"):
            found = await self._authenticator.in_session("bills", lambda: utility.bills(self._visit, account))
        listed = [replace(bill, key=one_line(bill.key, NAME)) for bill in found]
        self._ledger.portal_has_data |= bool(listed)
        wanted = [bill for bill in listed if since is None or bill.billed_on >= since]
        in_store = await read_and_store(self._store.bills.in_store, account_id)
        if in_store:
            self._visit.http.has_handed_over()
        missing = []
        for bill in wanted:
            if bill.key in in_store:
                self._enter(account, bill, in_store[bill.key], downloaded=False)
            else:
                self._ledger.missing(account.number, item_name(bill), "not fetched yet")
                missing.append(bill)
        if missing:
            self._numbers = await read_and_store(self._store.accounts.numbers, account_id)
        self._done = len(wanted) - len(missing)
        self._total = len(wanted)
        if wanted:
            self._progress.count("bills", self._done, self._total)
        try:
            await gather(self._one(account, account_id, bill) for bill in missing)
        finally:
            for one in self._kept:
                self._enter(account, one.listed, one.unread, downloaded=True, doubt=one.doubt)

    def _enter(
        self, account: Account, bill: ListedBill, unread: str | None, *, downloaded: bool, doubt: str = ""
    ) -> None:
        if unread is None:
            self._ledger.stored(account.number, item_name(bill), downloaded=downloaded, doubt=doubt)
        else:
            self._ledger.unread(account.number, item_name(bill), unread, downloaded=downloaded)

    async def _one(self, account: Account, account_id: int, bill: ListedBill) -> None:
        utility = self._authenticator.utility
        try:
            document = await self._authenticator.in_session(
                "bill_pdf", lambda: utility.bill_pdf(self._visit, account, bill)
            )
            fetched = _Fetched(bill, document)
            unread = await self._in_store(account_id, fetched)
        except (ItemFailed, FormatError) as exc:
            self._visit.note("bill.missing", item=item_name(bill), reason=str(exc))
            self._ledger.missing(account.number, item_name(bill), str(exc))
            return
        except Stop as stop:
            self._ledger.missing(account.number, item_name(bill), str(stop))
            raise
        if unread is None:
            self._visit.note(
                "bill.stored", item=item_name(bill), **({"doubt": fetched.doubt} if fetched.doubt else {})
            )
        else:
            self._visit.note("bill.unread", item=item_name(bill), reason=unread)
        self._enter(account, bill, unread, downloaded=True, doubt=fetched.doubt)
        self._done += 1
        self._progress.count("bills", self._done, self._total)

    async def _in_store(self, account_id: int, fetched: _Fetched) -> str | None:
        """Have it read and stored, by the reader's next turn or by an earlier one that took it along.

        Returns why it is unread, None if it is read.

        A turn takes bills in the order they came, so none is later than if each had its own.
        """
        self._fetched.append(fetched)
        while not fetched.done:
            await read_and_store(self._read_and_save, account_id)
        if fetched.fault is not None:
            raise fetched.fault
        return fetched.unread

    def _read_and_save(self, account_id: int) -> None:
        """Read and store what was fetched while the reader was busy; in its thread."""
        utility = self._authenticator.utility
        turn = [self._fetched.popleft() for _ in range(min(_AT_ONCE, len(self._fetched)))]
        read = []
        for one in turn:
            try:
                with span("read", what="bill"):
                    read.append(read_document(utility, self._numbers, one.listed, one.document))
                one.unread = read[-1].why_unread
                one.doubt = doubt_of(read[-1])
            except Exception as exc:  # noqa: BLE001 - raised by the task that waits for this bill
                one.fault = exc
        try:
            if read:
                with span("store", what="bills", count=len(read)):
                    self._store.bills.save(account_id, read)
        except Exception as exc:  # noqa: BLE001 - as above
            for one in turn:
                one.fault = exc
        self._kept += [one for one in turn if one.fault is None]
        for one in turn:
            one.done = True


def read_document(
    utility: Utility, account_numbers: Collection[str], listed: ListedBill, document: Document
) -> ReadBill:
    """What the utility's layout reads from a bill's document; nothing, with the reason, if it cannot.

    ``account_numbers`` are all that the account has had, and the bill gets the one of them that it is. One
    that was read generically with another number is unread, as the number may be another thing.

    Raises:
        FormatError: it is no whole PDF.
        ItemFailed: by the utility's layout it is not this bill.
    """
    layout, version = read_by(utility)
    reading, problems = _reading(utility, document.content)
    bill = reading.bill if reading is not None else None
    supported = reading is None or reading.status is not BillStatus.NOT_SUPPORTED
    if bill is not None and reading is not None:
        number = known_number(bill.account_number, account_numbers)
        if number is None and utility.bill_layout:
            raise ItemFailed(OTHER_ACCOUNT)
        if number is None:
            return ReadBill(
                listed, document, None, layout, version, [OTHER_ACCOUNT], reading=_foreign(reading)
            )
        bill = replace(bill, account_number=number)
        reading = replace(reading, bill=bill)
        problems = [*disagreements(listed, bill), *failed(reading)]
    return ReadBill(listed, document, bill, layout, version, problems, supported, reading)


def known_number(number: str, known: Collection[str]) -> str | None:
    """Which of the portal's numbers a bill's is, whatever blanks and marks are in it; None if none."""
    if number in known:
        return number
    return next((each for each in known if _alphanumeric(each) == _alphanumeric(number) != ""), None)


def _alphanumeric(number: str) -> str:
    return "".join(filter(str.isalnum, number)).casefold()


def _foreign(reading: BillReading) -> BillReading:
    """Nobody's bill: what is certain of it but for the account's number."""
    fields = {name: value for name, value in reading.fields.items() if name != "account_number"}
    left_out = {**reading.left_out, "account_number": OTHER_ACCOUNT}
    return replace(reading, status=BillStatus.UNPARSED, fields=fields, bill=None, left_out=left_out)


def _reading(utility: Utility, content: bytes) -> tuple[BillReading | None, Sequence[str]]:
    """By the layout; a bill that it does not read is drift, at which nothing is guessed.

    Bills of a portal without a layout are read generically.
    """
    try:
        pages = pdf_text(content)
    except Encrypted as exc:
        return not_supported(str(exc)), [str(exc)]
    has_text = bool("".join(pages).strip())
    if not has_text and utility.bill_layout:
        return not_supported(ONLY_PICTURES), [ONLY_PICTURES]
    try:
        if utility.bill_layout:
            return by_layout(utility, pages), ()
        reading, why = only_bill(generically(content) if has_text else recognised(content))
    except FormatError as exc:
        return None, [str(exc)]
    return reading, [why] if why else []


def doubt_of(read: ReadBill) -> str:
    """How many checks of a bill failed, and their names; "" if none did. A locked bill's figures stay out."""
    if read.bill is None or not read.problems:
        return ""
    checks = read.reading.checks if read.reading is not None else ()
    failures = [_FIGURE.sub("…", one_line(one.name, NAME)) for one in checks if not one.passed]
    if disagreements(read.listed, read.bill):
        failures.append("the portal's list")
    names = list(dict.fromkeys(failures))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    count = f"{len(failures)} check{'s' * (len(failures) != 1)} failed"
    return f"{count}: {', '.join(names[:_MOST_NAMED])}{more}"


def item_name(bill: ListedBill) -> str:
    """The bill's name in the ledger: ``bill`` and its date."""
    return f"bill of {bill.billed_on} ({bill.key})"


def disagreements(listed: ListedBill, bill: Bill) -> Sequence[str]:
    """Where the PDF contradicts the list it came from."""
    problems = []
    if bill.billed_on != listed.billed_on:
        problems.append(f"dated {bill.billed_on}, listed as {listed.billed_on}")
    if listed.total_amount is not None and bill.total_amount != listed.total_amount:
        problems.append(f"total {bill.total_amount} cents, listed as {listed.total_amount}")
    return problems
