"""Bills as they are stored: the newest version of each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, case
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from meterfarm.records import CustomerState, ListedBill
from meterfarm.storage.data import (
    KeptBill,
    ReadBill,
    Reread,
    RereadBill,
    StoredBill,
    accounts,
    bill_saving,
    documents,
)
from meterfarm.storage.database import Repository, holding, reading
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    DocumentRow,
    ExtractionRow,
)

NEWEST = (
    select(func.max(BillVersionRow.id))
    .where(BillVersionRow.bill_id == BillRow.id)
    .correlate(BillRow)
    .scalar_subquery()
)
_IN_STORE = (
    columns(
        col(BillRow.portal_key),
        col(DocumentRow.sha256),
        col(BillVersionRow.total_amount).is_not(None),
        case((col(BillVersionRow.total_amount).is_(None), col(ExtractionRow.problems))),
    )
    .join(BillVersionRow, col(BillVersionRow.id) == NEWEST)
    .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
    .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
    .where(col(BillRow.account_id) == bindparam("account"), col(BillRow.company_id) == bindparam("company"))
)


class Bills(Repository):
    """As ``CompanyStore.bills``: of each bill the newest version counts."""

    def save(self, account_id: int, read: Sequence[ReadBill]) -> Sequence[bool]:
        """Keep bills' documents and what was read from them, all or nothing; of which anything was new.

        The same bytes again bring back a file that was lost, which is nothing new.

        Raises:
            StorageError: the company has no such account.
            LeaseLost: the run that writes is not held any more.
        """
        hashes = self._files.put_all([bill.document.content for bill in read])
        return self._save(account_id, [*zip(read, hashes, strict=True)])

    @holding
    def _save(
        self, session: Session, account_id: int, fetched: Sequence[tuple[ReadBill, str]]
    ) -> Sequence[bool]:
        account = accounts.locked(session, account_id, self._company_id)
        return bill_saving.save(session, self._files, account, fetched)

    @holding
    def save_reread(self, session: Session, account_id: int, read: Sequence[RereadBill]) -> Sequence[Reread]:
        """Keep what was read from stored documents of the account, all or nothing; what became of each."""
        return bill_saving.save_reread(session, self._company_id, account_id, read)

    @reading
    def list(self, session: Session, account_id: int) -> Mapping[str, StoredBill]:
        """The newest version of each of the account's bills by the portal's key, oldest bill first."""
        query = (
            select(BillRow, BillVersionRow, DocumentRow, ExtractionRow)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST)
            .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
            .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
            .where(BillRow.account_id == account_id, BillRow.company_id == self._company_id)
            .order_by(col(BillRow.billed_on), col(BillRow.id))
        )
        found = session.exec(query).all()
        there = self._files.those_there(document.sha256 for _, _, document, _ in found)
        return {
            row.portal_key: StoredBill(
                id=row.id,
                key=row.portal_key,
                billed_on=row.billed_on or document.fetched_at.date(),
                document_id=document.id,
                sha256=document.sha256,
                name=document.name,
                media_type=document.media_type,
                layout=extraction.layout,
                layout_version=extraction.layout_version,
                problems=tuple(extraction.problems),
                bill=documents.bill_of(version),
                has_file=document.sha256 in there,
            )
            for row, version, document, extraction in found
        }

    @reading
    def in_store(self, session: Session, account_id: int) -> Mapping[str, str | None]:
        """By the portal's key, of the bills that have their file: why it is unread, None if it is read."""
        wanted = {"account": account_id, "company": self._company_id}
        found = session.connection().execute(_IN_STORE, wanted).all()
        there = self._files.those_there(sha256 for _, sha256, *_ in found)
        return {
            key: None if is_read else "; ".join(problems)
            for key, sha256, is_read, problems in found
            if sha256 in there
        }

    @reading
    def to_reread(
        self,
        session: Session,
        utility: str,
        *,
        moved_to: tuple[str, int] | None = None,
        customer_id: int | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[KeptBill]:
        """The utility's bills of customers who were not removed, with ids greater than ``after``, by id.

        ``moved_to`` is a layout and its version: only those with a document that neither it nor a later
        version of it has read.
        """
        query = (
            select(BillRow, AccountRow, BillVersionRow.id, DocumentRow)
            .join(AccountRow, col(AccountRow.id) == BillRow.account_id)
            .join(CustomerRow, col(CustomerRow.id) == AccountRow.customer_id)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST)
            .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
            .where(BillRow.utility == utility, CustomerRow.state != CustomerState.REMOVED.value)
            .where(BillRow.id > after, BillRow.company_id == self._company_id)
            .order_by(col(BillRow.id))
            .limit(limit)
        )
        if customer_id is not None:
            query = query.where(CustomerRow.id == customer_id)
        if moved_to is not None:
            layout, version = moved_to
            tried = select(ExtractionRow.id).where(
                ExtractionRow.document_id == DocumentRow.id,
                ExtractionRow.layout == layout,
                ExtractionRow.layout_version >= version,
            )
            query = query.where(~tried.exists())
        return [
            KeptBill(
                id=bill.id,
                customer_id=account.customer_id,
                account_id=account.id,
                account_number=account.number,
                listed=ListedBill(
                    bill.portal_key,
                    "",
                    bill.billed_on or document.fetched_at.date(),
                    bill.listed_amount,
                ),
                version_id=version_id,
                document_id=document.id,
                sha256=document.sha256,
                media_type=document.media_type,
                name=document.name,
            )
            for bill, account, version_id, document in session.exec(query)
        ]
