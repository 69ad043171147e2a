"""Events that did not happen: written into the outbox on request, so that their receivers can be tried."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from meterfarm.records import EventKind, Outcome
from meterfarm.storage.customers import Customer, Event
from meterfarm.storage.database import Repository, now, writing
from meterfarm.storage.runs import completion, events
from meterfarm.storage.tables import AccountRow, BillRow, EventRow

_ABOUT_A_BILL = (EventKind.NEW_BILL, EventKind.UPDATED_BILL, EventKind.NEW_UNPARSED_BILL)
_WHY = "fired as a test"


class FiredEvents(Repository):
    """As ``CompanyStore.fired_events``."""

    @writing
    def fire(
        self, session: Session, customer: Customer, kind: EventKind, bill_id: int | None = None
    ) -> Event | None:
        """Write an event of this kind, with facts of what the customer has; ``test`` among them is true.

        ``bill_id``: which bill it is about, if it is about one; None: the newest. None if the customer has
        nothing of the kind. It changes nothing of the customer.
        """
        facts = _facts(session, customer, kind, bill_id)
        if facts is None:
            return None
        key = f"{events.FIRED}{secrets.token_hex(16)}"
        events.publish(session, customer.id, kind, key, {**facts, "test": True})
        query = select(EventRow).where(EventRow.customer_id == customer.id, EventRow.key == key)
        return events.event_of(session.exec(query).one())


def _facts(
    session: Session, customer: Customer, kind: EventKind, bill_id: int | None
) -> Mapping[str, Any] | None:
    at = now(session)
    if kind in _ABOUT_A_BILL:
        return _of_a_bill(session, customer, bill_id)
    if kind is EventKind.BILLS_READY:
        return completion.bills(session, customer.id)
    if kind is EventKind.INTERVALS_READY:
        return completion.intervals(session, customer.id)
    if kind is EventKind.NEW_INTERVALS:
        return _of_intervals(session, customer)
    if kind is EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS:
        return {"has_filled_credentials": True, "has_filled_credentials_on": events.instant(at)}
    soon = events.instant(at + timedelta(days=7))
    if kind is EventKind.TRUST_EXPIRING:
        return {"trusted_since": events.instant(at), "expires_at": soon}
    if kind is EventKind.CONSENT_EXPIRING_SOON:
        return {"expires_at": soon}
    if kind is EventKind.CONSENT_REVOKED:
        return {"revoked_at": events.instant(at)}
    if kind is EventKind.MAILBOX_FAILED:
        return {"mailbox_id": None, "reason": _WHY}
    outcome = Outcome.PORTAL_DOWN if kind is EventKind.RUN_FAILED else Outcome.BAD_CREDENTIALS
    return {"run_id": None, "outcome": outcome.value, "message": _WHY, "reason": f"{outcome}: {_WHY}"}


def _of_a_bill(session: Session, customer: Customer, bill_id: int | None) -> Mapping[str, Any] | None:
    """As the event has it that announced the bill; a bill without one has what the portal listed."""
    query = (
        select(BillRow, AccountRow.number)
        .join(AccountRow, col(AccountRow.id) == BillRow.account_id)
        .where(AccountRow.customer_id == customer.id)
        .order_by(col(BillRow.billed_on).desc(), col(BillRow.id).desc())
        .limit(1)
    )
    if bill_id is not None:
        query = query.where(BillRow.id == bill_id)
    found = session.exec(query).first()
    if found is None:
        return None
    bill, number = found
    announced = session.exec(
        select(EventRow.facts)
        .where(EventRow.customer_id == customer.id, EventRow.key == str(bill.id))
        .where(col(EventRow.kind).in_([kind.value for kind in _ABOUT_A_BILL]))
        .order_by(col(EventRow.id).desc())
        .limit(1)
    ).first()
    billed_on = bill.billed_on.isoformat() if bill.billed_on else None
    return announced or {
        "id": bill.id,
        "account_number": number,
        "billed_on": billed_on,
        "total_amount": None,
    }


def _of_intervals(session: Session, customer: Customer) -> Mapping[str, Any] | None:
    """Of the first account that has any: all there is, and none of it new."""
    meters = completion.intervals(session, customer.id)["meters"]
    if not meters:
        return None
    account = meters[0]["account_number"]
    ours = [meter for meter in meters if meter["account_number"] == account]
    return {
        "account_number": account,
        "meters": sorted({meter["id"] for meter in ours}),
        "first": _instant(min(meter["first"] for meter in ours)),
        "last": _instant(max(meter["last"] for meter in ours)),
        "inserted": 0,
        "changed": 0,
    }


def _instant(epoch: int) -> str:
    return events.instant(datetime.fromtimestamp(epoch, UTC))
