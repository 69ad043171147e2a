"""Runs and their ledgers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from records import LedgerItem, Outcome
from storage.errors import StorageError
from storage.results import Customer
from storage.tables import LedgerItemRow, RunRow


def start(session: Session, customer: Customer, kind: str) -> int:
    """Start a run. The caller holds the login's lock, so the customer's others that still run are dead."""
    now = datetime.now(UTC)
    session.execute(
        update(RunRow)
        .where(col(RunRow.customer_id) == customer.id, col(RunRow.state) == "running")
        .values(state="abandoned", ended_at=now)
    )
    row = RunRow(
        company_id=customer.company_id,
        customer_id=customer.id,
        login_id=customer.login_id,
        kind=kind,
        state="running",
        not_before=now,
        requested_at=now,
        started_at=now,
    )
    session.add(row)
    session.flush()
    return row.id


def abandon(session: Session, run_id: int) -> None:
    """End a run that was broken off; it has no outcome."""
    row = session.exec(select(RunRow).where(RunRow.id == run_id).with_for_update()).first()
    if row is not None and row.state == "running":
        row.state = "abandoned"
        row.ended_at = datetime.now(UTC)


def finish(
    session: Session,
    run_id: int,
    outcome: Outcome,
    message: str,
    session_kind: str,
    seconds: Mapping[str, float],
    ledger: Sequence[LedgerItem],
) -> None:
    """End a run, once."""
    row = session.exec(select(RunRow).where(RunRow.id == run_id).with_for_update()).first()
    if row is None or row.state != "running":
        raise StorageError(f"The run {run_id} is not running any more; start a new one.")
    row.state = "ended"
    row.outcome = outcome.value
    row.message = message
    row.session = session_kind
    row.seconds = dict(seconds)
    row.ended_at = datetime.now(UTC)
    session.add_all(
        LedgerItemRow(
            company_id=row.company_id,
            run_id=run_id,
            account_number=item.account_number,
            item=item.item,
            stored=item.stored,
            downloaded=item.downloaded,
            reason=item.reason,
        )
        for item in ledger
    )
