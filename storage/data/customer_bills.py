"""Bills as a company asks for them: by number or its own id, newest first, and whether they are unlocked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from meterfarm.records import Bill, BillSource, BillStatus, EventKind
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.data import FoundBill, KeptFile, StoredUpload, UploadedBill, documents, uploads
from meterfarm.storage.data.bill_identities import note_unlocked
from meterfarm.storage.data.bills import NEWEST
from meterfarm.storage.database import Repository, now, reading, writing
from meterfarm.storage.runs import events
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    DocumentRow,
    ExtractionRow,
)

_DATE = func.coalesce(col(BillVersionRow.billed_on), col(BillRow.billed_on))
_ACCOUNT = func.coalesce(col(BillVersionRow.account_number), col(AccountRow.number))
_FOUND: Select[*tuple[Any, ...]] = (
    select(
        col(BillRow.id),
        col(BillRow.external_id),
        col(BillRow.customer_id),
        col(BillRow.utility),
        col(BillRow.source),
        col(BillRow.unlocked_at),
        col(BillVersionRow.id).label("version_id"),
        col(BillVersionRow.total_amount).is_not(None).label("is_read"),
        col(ExtractionRow.supported),
        _DATE.label("billed_on"),
        _ACCOUNT.label("account_number"),
        col(CustomerRow.external_id).label("customer_external_id"),
    )
    .join(BillVersionRow, col(BillVersionRow.id) == NEWEST)
    .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
    .outerjoin(AccountRow, col(AccountRow.id) == BillRow.account_id)
    .outerjoin(CustomerRow, col(CustomerRow.id) == BillRow.customer_id)
)


class CustomerBills(Repository):
    """As ``CompanyStore.customer_bills``."""

    @reading
    def list(
        self,
        session: Session,
        customer: Customer,
        *,
        account_number: str | None = None,
        start: date | None = None,
        end: date | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Sequence[FoundBill]:
        """The customer's, newest first; ``start`` and ``end``, both included, are days of issue.

        Those without a day of issue come last.
        """
        wanted: list[Any] = [col(BillRow.customer_id) == customer.id]
        if account_number is not None:
            wanted.append(account_number == _ACCOUNT)
        if start is not None:
            wanted.append(start <= _DATE)
        if end is not None:
            wanted.append(end >= _DATE)
        query = _FOUND.where(col(BillRow.company_id) == self._company_id, *wanted)
        query = query.order_by(_DATE.desc().nulls_last(), col(BillRow.id).desc())
        if limit is not None:
            query = query.limit(limit)
        return [_found(row) for row in session.execute(query.offset(offset) if offset else query)]

    @reading
    def account_numbers(self, session: Session, customer: Customer) -> Sequence[str]:
        """The accounts of which the customer has bills, by number."""
        query = (
            select(_ACCOUNT)
            .select_from(BillRow)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST)
            .outerjoin(AccountRow, col(AccountRow.id) == BillRow.account_id)
            .where(col(BillRow.customer_id) == customer.id, _ACCOUNT.is_not(None))
        )
        return sorted(set(session.scalars(query)))

    @reading
    def by_id(self, session: Session, bill_id: int) -> FoundBill | None:
        """The company's bill with this id."""
        return self._one(session, col(BillRow.id) == bill_id) if 0 < bill_id < 2**31 else None

    @reading
    def by_external_id(self, session: Session, external_id: str) -> FoundBill | None:
        """The company's bill with this id of its own."""
        return self._one(session, col(BillRow.external_id) == external_id)

    @reading
    def unassigned(self, session: Session, after: int = 0, limit: int = 100) -> Sequence[StoredUpload]:
        """Uploaded bills that nothing has read, with ids greater than ``after``, by id."""
        return uploads.unassigned(session, self._company_id, after, limit)

    @reading
    def contents(self, session: Session, version_ids: Sequence[int]) -> Mapping[int, Bill]:
        """What these versions of bills say, by their ids; of those that are read."""
        query = select_rows(BillVersionRow).where(
            col(BillVersionRow.id).in_(version_ids), BillVersionRow.company_id == self._company_id
        )
        read = {row.id: documents.bill_of(row) for row in session.exec(query)}
        return {version_id: bill for version_id, bill in read.items() if bill is not None}

    @reading
    def file(self, session: Session, bill_id: int) -> KeptFile | None:
        """The newest document of the company's bill with this id."""
        query = (
            select(col(DocumentRow.sha256), col(DocumentRow.media_type), col(BillRow.billed_on))
            .select_from(BillRow)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST)
            .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
            .where(col(BillRow.id) == bill_id, col(BillRow.company_id) == self._company_id)
        )
        row = session.execute(query).first()
        return KeptFile(row.sha256, row.media_type, row.billed_on) if row is not None else None

    @writing
    def give_external_id(self, session: Session, bill_id: int, external_id: str | None) -> None:
        """Give a bill this id of the company's own; None takes it away.

        Raises:
            AlreadyThere: another bill has it.
            StorageError: the company has no such bill.
        """
        uploads.give_external_id(session, self._company_id, self._locked(session, bill_id), external_id)

    @writing
    def unlock(self, session: Session, bill_id: int, by: str) -> bool:
        """Unlock a bill for good; False if it was unlocked before. ``by`` is who wants it.

        Raises:
            StorageError: the company has no such bill.
        """
        row = self._locked(session, bill_id)
        if row.unlocked_at is not None:
            return False
        row.unlocked_at = now(session)
        session.add(row)
        session.flush()
        newest = select_rows(BillVersionRow).where(BillVersionRow.bill_id == row.id)
        version = session.exec(newest.order_by(col(BillVersionRow.id).desc()).limit(1)).one()
        bill = documents.bill_of(version)
        note_unlocked(session, {row.id: [meter.id for meter in bill.meters] if bill else []}, by)
        if bill is not None and row.customer_id is not None:
            identity.revised(session, row.customer_id)
            about = {"id": row.id, "account_number": bill.account_number, "unlocked": True}
            about |= {"billed_on": bill.billed_on.isoformat(), "total_amount": bill.total_amount}
            events.publish(session, row.customer_id, EventKind.UPDATED_BILL, f"unlocked {row.id}", about)
        return True

    def upload(self, upload: UploadedBill) -> int:
        """Keep a bill that was uploaded, with what was read from it; the id of the bill that it is.

        It is the customer's that is named, else the one's who has its account, else a new customer's; one
        that is not read and names nobody is the company's.

        Raises:
            AlreadyThere: another bill has the external id.
            CustomerGone: the customer was removed.
        """
        (sha256,) = self._files.put_all([upload.document.content])
        return self._upload(upload, sha256)

    @writing
    def _upload(self, session: Session, upload: UploadedBill, sha256: str) -> int:
        return uploads.keep(session, self._vault, self._files, self._company_id, upload, sha256)

    @writing
    def assign(self, session: Session, bill_id: int, upload: UploadedBill, sha256: str) -> int | None:
        """Keep what is read by now from an unassigned bill; the id of the bill that it is, None if unread."""
        return uploads.assign(session, self._vault, self._files, self._company_id, bill_id, upload, sha256)

    def _one(self, session: Session, wanted: ColumnElement[bool]) -> FoundBill | None:
        row = session.execute(_FOUND.where(col(BillRow.company_id) == self._company_id, wanted)).first()
        return _found(row) if row is not None else None

    def _locked(self, session: Session, bill_id: int) -> BillRow:
        query = select_rows(BillRow).where(BillRow.id == bill_id, BillRow.company_id == self._company_id)
        row = session.exec(query.with_for_update()).first()
        if row is None:
            raise StorageError(f"There is no bill with the id {bill_id}.")
        return row


def _found(row: Any) -> FoundBill:
    if row.is_read:
        status = BillStatus.LOCKED if row.unlocked_at is None else BillStatus.UNLOCKED
    else:
        status = BillStatus.UNPARSED if row.supported else BillStatus.NOT_SUPPORTED
    return FoundBill(
        id=row.id,
        version_id=row.version_id,
        external_id=row.external_id,
        customer_id=row.customer_id,
        customer_external_id=row.customer_external_id,
        utility=row.utility,
        account_number=row.account_number,
        billed_on=row.billed_on,
        source=BillSource(row.source),
        status=status,
        unlocked_at=row.unlocked_at,
    )
