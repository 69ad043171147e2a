"""Bills that are uploaded: of which customer, which bill each is, and what becomes of the unread ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from meterfarm.formats.bills.generic import GENERIC
from meterfarm.formats.bills.stored_reading import reading_to_json
from meterfarm.records import Account, Bill, CustomerState, EventKind, ListedBill
from meterfarm.storage import AlreadyThere, CustomerGone, StorageError
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.data import ReadBill, StoredUpload, UploadedBill, accounts, bill_saving, documents
from meterfarm.storage.data.bill_identities import UPLOADED, is_of_account, unlocked_from_the_start
from meterfarm.storage.files import AnyFiles
from meterfarm.storage.runs import events
from meterfarm.storage.tables import (
    NEWEST_VERSION,
    AccountRow,
    BillRow,
    BillVersionRow,
    CompanyRow,
    CustomerRow,
    DocumentRow,
    ExtractionRow,
    FileRow,
    FormerNumberRow,
)
from meterfarm.storage.vault import Vault

_KEY_DIGITS = 32


def keep(
    session: Session, vault: Vault, files: AnyFiles, company_id: int, upload: UploadedBill, sha256: str
) -> int:
    """Keep an upload; the id of the bill that it is. Uploads of a company wait for each other."""
    _one_at_a_time(session, company_id)
    customer = _named(session, company_id, upload.customer_id)
    row = _same_bytes(session, company_id, sha256, customer.id if customer is not None else None)
    if row is not None and row.account_id is not None:
        pass  # it is known, and assigned
    elif upload.bill is not None:
        row = _assigned(session, vault, files, company_id, upload, upload.bill, sha256, customer, row)
    elif row is None:
        row = _unread(session, files, company_id, upload, sha256, customer)
    elif customer is not None and row.customer_id is None:
        _give_to(session, row, customer)
    if upload.external_id:
        give_external_id(session, company_id, row, upload.external_id)
    return row.id


def assign(
    session: Session,
    vault: Vault,
    files: AnyFiles,
    company_id: int,
    bill_id: int,
    upload: UploadedBill,
    sha256: str,
) -> int | None:
    """Note what was tried at an unassigned bill; if it is read, assign it; the id of the bill it is then."""
    _one_at_a_time(session, company_id)
    row = session.get(BillRow, bill_id)
    if row is None or row.company_id != company_id or row.account_id is not None:
        return None
    if upload.bill is None:
        document_id = session.exec(_document_of(row.id)).one()
        _note_tried(session, company_id, document_id, upload)
        return None
    customer = _named(session, company_id, row.customer_id)
    return _assigned(session, vault, files, company_id, upload, upload.bill, sha256, customer, row).id


def unassigned(session: Session, company_id: int, after: int, limit: int) -> Sequence[StoredUpload]:
    """Bills without an account, with ids greater than ``after``, by id."""
    query = (
        select(BillRow, DocumentRow)
        .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
        .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
        .where(BillRow.company_id == company_id, col(BillRow.account_id).is_(None), BillRow.id > after)
        .order_by(col(BillRow.id))
        .limit(limit)
    )
    found = session.exec(query).all()
    tried: dict[int, set[tuple[str, int]]] = {document.id: set() for _, document in found}
    of_documents = select(ExtractionRow).where(col(ExtractionRow.document_id).in_(list(tried)))
    for extraction in session.exec(of_documents):
        tried[extraction.document_id].add((extraction.layout, extraction.layout_version))
    return [
        StoredUpload(
            row.id,
            row.customer_id,
            row.utility,
            document.sha256,
            document.name,
            frozenset(tried[document.id]),
        )
        for row, document in found
    ]


def give_external_id(session: Session, company_id: int, row: BillRow, external_id: str | None) -> None:
    """Give the bill an id of the company's own, or take it away.

    Raises:
        AlreadyThere: another bill has it.
    """
    if external_id == row.external_id:
        return
    if external_id is not None:
        query = select(BillRow.id).filter_by(company_id=company_id, external_id=external_id)
        other = session.exec(query).first()
        if other is not None:
            raise AlreadyThere(f"The external id {external_id} is there already as bill {other}.")
    row.external_id = external_id
    session.add(row)
    try:
        session.flush()
    except IntegrityError as exc:
        raise AlreadyThere(f"The external id {external_id} was just given to another bill.") from exc


def _one_at_a_time(session: Session, company_id: int) -> None:
    query = select(CompanyRow.id).where(CompanyRow.id == company_id)
    session.exec(query.with_for_update(key_share=True)).one()


def _named(session: Session, company_id: int, customer_id: int | None) -> CustomerRow | None:
    """The customer who is named, or who holds the connection that they share."""
    if customer_id is None:
        return None
    holder = select(CustomerRow.shares_id).where(CustomerRow.id == customer_id).scalar_subquery()
    query = select(CustomerRow).where(CustomerRow.company_id == company_id)
    query = query.where(col(CustomerRow.id) == func.coalesce(holder, customer_id))
    row = session.exec(query.with_for_update()).first()
    if row is None or row.state == CustomerState.REMOVED.value:
        raise CustomerGone(f"The customer {customer_id} was removed; name another.")
    return row


def _same_bytes(session: Session, company_id: int, sha256: str, customer_id: int | None) -> BillRow | None:
    """The bill that has had these bytes; of the customer who is named, or nobody's."""
    query = (
        select(BillRow)
        .join(BillVersionRow, col(BillVersionRow.bill_id) == BillRow.id)
        .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
        .outerjoin(CustomerRow, col(CustomerRow.id) == BillRow.customer_id)
        .where(BillRow.company_id == company_id, DocumentRow.sha256 == sha256)
        .where(func.coalesce(CustomerRow.state, "") != CustomerState.REMOVED.value)
        .order_by(col(BillRow.account_id).is_(None), col(BillRow.id))
    )
    if customer_id is not None:
        query = query.where((col(BillRow.customer_id) == customer_id) | col(BillRow.customer_id).is_(None))
    return session.exec(query).first()


def _assigned(
    session: Session,
    vault: Vault,
    files: AnyFiles,
    company_id: int,
    upload: UploadedBill,
    bill: Bill,
    sha256: str,
    named: CustomerRow | None,
    unassigned_row: BillRow | None,
) -> BillRow:
    """The bill that an upload is that was read: one of its account, an unassigned one, or a new one."""
    customer = named or _owner(session, vault, company_id, upload, bill.account_number)
    if not customer.utility:
        customer.utility = upload.utility
        session.flush()
    account = _account(session, customer, bill)
    known = _of_the_same_period(session, account, upload.utility, bill)
    if known is not None and unassigned_row is not None:
        _merge(session, company_id, unassigned_row, known)
        unassigned_row = None
    if known is not None and _counts_more(session, known, upload.layout):
        return known
    if unassigned_row is not None:
        _into_account(session, unassigned_row, account, upload.utility, bill)
        known = unassigned_row
    key = known.portal_key if known is not None else _key(sha256)
    listed = ListedBill(key, "", bill.billed_on, bill.total_amount)
    read = ReadBill(
        *(listed, upload.document, bill, upload.layout, upload.layout_version, upload.problems),
        reading=upload.reading,
        tried=upload.tried,
    )
    bill_saving.save(session, files, account, [(read, sha256)], upload.source, upload.utility)
    query = select(BillRow).where(BillRow.account_id == account.id, BillRow.portal_key == key)
    return session.exec(query).one()


def _owner(session: Session, vault: Vault, company_id: int, upload: UploadedBill, number: str) -> CustomerRow:
    """The first customer who has the account of this utility; a new one, if nobody has.

    Several utilities may have the number: where none is known, the account's bills must be of the same one.

    Raises:
        StorageError: a customer could not be made.
    """
    query = (
        select(CustomerRow, AccountRow.id)
        .join(AccountRow, col(AccountRow.customer_id) == CustomerRow.id)
        .where(CustomerRow.company_id == company_id, CustomerRow.state != CustomerState.REMOVED.value)
        .where(CustomerRow.utility == upload.utility, _is_or_was(number))
        .order_by(col(AccountRow.number) != number, col(CustomerRow.id))
    )
    for row, account_id in session.exec(query.with_for_update(of=CustomerRow)):
        if upload.utility or is_of_account(session, account_id, upload):
            return row
    made = identity.create(session, vault, company_id, upload.utility, None)
    if made is None:  # only an external id could keep it out, and there is none
        raise StorageError("A customer could not be made; upload the bill again.")
    return made


def _is_or_was(number: str) -> ColumnElement[bool]:
    """That an account has the number, or had it before the portal renumbered it."""
    former = select(FormerNumberRow.id).where(
        FormerNumberRow.account_id == AccountRow.id, FormerNumberRow.number == number
    )
    return (col(AccountRow.number) == number) | former.exists()


def _account(session: Session, customer: CustomerRow, bill: Bill) -> AccountRow:
    query = (
        select(AccountRow)
        .where(AccountRow.customer_id == customer.id, _is_or_was(bill.account_number))
        .order_by(col(AccountRow.number) != bill.account_number, col(AccountRow.id))
    )
    row = session.exec(query.with_for_update()).first()
    if row is not None:
        return row
    shown = Account(bill.account_number, address=bill.address)
    return accounts.enter(session, Customer.of(customer), shown)


def _of_the_same_period(session: Session, account: AccountRow, utility: str, bill: Bill) -> BillRow | None:
    """The account's bill of this day and period, or an unread one of this day: the portal's own copy.

    None of another utility.
    """
    query = (
        select(BillRow, BillVersionRow)
        .join(BillVersionRow, col(BillVersionRow.id) == NEWEST_VERSION)
        .where(BillRow.account_id == account.id)
        .where(func.coalesce(BillVersionRow.billed_on, BillRow.billed_on) == bill.billed_on)
        .order_by(col(BillVersionRow.total_amount).is_(None), col(BillRow.id))
    )
    if utility:
        query = query.where(col(BillRow.utility).in_((utility, "")))
    period = (bill.billing_period_from, bill.billing_period_to)
    for row, version in session.exec(query):
        if version.total_amount is None or (version.billing_period_from, version.billing_period_to) == period:
            return row
    return None


def _counts_more(session: Session, known: BillRow, layout: str) -> bool:
    """Whether a known bill is the portal's, or was read by a layout and the upload was not."""
    query = select(BillVersionRow).where(BillVersionRow.bill_id == known.id)
    version = session.exec(query.order_by(col(BillVersionRow.id).desc())).first()
    if version is None or version.total_amount is None:
        return False
    is_uploaded = known.portal_key.startswith(UPLOADED)
    return not is_uploaded or (layout == GENERIC and bill_saving.is_by_layout(session, version))


def _into_account(session: Session, row: BillRow, account: AccountRow, utility: str, bill: Bill) -> None:
    """An unassigned bill is the account's from now on, with its document."""
    unlocked = row.unlocked_at or unlocked_from_the_start(session, account, bill.billed_on)
    row.account_id, row.customer_id = account.id, account.customer_id
    row.utility, row.billed_on, row.unlocked_at = utility, bill.billed_on, unlocked
    session.add(row)
    session.flush()
    session.execute(
        update(DocumentRow)
        .where(col(DocumentRow.id).in_(_document_of(row.id)))
        .values(account_id=account.id, customer_id=account.customer_id)
    )


def _merge(session: Session, company_id: int, row: BillRow, into: BillRow) -> None:
    """An unassigned bill is one that is there: its document goes, its external id is taken over."""
    external_id = row.external_id
    for document in session.exec(select(DocumentRow).where(col(DocumentRow.id).in_(_document_of(row.id)))):
        refs = col(FileRow.refs)
        session.execute(update(FileRow).where(col(FileRow.sha256) == document.sha256).values(refs=refs - 1))
        session.delete(document)
    session.delete(row)
    session.flush()
    if external_id and into.external_id is None:
        give_external_id(session, company_id, into, external_id)


def _unread(
    session: Session,
    files: AnyFiles,
    company_id: int,
    upload: UploadedBill,
    sha256: str,
    customer: CustomerRow | None,
) -> BillRow:
    """A bill of the customer, or of the company, that nothing reads yet."""
    row = BillRow(
        company_id=company_id,
        customer_id=customer.id if customer else None,
        utility=customer.utility if customer else "",
        portal_key=_free_key(session, company_id, sha256),
        source=upload.source.value,
    )
    session.add(row)
    session.flush()
    document_id = documents.keep_unassigned(
        session, files, company_id, row.customer_id, row.portal_key, upload.document, sha256
    )
    extraction_id = _note_tried(session, company_id, document_id, upload)
    session.add(
        BillVersionRow(
            company_id=company_id,
            bill_id=row.id,
            document_id=document_id,
            extraction_id=extraction_id,
            at=datetime.now(UTC),
            reading=reading_to_json(upload.reading) if upload.reading is not None else None,
        )
    )
    session.flush()
    if customer is not None:
        _announce_unread(session, row, customer)
    return row


def _note_tried(session: Session, company_id: int, document_id: int, upload: UploadedBill) -> int:
    """Remember which layouts did not read it; the id of the last of these readings."""
    known = {
        (row.layout, row.layout_version): row.id
        for row in session.exec(select(ExtractionRow).where(ExtractionRow.document_id == document_id))
    }
    last = 0
    for layout, version in upload.tried or [("", 0)]:
        if (layout, version) not in known:
            row = ExtractionRow(
                company_id=company_id,
                document_id=document_id,
                layout=layout,
                layout_version=version,
                problems=list(upload.problems),
                supported=upload.supported,
                at=datetime.now(UTC),
            )
            session.add(row)
            session.flush()
            known[layout, version] = row.id
        last = known[layout, version]
    return last


def _give_to(session: Session, row: BillRow, customer: CustomerRow) -> None:
    """The company's own bill is this customer's from now on, still unread."""
    row.customer_id, row.utility = customer.id, customer.utility
    session.add(row)
    session.flush()
    of_it = update(DocumentRow).where(col(DocumentRow.id).in_(_document_of(row.id)))
    session.execute(of_it.values(customer_id=customer.id))
    _announce_unread(session, row, customer)


def _announce_unread(session: Session, row: BillRow, customer: CustomerRow) -> None:
    about = {"id": row.id, "account_number": None, "billed_on": None, "total_amount": None}
    events.publish(session, customer.id, EventKind.NEW_UNPARSED_BILL, str(row.id), about)
    identity.revised(session, customer.id)


def _document_of(bill_id: int) -> SelectOfScalar[int]:
    return select(BillVersionRow.document_id).where(BillVersionRow.bill_id == bill_id).distinct()


def _free_key(session: Session, company_id: int, sha256: str) -> str:
    """A key that no unassigned bill has: another customer may have a bill of the same bytes."""
    key = _key(sha256)
    query = select(func.max(BillRow.id)).where(
        BillRow.company_id == company_id,
        col(BillRow.account_id).is_(None),
        col(BillRow.portal_key).startswith(key),
    )
    newest = session.exec(query).one()
    return key if newest is None else f"{key}-{newest}"


def _key(sha256: str) -> str:
    return f"{UPLOADED}{sha256[:_KEY_DIGITS]}"
