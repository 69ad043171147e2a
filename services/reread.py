"""Stored documents read again by a layout that was changed or added. No portal is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from meterfarm.formats.errors import FormatError
from meterfarm.records import Document
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.runs.bills import item_name, read_document
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.scrapers.utility import Utility
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import KeptBill, Reread, RereadBill
from meterfarm.storage.store import CompanyStore

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
        self.failed += 1
        if len(self.failures) < _MOST_FAILURES:
            item = item_name(kept.listed)
            self.failures.append(RereadFailure(kept.customer_id, kept.account_number, item, reason))


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
    for utility in utilities:
        if not utility.capabilities.bills:
            continue
        async for group in _groups(store, utility, customer, page, only_moved=only_moved):
            if until is not None and time.monotonic() > until:
                result.is_complete = False
                return result
            read = [bill for kept in group if (bill := await _read(store, utility, kept, result)) is not None]
            await _save(store, read, result)
    return result


async def _groups(
    store: CompanyStore, utility: Utility, customer: Customer | None, page: int, *, only_moved: bool
) -> AsyncIterator[Sequence[KeptBill]]:
    """The bills in the order of their ids, a few of one account at a time."""
    moved_to = (utility.bill_layout, utility.bill_layout_version) if only_moved else None
    after = 0
    while True:
        found = await read_and_store(
            store.bills.to_reread,
            utility.id,
            moved_to=moved_to,
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
    store: CompanyStore, utility: Utility, kept: KeptBill, result: RereadResult
) -> RereadBill | None:
    """What the layout reads now; None if that could not be found out."""
    try:
        return await read_and_store(_read_kept, store, utility, kept)
    except StorageError as exc:
        result.fail(kept, str(exc))
    except Exception as exc:  # noqa: BLE001 - one document must not stop the others
        result.fail(kept, f"A fault of our own ({type(exc).__name__}) while it was read.")
    return None


def _read_kept(store: CompanyStore, utility: Utility, kept: KeptBill) -> RereadBill:
    document = Document(store.files.read(kept.sha256), kept.media_type, kept.name)
    layout, version = utility.bill_layout, utility.bill_layout_version
    try:
        read = read_document(utility, kept.account_number, kept.listed, document)
    except (FormatError, ItemFailed) as exc:
        return RereadBill(kept, None, layout, version, (str(exc),))
    return RereadBill(kept, read.bill, layout, version, read.problems)


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
            result.fail(
                bill.kept,
                f"Version {bill.layout_version} of the layout {bill.layout} does not read it any more "
                f"({'; '.join(bill.problems)}); what an earlier version read is kept: mend the layout.",
            )
        else:
            result.counts[became] += 1
