"""Documents and the reference-counted files behind them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from records import Document
from storage.database import Database, insert_if_absent
from storage.files import Files
from storage.results import StoredExport
from storage.tables import AccountRow, DocumentRow, FileRow


class Kind(StrEnum):
    BILL = "bill"
    INTERVALS = "intervals"


def keep(
    session: Session,
    files: Files,
    account: AccountRow,
    kind: Kind,
    key: str,
    document: Document,
    sha256: str,
) -> DocumentRow:
    """The row of these bytes under the portal's key. The file is on disk before the row is committed."""
    same: dict[str, Any] = {"account_id": account.id, "kind": kind.value, "portal_key": key, "sha256": sha256}
    row = session.exec(select(DocumentRow).filter_by(**same)).first()
    if row is None:
        insert_if_absent(session, FileRow, {"sha256": sha256, "size": len(document.content), "refs": 0})
        session.execute(
            update(FileRow).where(col(FileRow.sha256) == sha256).values(refs=col(FileRow.refs) + 1)
        )
        row = DocumentRow(
            company_id=account.company_id,
            media_type=document.media_type,
            name=document.name,
            fetched_at=datetime.now(UTC),
            **same,
        )
        session.add(row)
        session.flush()
    files.put_as(sha256, document.content)
    return row


def exports(session: Session, account_id: int) -> list[StoredExport]:
    """The account's interval exports, in the order they were received."""
    query = (
        select(DocumentRow)
        .where(DocumentRow.account_id == account_id, DocumentRow.kind == Kind.INTERVALS.value)
        .order_by(col(DocumentRow.id))
    )
    return [
        StoredExport(row.id, row.portal_key, row.sha256, row.name, row.media_type)
        for row in session.exec(query)
    ]


def sweep(database: Database, files: Files, older_than: float) -> int:
    """Delete files that no document refers to; returns how many.

    Files without a row and interrupted writes go once untouched for ``older_than`` seconds: a younger one may
    belong to a transaction under way. A row with no references is locked while its file goes, so that one who
    wants the same bytes again waits and then writes them anew.
    """
    with database.reading() as session:
        free = session.exec(select(FileRow.sha256).where(FileRow.refs == 0)).all()
    swept = 0
    for sha256 in free:
        with database.writing() as session:
            query = select(FileRow).where(FileRow.sha256 == sha256, FileRow.refs == 0).with_for_update()
            row = session.exec(query).first()
            if row is not None:
                files.delete(sha256)
                session.delete(row)
                swept += 1
    for path in files.leftovers(older_than):
        with database.reading() as session:
            known = session.get(FileRow, path.name) is not None
        if not known:
            path.unlink(missing_ok=True)
            swept += 1
    return swept
