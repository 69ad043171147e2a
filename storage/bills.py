"""Bills: one identity each, a version for every document or reading of it that differed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, func, select

from records import Bill, Document, EventKind, ListedBill
from storage import accounts, bill_content, documents, events
from storage.database import put
from storage.files import Files
from storage.results import StoredBill
from storage.tables import AccountRow, BillRow, BillVersionRow, DocumentRow, ExtractionRow


def save(
    session: Session,
    files: Files,
    account_id: int,
    listed: ListedBill,
    document: Document,
    sha256: str,
    bill: Bill | None,
    layout: str,
    layout_version: int,
    problems: Sequence[str],
) -> bool:
    """Keep the document and what was read from it; whether there was anything new.

    The same bytes read by the same version of the same layout are nothing new, whatever ``bill`` says: a
    layout that reads differently counts its version up.
    """
    account = accounts.locked(session, account_id)
    row = _identity(session, account, listed)
    kept = documents.keep(session, files, account, documents.Kind.BILL, listed.key, document, sha256)
    extraction = _extraction(session, kept, layout, layout_version, problems)
    newest = (
        select(BillVersionRow.extraction_id)
        .where(BillVersionRow.bill_id == row.id)
        .order_by(col(BillVersionRow.id).desc())
    )
    if session.exec(newest).first() == extraction.id:
        return False
    version = BillVersionRow(
        company_id=account.company_id,
        bill_id=row.id,
        document_id=kept.id,
        extraction_id=extraction.id,
        at=datetime.now(UTC),
        **(bill_content.columns(bill) if bill else {}),
    )
    before = _last_read(session, row)
    session.add(version)
    session.flush()
    _tell(session, account, row, version, bill, before)
    return True


def stored(session: Session, files: Files, account_id: int) -> dict[str, StoredBill]:
    """The newest version of each of the account's bills by the portal's key, oldest bill first."""
    newest = (
        select(func.max(BillVersionRow.id))
        .where(BillVersionRow.bill_id == BillRow.id)
        .correlate(BillRow)
        .scalar_subquery()
    )
    query = (
        select(BillRow, BillVersionRow, DocumentRow, ExtractionRow)
        .join(BillVersionRow, col(BillVersionRow.id) == newest)
        .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
        .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
        .where(BillRow.account_id == account_id)
        .order_by(col(BillRow.billed_on), col(BillRow.id))
    )
    return {
        row.portal_key: StoredBill(
            id=row.id,
            key=row.portal_key,
            billed_on=row.billed_on,
            document_id=document.id,
            sha256=document.sha256,
            name=document.name,
            media_type=document.media_type,
            layout=extraction.layout,
            layout_version=extraction.layout_version,
            problems=tuple(extraction.problems),
            bill=bill_content.read(version),
            has_file=files.has(document.sha256),
        )
        for row, version, document, extraction in session.exec(query)
    }


def _last_read(session: Session, row: BillRow) -> BillVersionRow | None:
    """The newest version of the bill that was read."""
    query = (
        select(BillVersionRow)
        .where(BillVersionRow.bill_id == row.id, col(BillVersionRow.total_amount).is_not(None))
        .order_by(col(BillVersionRow.id).desc())
        .limit(1)
    )
    return session.exec(query).first()


def _tell(
    session: Session,
    account: AccountRow,
    row: BillRow,
    version: BillVersionRow,
    bill: Bill | None,
    before: BillVersionRow | None,
) -> None:
    """A bill is new once, and unread once; after that, what it says may change."""
    kind, key = EventKind.NEW_BILL, str(row.id)
    if bill is None:
        kind = EventKind.NEW_UNPARSED_BILL
    elif before is not None:
        kind, key = EventKind.UPDATED_BILL, str(version.id)
        if bill_content.read(before) == bill:
            return
    events.tell(session, account.customer_id, kind, key, _about(account, row, bill))


def _about(account: AccountRow, row: BillRow, bill: Bill | None) -> dict[str, Any]:
    """The bill in Bayou's words, without its meters; of an unread one what the portal listed."""
    about = {
        "id": row.id,
        "external_id": None,
        "status": "unlocked" if bill else "unparsed",
        "account_number": bill.account_number if bill else account.number,
        "billed_on": (bill.billed_on if bill else row.billed_on).isoformat(),
        "total_amount": bill.total_amount if bill else row.listed_amount,
    }
    if bill is None:
        return about
    return about | {
        "outstanding_balance": bill.outstanding_balance,
        "billing_period_from": bill.billing_period_from.isoformat(),
        "billing_period_to": bill.billing_period_to.isoformat(),
    }


def _identity(session: Session, account: AccountRow, listed: ListedBill) -> BillRow:
    same = {"account_id": account.id, "portal_key": listed.key}
    values = {
        "company_id": account.company_id,
        "billed_on": listed.billed_on,
        "listed_amount": listed.total_amount,
    }
    return put(session, BillRow, same, values)


def _extraction(
    session: Session, document: DocumentRow, layout: str, layout_version: int, problems: Sequence[str]
) -> ExtractionRow:
    same: dict[str, Any] = {
        "document_id": document.id,
        "layout": layout,
        "layout_version": layout_version,
    }
    row = session.exec(select(ExtractionRow).filter_by(**same)).first()
    if row is None:
        row = ExtractionRow(
            company_id=document.company_id, problems=list(problems), at=datetime.now(UTC), **same
        )
        session.add(row)
        session.flush()
    return row
