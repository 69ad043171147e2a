"""Stored documents read again by a layout that was changed or added. No portal is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import groupby

from meterfarm.formats.errors import FormatError
from meterfarm.records import BillSource, Document
from meterfarm.scrapers.bill_reader import GENERIC, read_by
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.runs.bills import OTHER_ACCOUNT, item_name, known_number, read_document
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.scrapers.utility import Utility
from meterfarm.services.bill_reading import uploaded_bill
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import KeptBill, Reread, RereadBill, StoredUpload
from meterfarm.storage.store import CompanyStore
from meterfarm.utilities import load_bill_layouts

_PAGE = 100
_AT_ONCE = 16
"""The most bills written in one transaction, for which other writers wait. Bytes: of one bill at a time."""
_MOST_FAILURES = 100


@dataclass(frozen=True, slots=True)
class RereadFailure:
    """A bill that is as it was before, and why: a sentence."""

    customer_id: int
    account: str
    item: str
    reason: str


@dataclass(slots=True)
class RereadResult:
    """What became of the bills. ``failures`` are the first of ``failed``.

    ``is_complete``: all were looked at in the time there was.
    """

    counts: Counter[Reread] = field(default_factory=Counter)
    failures: list[RereadFailure] = field(default_factory=list)
    failed: int = 0
    is_complete: bool = True

    @property
    def read(self) -> int:
        """How many bills were looked at."""
        return self.counts.total() + self.failed

    def fail(self, kept: KeptBill, reason: str) -> None:
        """Count a bill that could not be read again, and keep the first ones' reasons."""
        self.fail_item(kept.customer_id, kept.account_number, item_name(kept.listed), reason)

    def fail_item(self, customer_id: int, account: str, item: str, reason: str) -> None:
        """As ``fail``, of what the names say; the customer 0 is nobody."""
        self.failed += 1
        if len(self.failures) < _MOST_FAILURES:
            self.failures.append(RereadFailure(customer_id, account, item, reason))


async def reread(
    store: CompanyStore,
    utilities: Sequence[Utility],
    *,
    customer: Customer | None = None,
    only_moved: bool = False,
    seconds: float | None = None,
    page: int = _PAGE,
) -> RereadResult:
    """Read the stored bills of these utilities again, or those of a customer.

    ``only_moved`` leaves out what the present version of the layout has read already. Without it all are
    read, and one that this same version reads differently than it did is a failure. After ``seconds`` it
    ends. ``page`` bills at a time are looked up.

    Raises:
        StorageError: the database cannot be used.
    """
    result = RereadResult()
    until = None if seconds is None else time.monotonic() + seconds
    layouts = await read_and_store(_layouts, store, utilities)
    tried = frozenset((*map(read_by, layouts), *map(read_by, load_bill_layouts()), GENERIC))
    for utility in [*(each for each in utilities if each.capabilities.bills), None]:
        async for group in _groups(store, utility, tried, customer, page, only_moved=only_moved):
            if until is not None and time.monotonic() > until:
                result.is_complete = False
                return result
            found = [await _read(store, utility, layouts, tried, kept, result) for kept in group]
            await _save(store, [bill for bill in found if bill is not None], result)
    if until is None or time.monotonic() <= until:
        await _assign(store, layouts, tried, customer, page, result, only_moved=only_moved)
    return result


def _layouts(store: CompanyStore, utilities: Sequence[Utility]) -> Sequence[Utility]:
    """Those by which the company's uploads are read."""
    company = store.farm.companies.get(store.company_id)
    is_live = company is not None and company.live
    return [each for each in utilities if each.bill_layout and not (is_live and each.is_fake)]


async def _assign(
    store: CompanyStore,
    layouts: Sequence[Utility],
    now: Set[tuple[str, int]],
    customer: Customer | None,
    page: int,
    result: RereadResult,
    *,
    only_moved: bool,
) -> None:
    """Read uploads that nothing has read yet, and give those that a layout reads now to whom they belong."""
    after, found = 0, True
    while found:
        uploads = await read_and_store(store.bills.unassigned, after, page)
        found = len(uploads) == page
        for upload in uploads:
            after = upload.id
            if customer is not None and upload.customer_id != customer.id:
                continue
            if only_moved and now <= upload.tried:
                continue
            try:
                became = await read_and_store(_assign_one, store, layouts, upload)
            except Exception as exc:  # noqa: BLE001 - one document must not stop the others
                why = (
                    str(exc)
                    if isinstance(exc, StorageError)
                    else f"a fault of our own ({type(exc).__name__})"
                )
                result.fail_item(upload.customer_id or 0, "", f"upload {upload.id}", why)
            else:
                result.counts[became] += 1


def _assign_one(store: CompanyStore, layouts: Sequence[Utility], upload: StoredUpload) -> Reread:
    document = Document(store.files.read(upload.sha256), "application/pdf", upload.name)
    read = uploaded_bill(document, layouts, BillSource.API, preferred=upload.utility)
    assigned = store.bills.assign(upload.id, read, upload.sha256)
    return Reread.UNREAD if assigned is None else Reread.NEWLY_READ


async def _groups(
    store: CompanyStore,
    utility: Utility | None,
    layouts: Set[tuple[str, int]],
    customer: Customer | None,
    page: int,
    *,
    only_moved: bool,
) -> AsyncIterator[Sequence[KeptBill]]:
    """The bills in the order of their ids, a few of one account at a time; None: of no known utility."""
    moved_to = (read_by(utility) if utility else GENERIC) if only_moved else None
    after = 0
    while True:
        found = await read_and_store(
            store.bills.to_reread,
            utility.id if utility else "",
            moved_to=moved_to,
            layouts=layouts,
            customer_id=customer.id if customer else None,
            after=after,
            limit=page,
        )
        for _, of_account in groupby(found, lambda kept: kept.account_id):
            group = list(of_account)
            for start in range(0, len(group), _AT_ONCE):
                yield group[start : start + _AT_ONCE]
        if len(found) < page:
            return
        after = found[-1].id


async def _read(
    store: CompanyStore,
    utility: Utility | None,
    layouts: Sequence[Utility],
    tried: Set[tuple[str, int]],
    kept: KeptBill,
    result: RereadResult,
) -> RereadBill | None:
    """What is read now; None if that could not be found out."""
    try:
        if utility is None or kept.uploaded:
            read = await read_and_store(_read_upload, store, utility, layouts, kept)
            return replace(read, tried=tried)
        return await read_and_store(_read_kept, store, utility, kept)
    except StorageError as exc:
        result.fail(kept, str(exc))
    except Exception as exc:  # noqa: BLE001 - one document must not stop the others
        result.fail(kept, f"A fault of our own ({type(exc).__name__}) while it was read.")
    return None


def _read_kept(store: CompanyStore, utility: Utility, kept: KeptBill) -> RereadBill:
    document = Document(store.files.read(kept.sha256), kept.media_type, kept.name)
    layout, version = read_by(utility)
    numbers = store.accounts.numbers(kept.account_id)
    try:
        read = read_document(utility, numbers, kept.listed, document)
    except (FormatError, ItemFailed) as exc:
        return RereadBill(kept, None, layout, version, (str(exc),))
    return RereadBill(kept, read.bill, layout, version, read.problems, read.supported, read.reading)


def _read_upload(
    store: CompanyStore, utility: Utility | None, layouts: Sequence[Utility], kept: KeptBill
) -> RereadBill:
    """An upload that is assigned to an account: by the layout that fits now, else generically."""
    document = Document(store.files.read(kept.sha256), kept.media_type, kept.name)
    read = uploaded_bill(document, layouts, BillSource.API, preferred=utility.id if utility else "")
    by = (read.layout, read.layout_version) if read.layout else GENERIC
    bill = read.bill
    if bill is not None:
        number = known_number(bill.account_number, store.accounts.numbers(kept.account_id))
        if number is None:
            return RereadBill(kept, None, *by, (OTHER_ACCOUNT,))
        bill = replace(bill, account_number=number)
    issued_by = read.utility if by != GENERIC else ""
    return RereadBill(kept, bill, *by, read.problems, read.supported, read.reading, issued_by)


async def _save(store: CompanyStore, read: Sequence[RereadBill], result: RereadResult) -> None:
    """Keep them together, or each by itself if that fails."""
    if not read:
        return
    try:
        found = await read_and_store(store.bills.save_reread, read[0].kept.account_id, read)
    except Exception as exc:  # noqa: BLE001 - one document must not stop the others
        if len(read) > 1:
            for bill in read:
                await _save(store, [bill], result)
            return
        result.fail(read[0].kept, f"It could not be stored ({type(exc).__name__}).")
        return
    for bill, became in zip(read, found, strict=True):
        if became is Reread.CONTRADICTED:
            result.fail(
                bill.kept,
                f"Version {bill.layout_version} of the layout {bill.layout} reads it differently than it did "
                "before, which is kept: count the version up (bill_layout_version), then read again.",
            )
        elif became is Reread.NO_LONGER_READ:
            which = f"Version {bill.layout_version} of the layout {bill.layout} does not read it"
            by_any = "No layout reads it" if bill.layout == GENERIC[0] else which
            why = f" ({'; '.join(bill.problems)})" if bill.problems else ""
            result.fail(
                bill.kept,
                f"{by_any} any more{why}; what an earlier version read is kept: mend the layout.",
            )
        else:
            result.counts[became] += 1
