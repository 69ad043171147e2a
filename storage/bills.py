"""Bills: one identity each, a version for every document or reading of it that differed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, func, select

from records import Bill, Document, ListedBill
from storage import accounts, bill_content, documents
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
    session.add(version)
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
