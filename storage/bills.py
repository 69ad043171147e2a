"""Bills as they are stored: the newest version of each counts."""

from __future__ import annotations

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from meterfarm.storage import bill_content
from meterfarm.storage.files import AnyFiles
from meterfarm.storage.results import StoredBill
from meterfarm.storage.tables import BillRow, BillVersionRow, DocumentRow, ExtractionRow

_NEWEST = (
    select(func.max(BillVersionRow.id))
    .where(BillVersionRow.bill_id == BillRow.id)
    .correlate(BillRow)
    .scalar_subquery()
)
_WHOLE = (
    columns(col(BillRow.portal_key), col(DocumentRow.sha256))
    .join(BillVersionRow, col(BillVersionRow.id) == _NEWEST)
    .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
    .where(col(BillRow.account_id) == bindparam("account"), col(BillVersionRow.total_amount).is_not(None))
)


def stored(session: Session, files: AnyFiles, account_id: int) -> dict[str, StoredBill]:
    """The newest version of each of the account's bills by the portal's key, oldest bill first."""
    query = (
        select(BillRow, BillVersionRow, DocumentRow, ExtractionRow)
        .join(BillVersionRow, col(BillVersionRow.id) == _NEWEST)
        .join(DocumentRow, col(DocumentRow.id) == BillVersionRow.document_id)
        .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
        .where(BillRow.account_id == account_id)
        .order_by(col(BillRow.billed_on), col(BillRow.id))
    )
    found = session.exec(query).all()
    there = files.those_there(document.sha256 for _, _, document, _ in found)
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
            has_file=document.sha256 in there,
        )
        for row, version, document, extraction in found
    }


def whole(session: Session, files: AnyFiles, account_id: int) -> set[str]:
    """The portal's keys of the bills whose newest version was read, and whose file is there."""
    found = session.connection().execute(_WHOLE, {"account": account_id})
    bills: dict[str, str] = {key: sha256 for key, sha256 in found}  # noqa: C416 - rows, not pairs
    there = files.those_there(bills.values())
    return {key for key, sha256 in bills.items() if sha256 in there}
