"""Taking customers out of the register: what they entrusted to us for good, what was collected if asked."""

from __future__ import annotations

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from meterfarm.records import ChallengeState, CustomerState, RunState
from meterfarm.storage import customers, leases, logins
from meterfarm.storage.database import now
from meterfarm.storage.queue import HELD
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import (
    AccountRow,
    ChallengeRow,
    ConsentRow,
    CredentialRow,
    CustomerRow,
    DocumentRow,
    FileRow,
    MailboxCustomerRow,
    NumberCustomerRow,
    PortalSessionRow,
    ReceivedRow,
    RunRow,
)

_ASKED = (ChallengeState.OPEN.value, ChallengeState.ANSWERED.value)


def close(session: Session, customer: Customer) -> None:
    """Destroy the data key and what it sealed, revoke the consent, stop the runs. What was collected stays.

    One that was removed already is left as it is.
    """
    row = _locked(session, customer)
    if row.state == CustomerState.REMOVED.value:
        return
    at = now(session)
    row.key_id, row.wrapped_key = "", b""
    row.state, row.reason, row.since, row.faults = CustomerState.REMOVED.value, "", at, 0
    row.bills_due_at = row.intervals_due_at = None
    session.add(row)
    session.flush()
    for kept in (CredentialRow, PortalSessionRow):
        session.execute(delete(kept).where(col(kept.customer_id) == row.id))
    of_customer = (col(ChallengeRow.customer_id) == row.id, col(ChallengeRow.answer).is_not(None))
    session.execute(update(ChallengeRow).where(*of_customer).values(answer=None))
    session.execute(update(ReceivedRow).where(col(ReceivedRow.customer_id) == row.id).values(code=None))
    for tie in (MailboxCustomerRow, NumberCustomerRow):
        session.execute(delete(tie).where(col(tie.customer_id) == row.id))
    asked = (col(ChallengeRow.customer_id) == row.id, col(ChallengeRow.state).in_(_ASKED))
    session.execute(update(ChallengeRow).where(*asked).values(state=ChallengeState.EXPIRED.value))
    standing = (col(ConsentRow.customer_id) == row.id, col(ConsentRow.revoked_at).is_(None))
    session.execute(update(ConsentRow).where(*standing).values(revoked_at=at))
    _stop_runs(session, row)
    logins.release(session, row.login_id)


def erase(session: Session, customer: Customer) -> None:
    """Delete the customer with its data key and all that hangs on it; its files lose their references."""
    row = _locked(session, customer)
    files = (
        select(DocumentRow.sha256, func.count())
        .join(AccountRow, col(AccountRow.id) == DocumentRow.account_id)
        .where(AccountRow.customer_id == customer.id)
        .group_by(col(DocumentRow.sha256))
        .order_by(col(DocumentRow.sha256))
    )
    for sha256, count in session.exec(files).all():
        session.execute(
            update(FileRow).where(col(FileRow.sha256) == sha256).values(refs=col(FileRow.refs) - count)
        )
    session.delete(row)
    session.flush()
    logins.release(session, row.login_id)


def _stop_runs(session: Session, customer: CustomerRow) -> None:
    """Cancel those that nobody has taken yet; workers stop the others when they next look."""
    at = now(session)
    queued = select(RunRow).where(RunRow.customer_id == customer.id, RunRow.state == RunState.QUEUED.value)
    for row in session.exec(queued.with_for_update()).all():
        leases.end(session, row, RunState.CANCELLED, at, "the customer was removed")
    held = (col(RunRow.customer_id) == customer.id, col(RunRow.state).in_(HELD))
    session.execute(update(RunRow).where(*held).values(cancelled=True))


def _locked(session: Session, customer: Customer) -> CustomerRow:
    customers.hold_runs(session, customer)
    row = session.exec(select(CustomerRow).where(CustomerRow.id == customer.id).with_for_update()).first()
    if row is None:
        raise customers.removed(customer)
    return row
