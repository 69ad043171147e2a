"""Exports that a portal was asked for and is still making, for a later run to fetch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select

from meterfarm.storage.data import PendingExport, accounts
from meterfarm.storage.database import Repository, holding, now, put, reading
from meterfarm.storage.tables import PendingExportRow

_OF_ACCOUNT = (
    select(PendingExportRow)
    .where(
        PendingExportRow.account_id == bindparam("account"),
        PendingExportRow.company_id == bindparam("company"),
    )
    .order_by(col(PendingExportRow.requested_at))
)


class PendingExports(Repository):
    """As ``CompanyStore.pending_exports``. There is one at most of a meter's first and last day."""

    @holding
    def keep(
        self,
        session: Session,
        account_id: int,
        meter_id: str,
        days: tuple[date, date],
        key: str,
        not_before: datetime | None = None,
    ) -> None:
        """Keep what the portal calls it; another key than before is of an export asked for just now.

        Raises:
            StorageError: the company has no such account.
            LeaseLost: the run that writes is not held any more.
        """
        account = accounts.locked(session, account_id, self._company_id)
        same = {"account_id": account.id, "meter": meter_id, "first": days[0], "last": days[1]}
        row = session.exec(select(PendingExportRow).filter_by(**same)).first()
        is_same = row is not None and row.portal_key == key
        values = {
            "company_id": self._company_id,
            "portal_key": key,
            "requested_at": row.requested_at if row is not None and is_same else now(session),
            "not_before": not_before,
        }
        put(session, PendingExportRow, same, values)

    @holding
    def forget(self, session: Session, account_id: int, meter_id: str, days: tuple[date, date]) -> None:
        """It was fetched, or never will be.

        Raises:
            LeaseLost: the run that writes is not held any more.
        """
        row = PendingExportRow
        query = delete(row).where(col(row.account_id) == account_id, col(row.company_id) == self._company_id)
        days_of = (col(row.first) == days[0], col(row.last) == days[1])
        session.exec(query.where(col(row.meter) == meter_id, *days_of))

    @reading
    def list(self, session: Session, account_id: int) -> Sequence[PendingExport]:
        """Of the account, oldest first."""
        asked = {"account": account_id, "company": self._company_id}
        return [
            PendingExport(row.meter, row.first, row.last, row.portal_key, row.requested_at, row.not_before)
            for row in session.exec(_OF_ACCOUNT, params=asked)
        ]
