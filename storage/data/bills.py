"""Bills: of an account as a run keeps them, of a company as it asks for them. The newest version counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, Select, bindparam, case, cast, func, tuple_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from meterfarm.records import Bill, BillReading, BillSource, BillStatus, CustomerState, ListedBill
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import (
    CustomerCharge,
    FoundBill,
    KeptBill,
    KeptFile,
    ReadBill,
    Reread,
    RereadBill,
    StatementLine,
    StoredBill,
    StoredUpload,
    UploadedBill,
    accounts,
    bill_identities,
    bill_saving,
    documents,
    uploads,
)
from meterfarm.storage.database import Repository, holding, reading, writing
from meterfarm.storage.tables import (
    NEWEST_VERSION,
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    DocumentRow,
    ExtractionRow,
    RemovedCustomerRow,
    UnlockRow,
)

_IN_STORE = (
    columns(
        col(BillRow.portal_key),
        col(DocumentRow.sha256),
        col(BillVersionRow.total_amount).is_not(None),
        case((col(BillVersionRow.total_amount).is_(None), col(ExtractionRow.problems))),
    )
    .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
    .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
    .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
    .where(col(BillRow.account_id) == bindparam("account"), col(BillRow.company_id) == bindparam("company"))
)
_DATE = func.coalesce(col(BillVersionRow.billed_on), col(BillRow.billed_on))
_ACCOUNT = func.coalesce(col(BillVersionRow.account_number), col(AccountRow.number))
_FOUND: Select[*tuple[Any, ...]] = (
    columns(
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
    .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
    .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
    .outerjoin(AccountRow, col(AccountRow.id) == BillRow.account_id)
    .outerjoin(CustomerRow, col(CustomerRow.id) == BillRow.customer_id)
)
_ELECTRIC, _GAS = col(UnlockRow.electric), col(UnlockRow.gas)
_SAME = [func.max(col(getattr(UnlockRow, name))).label(name) for name in ("customer_id", "price", "currency")]
_CHARGED = (
    columns(
        *(col(UnlockRow.at), col(UnlockRow.bill_id), *_SAME),
        *(func.sum(_ELECTRIC).label("electric"), func.sum(_GAS).label("gas")),
    )
    .group_by(col(UnlockRow.at), col(UnlockRow.bill_id))  # as the index has them, so a page reads no more
    .order_by(col(UnlockRow.at), col(UnlockRow.bill_id))
)
_OWN_ID = func.coalesce(CustomerRow.external_id, RemovedCustomerRow.external_id)
_PERIOD = (col(BillVersionRow.billing_period_from), col(BillVersionRow.billing_period_to))


def _unlocked_in(company_id: int, start: datetime, end: datetime) -> Sequence[ColumnElement[bool]]:
    """Of meters that are charged, by when they were unlocked."""
    at = col(UnlockRow.at)
    return [col(UnlockRow.company_id) == company_id, at >= start, at < end, _ELECTRIC + _GAS > 0]


def _count_tried(layouts: Set[tuple[str, int]]) -> ScalarSelect[int]:
    """Of how many of the layouts it is known what they read from a document."""
    of_them = tuple_(col(ExtractionRow.layout), col(ExtractionRow.layout_version)).in_(list(layouts))
    query = select(func.count()).where(ExtractionRow.document_id == DocumentRow.id, of_them)
    return query.scalar_subquery()


class Bills(Repository):
    """As ``CompanyStore.bills``."""

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
    def of_account(self, session: Session, account_id: int) -> Mapping[str, StoredBill]:
        """The newest version of each of the account's bills by the portal's key, oldest bill first."""
        query = (
            select(BillRow, BillVersionRow, DocumentRow, ExtractionRow)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
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
                reading=documents.reading_of(version),
                listed_amount=row.listed_amount,
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
        layouts: Set[tuple[str, int]] = frozenset(),
        customer_id: int | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[KeptBill]:
        """The utility's bills of customers who were not removed, with ids greater than ``after``, by id.

        ``moved_to`` is a layout and its version: only those with a document that neither it nor a later
        version of it has read. Of uploads then those that were not held against all of ``layouts`` yet.
        """
        query = (
            select(BillRow, AccountRow, BillVersionRow.id, DocumentRow)
            .join(AccountRow, col(AccountRow.id) == BillRow.account_id)
            .join(CustomerRow, col(CustomerRow.id) == AccountRow.customer_id)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
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
            is_upload = col(BillRow.portal_key).startswith(bill_identities.UPLOADED)
            query = query.where(
                case((is_upload, _count_tried(layouts) < len(layouts)), else_=~tried.exists())
            )
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
                uploaded=bill.portal_key.startswith(bill_identities.UPLOADED),
            )
            for bill, account, version_id, document in session.exec(query)
        ]

    @reading
    def list(
        self,
        session: Session,
        customer: Customer | None = None,
        *,
        account_number: str | None = None,
        start: date | None = None,
        end: date | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Sequence[FoundBill]:
        """The customer's, without one all of the company's, newest first; those without a day of issue last.

        ``start`` and ``end``, both included, are days of issue.
        """
        wanted: list[Any] = [] if customer is None else [col(BillRow.customer_id) == customer.id]
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
            columns(_ACCOUNT)
            .select_from(BillRow)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
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
    def contents(
        self, session: Session, version_ids: Sequence[int]
    ) -> Mapping[int, tuple[Bill | None, BillReading | None]]:
        """What these versions of bills say, by their ids, and what was read beside it.

        Of a version that is unread the second may have what is certain.
        """
        query = select(BillVersionRow).where(
            col(BillVersionRow.id).in_(version_ids), BillVersionRow.company_id == self._company_id
        )
        return {row.id: (documents.bill_of(row), documents.reading_of(row)) for row in session.exec(query)}

    @reading
    def file(self, session: Session, bill_id: int) -> KeptFile | None:
        """The newest document of the company's bill with this id."""
        query = (
            columns(col(DocumentRow.sha256), col(DocumentRow.media_type), col(BillRow.billed_on))
            .select_from(BillRow)
            .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
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
        bill_identities.give_external_id(
            session, self._company_id, self._locked(session, bill_id), external_id
        )

    @writing
    def unlock(self, session: Session, bill_id: int, by: str, meters: Collection[str] | None = None) -> bool:
        """Unlock a bill for good, or these of its meters; False if they were before. ``by`` is who wants it.

        Raises:
            StorageError: the company has no such bill.
        """
        holder = select(BillRow.customer_id).where(BillRow.id == bill_id).scalar_subquery()
        query = select(CustomerRow.id).where(CustomerRow.company_id == self._company_id)
        query = query.where(col(CustomerRow.id) == holder)  # locked first, as by who saves bills
        session.exec(query.with_for_update(key_share=True)).first()
        return bill_identities.unlock(session, self._locked(session, bill_id), by, meters)

    @reading
    def charges(
        self, session: Session, start: datetime, end: datetime, after: tuple[datetime, int] | None, limit: int
    ) -> Sequence[StatementLine]:
        """What was charged for bills unlocked from ``start`` to before ``end``, in this order.

        ``after``: only those after the one of this instant and bill.
        """
        wanted = _CHARGED.where(*_unlocked_in(self._company_id, start, end))
        if after is not None:
            at, bill_id = after
            is_later = (col(UnlockRow.at) == at) & (col(UnlockRow.bill_id) > bill_id)
            wanted = wanted.where(col(UnlockRow.at) >= at, (col(UnlockRow.at) > at) | is_later)
        charged = wanted.limit(limit).subquery()
        query = (
            columns(*charged.c, _OWN_ID, func.coalesce(BillRow.utility, ""), _DATE, *_PERIOD)
            .select_from(charged)
            .outerjoin(BillRow, col(BillRow.id) == charged.c.bill_id)
            .outerjoin(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
            .outerjoin(CustomerRow, col(CustomerRow.id) == charged.c.customer_id)
            .outerjoin(RemovedCustomerRow, col(RemovedCustomerRow.customer_id) == charged.c.customer_id)
            .order_by(charged.c.at, charged.c.bill_id)
        )
        return [StatementLine(*row) for row in session.execute(query)]

    @reading
    def charged_customers(
        self, session: Session, start: datetime, end: datetime, after: tuple[int, str], limit: int
    ) -> Sequence[CustomerCharge]:
        """The same in sum by customer and currency, in this order; those after the given ones."""
        its, currency = col(UnlockRow.customer_id), col(UnlockRow.currency)
        amount = cast(func.sum((_ELECTRIC + _GAS) * col(UnlockRow.price)), BigInteger)
        query = (
            columns(
                *(its, _OWN_ID, currency, func.count(col(UnlockRow.bill_id).distinct())),
                *(func.sum(_ELECTRIC), func.sum(_GAS), amount),
            )
            .outerjoin(CustomerRow, col(CustomerRow.id) == its)
            .outerjoin(RemovedCustomerRow, col(RemovedCustomerRow.customer_id) == its)
            .where(*_unlocked_in(self._company_id, start, end))
            .where((its > after[0]) | ((its == after[0]) & (currency > after[1])))
            .group_by(its, _OWN_ID, currency)
            .order_by(its, currency)
            .limit(limit)
        )
        return [CustomerCharge(*row) for row in session.execute(query)]

    @reading
    def unlocked_meters(self, session: Session, bill_ids: Sequence[int]) -> Mapping[int, Set[str]]:
        """Which meters of these bills are unlocked; of bills of which any is."""
        return bill_identities.unlocked_meters(session, self._company_id, bill_ids)

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
        query = select(BillRow).where(BillRow.id == bill_id, BillRow.company_id == self._company_id)
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
