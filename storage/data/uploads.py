"""Bills that are uploaded: of which customer, which bill each is, and what becomes of the unread ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from meterfarm.formats.bills.generic import GENERIC
from meterfarm.formats.bills.stored_reading import reading_to_json
from meterfarm.records import Account, Bill, BillStatus, CustomerState, EventKind, ListedBill
from meterfarm.storage import CustomerGone, StorageError
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.data import ReadBill, StoredUpload, UploadedBill, accounts, bill_saving, documents
from meterfarm.storage.data.bill_identities import (
    UPLOADED,
    give_external_id,
    is_of_account,
    issuer_of,
    unlocked_from_the_start,
)
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


NOT_KNOWN_OF_WHOM = (
    "another customer has this account number, and nothing on the bill shows that it is of the same utility: "
    "upload it again and name the customer"
)


@dataclass(frozen=True, slots=True)
class _Upload:
    """An upload that is being kept, and what with; uploads of a company wait for each other."""

    session: Session
    vault: Vault
    files: AnyFiles
    company_id: int
    upload: UploadedBill
    sha256: str


def keep(
    session: Session, vault: Vault, files: AnyFiles, company_id: int, upload: UploadedBill, sha256: str
) -> int:
    """Keep an upload; the id of the bill that it is."""
    _one_at_a_time(session, company_id)
    named = _named(session, company_id, upload.customer_id)
    row = _same_bytes(session, company_id, sha256, named.id if named is not None else None)
    if row is None or row.account_id is None:  # else it is known, and assigned
        of = _Upload(session, vault, files, company_id, upload, sha256)
        assigned = _assigned(of, named, row)
        if assigned is not None:
            row = assigned
        elif row is None:
            row = _unread(of, named)
        elif named is not None and row.customer_id is None:
            _give_to(session, row, named)
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
    of = _Upload(session, vault, files, company_id, upload, sha256)
    assigned = _assigned(of, _named(session, company_id, row.customer_id), row)
    if assigned is None:
        _note_tried(of, session.exec(_document_of(row.id)).one())
        return None
    return assigned.id


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


def _assigned(of: _Upload, named: CustomerRow | None, unassigned_row: BillRow | None) -> BillRow | None:
    """The bill that an upload is that was read: one of its account, an unassigned one, or a new one.

    None of one that nothing read, or of which it is not known whom it belongs to.
    """
    session, upload, bill = of.session, of.upload, of.upload.bill
    customer = named or (_owner(of, bill.account_number) if bill is not None else None)
    if bill is None or customer is None:
        return None
    if not customer.utility:
        customer.utility = upload.utility
        session.flush()
    account = _account(session, customer, bill)
    known = _of_the_same_period(session, account, upload.utility, bill)
    if known is not None and unassigned_row is not None:
        _merge(session, of.company_id, unassigned_row, known)
        unassigned_row = None
    if known is not None and _counts_more(session, known, upload.layout):
        return known
    if unassigned_row is not None:
        _into_account(session, unassigned_row, account, upload.utility, bill)
        known = unassigned_row
    key = known.portal_key if known is not None else _key(of.sha256)
    listed = ListedBill(key, "", bill.billed_on, bill.total_amount)
    read = ReadBill(
        *(listed, upload.document, bill, upload.layout, upload.layout_version, upload.problems),
        reading=upload.reading,
        tried=upload.tried,
    )
    bill_saving.save(session, of.files, account, [(read, of.sha256)], upload.source, upload.utility)
    query = select(BillRow).where(BillRow.account_id == account.id, BillRow.portal_key == key)
    return session.exec(query).one()


def _owner(of: _Upload, number: str) -> CustomerRow | None:
    """The first customer who has the account of this utility; a new one, if nobody has.

    Several utilities may have the number: where none is known, the account's bills must be of the same one.
    If that is not known either, it is nobody's: None.

    Raises:
        StorageError: a customer could not be made.
    """
    session, utility = of.session, of.upload.utility
    query = (
        select(CustomerRow, AccountRow.id)
        .join(AccountRow, col(AccountRow.customer_id) == CustomerRow.id)
        .where(CustomerRow.company_id == of.company_id, CustomerRow.state != CustomerState.REMOVED.value)
        .where(CustomerRow.utility == utility, _is_or_was(number))
        .order_by(col(AccountRow.number) != number, col(CustomerRow.id))
    )
    issuer, is_taken = issuer_of(of.upload), False
    for row, account_id in session.exec(query.with_for_update(of=CustomerRow)):
        if utility or is_of_account(session, account_id, issuer):
            return row
        is_taken = True
    if is_taken and not issuer.is_named:
        return None
    made = identity.create(session, of.vault, of.company_id, utility, None)
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
    _with_document(session, row)


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


def _unread(of: _Upload, customer: CustomerRow | None) -> BillRow:
    """A bill of the customer, or of the company, that nothing reads yet."""
    session = of.session
    row = BillRow(
        company_id=of.company_id,
        customer_id=customer.id if customer else None,
        utility=customer.utility if customer else "",
        portal_key=_free_key(session, of.company_id, of.sha256),
        source=of.upload.source.value,
    )
    session.add(row)
    session.flush()
    document_id = documents.keep_unassigned(
        session, of.files, of.company_id, row.customer_id, row.portal_key, of.upload.document, of.sha256
    )
    extraction_id = _note_tried(of, document_id)
    reading = of.upload.reading
    if reading is not None and reading.bill is not None:
        left_out = {**reading.left_out, "customer": NOT_KNOWN_OF_WHOM}
        reading = replace(reading, status=BillStatus.UNPARSED, bill=None, left_out=left_out)
    session.add(
        BillVersionRow(
            company_id=of.company_id,
            bill_id=row.id,
            document_id=document_id,
            extraction_id=extraction_id,
            at=datetime.now(UTC),
            reading=reading_to_json(reading) if reading is not None else None,
        )
    )
    session.flush()
    if customer is not None:
        _announce_unread(session, row, customer)
    return row


def _note_tried(of: _Upload, document_id: int) -> int:
    """Remember which layouts did not read it; the id of the reading that it has now."""
    tried = of.upload
    if tried.bill is not None:
        tried = replace(tried, problems=[*tried.problems, NOT_KNOWN_OF_WHOM])
    (extraction_id,) = bill_saving.extractions(of.session, of.company_id, [(document_id, tried)])
    return extraction_id


def _give_to(session: Session, row: BillRow, customer: CustomerRow) -> None:
    """The company's own bill is this customer's from now on, still unread."""
    row.customer_id, row.utility = customer.id, customer.utility
    _with_document(session, row)
    _announce_unread(session, row, customer)


def _with_document(session: Session, row: BillRow) -> None:
    """Save that a bill is another's, and its document with it."""
    session.add(row)
    session.flush()
    of_it = update(DocumentRow).where(col(DocumentRow.id).in_(_document_of(row.id)))
    session.execute(of_it.values(account_id=row.account_id, customer_id=row.customer_id))


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
