"""Customers of a company with one login: one of them holds the connection and what is collected by it.

A customer who has signed in successfully shares what another one of the company has by the same login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from meterfarm.records import CustomerState, EventKind, RunKind
from meterfarm.storage.customers import Customer, credentials
from meterfarm.storage.database import now
from meterfarm.storage.runs import events, queue
from meterfarm.storage.tables import AccountRow, BillRow, CustomerRow, DocumentRow, EventRow
from meterfarm.storage.vault import Vault

_REMOVED = CustomerState.REMOVED.value
_FIRST_FETCH = (
    EventKind.NEW_BILL,
    EventKind.NEW_UNPARSED_BILL,
    EventKind.UPDATED_BILL,
    EventKind.BILLS_READY,
    EventKind.INTERVALS_READY,
)
_TOOK_PLACE = "another customer of this login was removed"


def share(session: Session, vault: Vault, customer: Customer) -> Customer | None:
    """Let a customer who was just let in share another one's connection; whoever holds it, None if nobody.

    What was announced of it is announced to them too. Where the holder has to come back, they come back with
    what this customer has given.
    """
    query = (
        select(CustomerRow)
        .where(CustomerRow.company_id == customer.company_id, CustomerRow.login_id == customer.login_id)
        .where(CustomerRow.id != customer.id, CustomerRow.state != _REMOVED)
        .where(col(CustomerRow.authenticated_at).is_not(None), col(CustomerRow.shares_id).is_(None))
        .order_by(col(CustomerRow.id))
        .with_for_update()
    )
    row = session.exec(query).first()
    if row is None:
        return None
    holder = Customer.of(row)
    mine = update(CustomerRow).where(col(CustomerRow.id) == customer.id)
    session.execute(mine.values(shares_id=holder.id, bills_due_at=None, intervals_due_at=None))
    events.publish_all(session, customer.id, _announced(session, holder))
    if row.state != CustomerState.ACTIVE.value:
        credentials.copy(session, vault, customer, holder)
        row.state, row.reason, row.since = CustomerState.ACTIVE.value, "", now(session)
        session.flush()
        queue.enter(session, holder, RunKind.COLLECT, why="signed in by another customer of this login")
    return holder


def hand_over(session: Session, row: CustomerRow) -> None:
    """Another customer who shares what this one holds, if there is one, takes their place with it."""
    query = select(CustomerRow).where(CustomerRow.shares_id == row.id, CustomerRow.state != _REMOVED)
    sharers = session.exec(query.order_by(col(CustomerRow.id)).with_for_update()).all()
    if not sharers:
        return
    heir, *others = sharers
    heir.shares_id = None
    for other in others:
        other.shares_id = heir.id
    has = select(AccountRow.number).where(AccountRow.customer_id == heir.id)
    moved = select(AccountRow.id).where(AccountRow.customer_id == row.id, col(AccountRow.number).not_in(has))
    ids = session.exec(moved).all()
    for part in (BillRow, DocumentRow):
        session.execute(update(part).where(col(part.account_id).in_(ids)).values(customer_id=heir.id))
    session.execute(update(AccountRow).where(col(AccountRow.id).in_(ids)).values(customer_id=heir.id))
    heir.revision += 1
    session.flush()
    if heir.state == CustomerState.ACTIVE.value:
        queue.enter(session, Customer.of(heir), RunKind.COLLECT, why=_TOOK_PLACE)


def _announced(session: Session, holder: Customer) -> Sequence[tuple[EventKind, str, Mapping[str, Any]]]:
    kinds = [kind.value for kind in _FIRST_FETCH]
    query = select(EventRow).where(EventRow.customer_id == holder.id, col(EventRow.kind).in_(kinds))
    about = {"customer_external_id", "utility"}
    return [
        (
            EventKind(row.kind),
            row.key,
            {name: value for name, value in row.facts.items() if name not in about},
        )
        for row in session.exec(query.order_by(col(EventRow.id)))
    ]
