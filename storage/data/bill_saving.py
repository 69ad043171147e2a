"""Bills have one identity each, and a version for every document or reading of it that differed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import insert
from sqlmodel import Session, col, select

from meterfarm.formats.bills.generic import GENERIC
from meterfarm.formats.bills.stored_reading import reading_to_json
from meterfarm.records import Bill, BillReading, BillSource, EventKind, ListedBill
from meterfarm.storage import StorageError
from meterfarm.storage.customers import identity
from meterfarm.storage.data import ReadBill, Reread, RereadBill, accounts, documents
from meterfarm.storage.data.bill_identities import identities, note_unlocked
from meterfarm.storage.files import AnyFiles
from meterfarm.storage.runs import events
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    ExtractionRow,
    metadata,
)

_LEFT = (Reread.OVERTAKEN, Reread.CONTRADICTED)
"""What was read again is not kept."""
_EXTRACTION, _VERSION = (metadata.tables[name] for name in ("extraction", "bill_version"))


def save(
    session: Session,
    files: AnyFiles,
    account: AccountRow,
    fetched: Sequence[tuple[ReadBill, str]],
    source: BillSource = BillSource.UTILITY,
    utility: str = "",
) -> list[bool]:
    """Keep documents, each with its hash, and what was read from them; of which there was anything new.

    The same bytes read by the same version of the same layout are nothing new, whatever the bill says, unless
    they were unread: a layout that reads differently counts its version up. ``utility`` is the one that
    issued them, "" for the customer's.
    """
    is_new: list[bool] = []
    for group in _without_repeats(fetched):
        is_new += _save_group(session, files, account, group, source, utility)
    return is_new


def _without_repeats(fetched: Sequence[tuple[ReadBill, str]]) -> Iterator[list[tuple[ReadBill, str]]]:
    """Successive groups in which no bill comes twice."""
    group: dict[str, tuple[ReadBill, str]] = {}
    for read, sha256 in fetched:
        if read.listed.key in group:
            yield list(group.values())
            group = {}
        group[read.listed.key] = (read, sha256)
    yield list(group.values())


def _save_group(
    session: Session,
    files: AnyFiles,
    account: AccountRow,
    fetched: Sequence[tuple[ReadBill, str]],
    source: BillSource,
    utility: str,
) -> list[bool]:
    if not fetched:
        return []
    read_keys = {read.listed.key for read, _ in fetched if read.bill is not None}
    ids = identities(session, account, [read.listed for read, _ in fetched], source, utility, read_keys)
    documents_of = documents.keep_all(
        session,
        files,
        account,
        documents.DocumentKind.BILL,
        [(read.listed.key, read.document, sha256) for read, sha256 in fetched],
    )
    read_of = list(zip(documents_of, (read for read, _ in fetched), strict=True))
    ids_of_readings = extractions(session, account.company_id, read_of)
    before = _versions(session, ids.values())
    new, is_new = [], []
    for (read, _), document_id, extraction_id in zip(fetched, documents_of, ids_of_readings, strict=True):
        bill_id = ids[read.listed.key]
        last = before[bill_id][-1] if bill_id in before else None
        is_new.append(last is None or last.extraction_id != extraction_id or _is_read_now(last, read))
        if is_new[-1]:
            new.append(_New(bill_id, document_id, extraction_id, read))
    _add_versions(session, account, new, before)
    return is_new


def save_reread(
    session: Session, company_id: int, account_id: int, read: Sequence[RereadBill]
) -> list[Reread]:
    """Keep what was read again from documents of an account, with its events; what became of each.

    What a version of a layout has read is never replaced by what the same version reads differently, nor by
    nothing; what a layout has read, never by a generic reading. A bill of which a run has stored something
    newer meanwhile, or that is gone, is left alone.
    """
    try:
        account = accounts.locked(session, account_id, company_id)
    except StorageError:
        return [Reread.OVERTAKEN] * len(read)
    before = _versions(session, [reading.kept.id for reading in read])
    found, noted = [], []
    for reading in read:
        versions = before.get(reading.kept.id)
        last = versions[-1] if versions and versions[-1].id == reading.kept.version_id else None
        if reading.layout == GENERIC and last is not None and is_by_layout(session, last):
            reading = replace(reading, bill=None)
        found.append(_compared(session, last, reading))
        if found[-1] is not Reread.OVERTAKEN:
            noted.append((reading.kept.document_id, reading))
    ids_of_readings = extractions(session, account.company_id, noted)
    left = {reading.kept.id for reading, became in zip(read, found, strict=True) if became in _LEFT}
    kept = [
        (reading, document_id, extraction_id)
        for (document_id, reading), extraction_id in zip(noted, ids_of_readings, strict=True)
        if reading.kept.id not in left
    ]
    new = [
        _New(reading.kept.id, document_id, extraction_id, reading)
        for reading, document_id, extraction_id in kept
        if (last := before[reading.kept.id][-1]).extraction_id != extraction_id or _is_read_now(last, reading)
    ]
    _add_versions(session, account, [added for added in new if not _loses(before, added)], before)
    for reading, _, _ in kept:
        if reading.utility and reading.bill is not None:
            _is_of(session, account, reading.kept.id, reading.utility)
    return found


def _is_of(session: Session, account: AccountRow, bill_id: int, utility: str) -> None:
    """A bill of no known utility is this one's, and so is a customer who has none."""
    bill, customer = session.get_one(BillRow, bill_id), session.get_one(CustomerRow, account.customer_id)
    bill.utility, customer.utility = bill.utility or utility, customer.utility or utility
    session.flush()


def _compared(session: Session, last: BillVersionRow | None, reading: RereadBill) -> Reread:
    """What ``one`` is beside the bill's newest version, None if there is a newer one than was read again."""
    if last is None:
        return Reread.OVERTAKEN
    if last.content is None:
        return Reread.UNREAD if reading.bill is None else Reread.NEWLY_READ
    if documents.is_same_bill(last, reading.bill, reading.reading):
        return Reread.UNCHANGED
    by = session.get_one(ExtractionRow, last.extraction_id)
    if (by.layout, by.layout_version) == (reading.layout, reading.layout_version):
        return Reread.CONTRADICTED
    return Reread.NO_LONGER_READ if reading.bill is None else Reread.UPDATED


def is_by_layout(session: Session, version: BillVersionRow) -> bool:
    """Whether a layout has read it, not the generic reader."""
    if version.content is None:
        return False
    return session.get_one(ExtractionRow, version.extraction_id).layout != GENERIC


def _loses(before: Mapping[int, Sequence[BillVersionRow]], new: _New) -> bool:
    return new.read.bill is None and before[new.bill_id][-1].content is not None


def _is_read_now(last: BillVersionRow, read: _ReadVersion) -> bool:
    return last.content is None and read.bill is not None


class _Tried(Protocol):
    """A version of a layout that was tried at a bill's document, and what it met; and others before it."""

    @property
    def layout(self) -> str: ...
    @property
    def layout_version(self) -> int: ...
    @property
    def problems(self) -> Sequence[str]: ...
    @property
    def supported(self) -> bool: ...
    @property
    def tried(self) -> Collection[tuple[str, int]]: ...


class _ReadVersion(_Tried, Protocol):
    """What a version of a layout read from a bill's document."""

    @property
    def listed(self) -> ListedBill: ...
    @property
    def bill(self) -> Bill | None: ...
    @property
    def reading(self) -> BillReading | None: ...


class _New(NamedTuple):
    """A version to be."""

    bill_id: int
    document_id: int
    extraction_id: int
    read: _ReadVersion


def _add_versions(
    session: Session,
    account: AccountRow,
    new: Sequence[_New],
    before: Mapping[int, Sequence[BillVersionRow]],
) -> None:
    """Insert versions, one a bill, with their events."""
    shared = {"company_id": account.company_id, "at": datetime.now(UTC)}
    rows = [
        {
            **shared,
            "bill_id": added.bill_id,
            "document_id": added.document_id,
            "extraction_id": added.extraction_id,
            **documents.bill_columns(added.read.bill),
            "reading": reading_to_json(reading) if (reading := added.read.reading) is not None else None,
        }
        for added in new
    ]
    if not new:
        return
    version_ids = _insert_versions(session, rows)
    note_unlocked(session, {added.bill_id: added.read.bill.meters for added in new if added.read.bill})
    identity.revised(session, account.customer_id)
    _renew_problems(session, [added for added in new if _is_by_the_same(added, before)])
    found = (_event(account, added.bill_id, added.read, version_ids, before) for added in new)
    events.publish_all(session, account.customer_id, list(filter(None, found)))


def _is_by_the_same(new: _New, before: Mapping[int, Sequence[BillVersionRow]]) -> bool:
    """Whether it was unread by the very version of the layout that reads it now."""
    versions = before.get(new.bill_id, ())
    return bool(versions) and versions[-1].extraction_id == new.extraction_id


def _renew_problems(session: Session, new: Sequence[_New]) -> None:
    for added in new:
        session.get_one(ExtractionRow, added.extraction_id).problems = list(added.read.problems)
    session.flush()


def _event(
    account: AccountRow,
    bill_id: int,
    read: _ReadVersion,
    version_ids: Mapping[int, int],
    before: Mapping[int, Sequence[BillVersionRow]],
) -> tuple[EventKind, str, Mapping[str, Any]] | None:
    """A bill is new once, and unread once; after that, what it says may change."""
    kind, key = EventKind.NEW_BILL, str(bill_id)
    last_read = next((row for row in reversed(before.get(bill_id, ())) if row.total_amount is not None), None)
    if read.bill is None:
        kind = EventKind.NEW_UNPARSED_BILL
    elif last_read is not None:
        kind, key = EventKind.UPDATED_BILL, str(version_ids[bill_id])
        if documents.is_same_bill(last_read, read.bill, read.reading):
            return None
    return kind, key, _about(account, bill_id, read)


def _about(account: AccountRow, bill_id: int, read: _ReadVersion) -> dict[str, Any]:
    """The facts of a bill, without its meters; of an unread one what the portal listed."""
    bill, listed = read.bill, read.listed
    about = {
        "id": bill_id,
        "account_number": bill.account_number if bill else account.number,
        "billed_on": (bill or listed).billed_on.isoformat(),
        "total_amount": (bill or listed).total_amount,
    }
    if bill is None:
        return about
    return about | {
        "outstanding_balance": bill.outstanding_balance,
        "billing_period_from": bill.billing_period_from.isoformat(),
        "billing_period_to": bill.billing_period_to.isoformat(),
    }


def extractions(session: Session, company_id: int, read: Sequence[tuple[int, _Tried]]) -> list[int]:
    """The ids of these readings of documents, by the documents' ids, in this order; notes what was tried."""
    query = select(
        ExtractionRow.document_id, ExtractionRow.layout, ExtractionRow.layout_version, ExtractionRow.id
    ).where(col(ExtractionRow.document_id).in_([document_id for document_id, _ in read]))
    ids = {
        (document, layout, version): extraction_id
        for document, layout, version, extraction_id in session.exec(query)
    }
    at = datetime.now(UTC)
    wanted = {
        (document_id, reading.layout, reading.layout_version): (list(reading.problems), reading.supported)
        for document_id, reading in read
    }
    for document_id, reading in read:
        for layout, version in reading.tried:
            wanted.setdefault((document_id, layout, version), ([], True))
    new = [
        {
            "company_id": company_id,
            "document_id": document_id,
            "layout": layout,
            "layout_version": version,
            "problems": problems,
            "supported": supported,
            "at": at,
        }
        for (document_id, layout, version), (problems, supported) in wanted.items()
        if (document_id, layout, version) not in ids
    ]
    if new:
        columns = _EXTRACTION.c
        made = insert(_EXTRACTION).returning(
            columns.document_id, columns.layout, columns.layout_version, columns.id
        )
        found = session.connection().execute(made, new)
        ids.update(((document, layout, version), row_id) for document, layout, version, row_id in found)
    return [ids[document_id, reading.layout, reading.layout_version] for document_id, reading in read]


def _versions(session: Session, bill_ids: Iterable[int]) -> dict[int, list[BillVersionRow]]:
    """All versions of the bills that have some, oldest first."""
    query = (
        select(BillVersionRow)
        .where(col(BillVersionRow.bill_id).in_(list(bill_ids)))
        .order_by(col(BillVersionRow.id))
    )
    found: dict[int, list[BillVersionRow]] = {}
    for row in session.exec(query):
        found.setdefault(row.bill_id, []).append(row)
    return found


def _insert_versions(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """The versions' ids by their bills'."""
    if not rows:
        return {}
    made = insert(_VERSION).returning(_VERSION.c.bill_id, _VERSION.c.id)
    found = session.connection().execute(made, [dict(row) for row in rows])
    return {row.bill_id: row.id for row in found}
