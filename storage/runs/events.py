"""The outbox: what happened to customers, written in the transaction that makes it true.

Events that did not happen are written on request, so that their receivers can be tried.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, text
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from meterfarm.records import CustomerState, EventKind, Outcome
from meterfarm.storage.channels import outgoing
from meterfarm.storage.customers import Customer, Event, RemovedCustomer
from meterfarm.storage.database import Repository, at_the_end, insert_absent, now, reading, writing
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    BillVersionRow,
    EventRow,
    MeterRow,
    ReadingRow,
    RemovedCustomerRow,
    SeriesRow,
    metadata,
)
from meterfarm.support.logs import request_id

FIRED = "fired "
"""So begin the keys of events that did not happen (``FiredEvents``)."""
ABOUT_A_BILL = (EventKind.NEW_BILL, EventKind.UPDATED_BILL, EventKind.NEW_UNPARSED_BILL)
ADDED = frozenset({"customer_external_id", "utility", "request_id"})
"""Facts that every event is given; ``request_id`` of a request of the API that did it."""
_WHY = "fired as a test"
_LOCK = 0x6D657665
_WRITTEN = "events written"
_EVENT, _CUSTOMER = (metadata.tables[name] for name in ("event", "customer"))
_CUSTOMERS_OF = (
    columns(_CUSTOMER.c.id, _CUSTOMER.c.company_id, _CUSTOMER.c.external_id, _CUSTOMER.c.utility)
    .where(
        or_(
            _CUSTOMER.c.id == bindparam("customer"),
            and_(
                _CUSTOMER.c.shares_id == bindparam("customer"),
                _CUSTOMER.c.state != CustomerState.REMOVED.value,
            ),
        )
    )
    .order_by(_CUSTOMER.c.id)
)
_RENUMBER = {
    table: text(f"UPDATE {table} SET id = nextval(pg_get_serial_sequence('{table}', 'id')) WHERE id = :id")  # noqa: S608 - our own names
    for table in ("event", "removed_customer")
}
_ONE_OF_KIND = (
    columns(_EVENT.c.id)
    .where(_EVENT.c.customer_id == bindparam("customer"), _EVENT.c.kind == bindparam("kind"))
    .where(~_EVENT.c.key.startswith(FIRED))
    .limit(1)
)


def publish(
    session: Session,
    customer_id: int,
    kind: EventKind,
    key: str,
    facts: Mapping[str, Any],
    *,
    run_id: int | None = None,
) -> bool:
    """Write an event unless the customer has one of this kind and key; whether it was written.

    ``facts`` are JSON, in our own words; ``ADDED`` come to them. No secrets.
    """
    return bool(publish_all(session, customer_id, [(kind, key, facts)], run_id=run_id))


def publish_all(
    session: Session,
    customer_id: int,
    events: Sequence[tuple[EventKind, str, Mapping[str, Any]]],
    *,
    run_id: int | None = None,
) -> int:
    """Write several events of a customer, each a kind, a key and facts; how many were new.

    They are those of the customers too who share what this one holds.
    """
    if not events:
        return 0
    found = session.connection().execute(_CUSTOMERS_OF, {"customer": customer_id}).all()
    at = now(session)
    asked = {"request_id": request_id()} if request_id() else {}
    rows = [
        {
            "company_id": company_id,
            "customer_id": each,
            "run_id": run_id,
            "at": at,
            "kind": kind.value,
            "key": key,
            "facts": {"customer_external_id": external_id, "utility": utility, **facts, **asked},
        }
        for each, company_id, external_id, utility in found
        for kind, key, facts in events
    ]
    written = insert_absent(session, EventRow, rows, "id")
    if session.get_bind().dialect.name == "postgresql":
        _number_last(session, written)
    happened = [(kind, key) for kind, key, _ in events if not key.startswith(FIRED)]
    outgoing.enter_notices(
        session, [(company_id, each, *event) for each, company_id, *_ in found for event in happened]
    )
    return len(written)


def publish_removal(session: Session, company_id: int, customer_id: int, external_id: str | None) -> None:
    """Write that a customer was deleted; their events went with them."""
    values = {
        "company_id": company_id,
        "customer_id": customer_id,
        "external_id": external_id,
        "at": now(session),
    }
    written = insert_absent(session, RemovedCustomerRow, [values], "id")
    if session.get_bind().dialect.name == "postgresql":
        _number_last(session, written, "removed_customer")


def exists(session: Session, customer_id: int, kind: EventKind) -> bool:
    """Whether the customer has an event of this kind that did happen."""
    asked = {"customer": customer_id, "kind": kind.value}
    return session.connection().scalar(_ONE_OF_KIND, asked) is not None


def _number_last(session: Session, written: Sequence[int], table: str = "event") -> None:
    if not written:
        return
    if _WRITTEN not in session.info:
        session.info[_WRITTEN] = []
        at_the_end(session, _number)
    session.info[_WRITTEN].extend((table, row_id) for row_id in written)


def _number(session: Session) -> None:
    """Renumber this transaction's events, one transaction at a time and last thing before its commit.

    So ids come in the order of commits, and who reads on after the last id they saw misses none. Nothing is
    waited for once the lock is held.
    """
    connection = session.connection()
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    for table, row_id in session.info.pop(_WRITTEN):
        connection.execute(_RENUMBER[table], {"id": row_id})


class Events(Repository):
    """As ``CompanyStore.events``."""

    @reading
    def after(
        self, session: Session, event_id: int = 0, limit: int = 100, kinds: Collection[EventKind] = ()
    ) -> Sequence[Event]:
        """Those with greater ids, by id; none is ever added before one that was there."""
        query = (
            select(EventRow)
            .where(EventRow.id > event_id, EventRow.company_id == self._company_id)
            .order_by(col(EventRow.id))
            .limit(limit)
        )
        if kinds:
            query = query.where(col(EventRow.kind).in_([kind.value for kind in kinds]))
        return [event_of(row) for row in session.exec(query)]

    @reading
    def removals(self, session: Session, removal_id: int = 0, limit: int = 100) -> Sequence[RemovedCustomer]:
        """Customers deleted, with greater ids, by id; as with events none is added before another."""
        row = RemovedCustomerRow
        query = select(row).where(row.id > removal_id, row.company_id == self._company_id)
        return [
            RemovedCustomer(found.id, found.customer_id, found.external_id, found.at)
            for found in session.exec(query.order_by(col(row.id)).limit(limit))
        ]

    @reading
    def newest(self, session: Session) -> int:
        """The id of the newest event, 0 if there is none."""
        query = select(func.max(EventRow.id)).where(EventRow.company_id == self._company_id)
        return session.exec(query).one() or 0


def event_of(row: EventRow) -> Event:
    """The event of a row."""
    return Event(row.id, row.customer_id, row.run_id, EventKind(row.kind), row.key, row.facts, row.at)


def instant(at: datetime) -> str:
    """An instant as facts have it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def bill_facts(session: Session, customer_id: int) -> dict[str, Any]:
    """Of ``bills_ready``: which bills are there, read and unread."""
    query = (
        columns(
            col(BillRow.id),
            col(BillRow.billed_on),
            col(AccountRow.number),
            func.max(col(BillVersionRow.billed_on)),
        )
        .join(AccountRow, col(AccountRow.id) == BillRow.account_id)
        .join(BillVersionRow, col(BillVersionRow.bill_id) == BillRow.id)
        .where(col(AccountRow.customer_id) == customer_id)
        .group_by(col(BillRow.id), col(BillRow.billed_on), col(AccountRow.number))
        .order_by(col(BillRow.id))
    )
    found = session.execute(query).all()
    return {
        "bills": [
            {
                "id": bill_id,
                "billed_on": billed_on.isoformat(),
                "account_number": number,
                "is_read": read_on is not None,
            }
            for bill_id, billed_on, number, read_on in found
        ]
    }


def interval_facts(session: Session, customer_id: int) -> dict[str, Any]:
    """Of ``intervals_ready``: from when to when there are readings, by account and meter."""
    query = (
        columns(
            col(AccountRow.number),
            col(MeterRow.number),
            col(MeterRow.commodity),
            func.min(col(ReadingRow.start)),
            func.max(col(ReadingRow.start) + col(ReadingRow.seconds)),
        )
        .join(MeterRow, col(MeterRow.account_id) == AccountRow.id)
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .join(ReadingRow, col(ReadingRow.series_id) == SeriesRow.id)
        .where(col(AccountRow.customer_id) == customer_id)
        .group_by(col(AccountRow.number), col(MeterRow.number), col(MeterRow.commodity))
        .order_by(col(AccountRow.number), col(MeterRow.number))
    )
    return {
        "meters": [
            {"account_number": account, "id": meter, "commodity": commodity, "first": start, "last": end}
            for account, meter, commodity, start, end in session.execute(query)
        ]
    }


class FiredEvents(Repository):
    """As ``CompanyStore.fired_events``: events that did not happen."""

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
        key = f"{FIRED}{secrets.token_hex(16)}"
        publish(session, customer.id, kind, key, {**facts, "test": True})
        query = select(EventRow).where(EventRow.customer_id == customer.id, EventRow.key == key)
        return event_of(session.exec(query).one())


def _facts(
    session: Session, customer: Customer, kind: EventKind, bill_id: int | None
) -> Mapping[str, Any] | None:
    at = now(session)
    if kind in ABOUT_A_BILL:
        return _of_a_bill(session, customer, bill_id)
    if kind is EventKind.BILLS_READY:
        return bill_facts(session, customer.id)
    if kind is EventKind.INTERVALS_READY:
        return interval_facts(session, customer.id)
    if kind is EventKind.NEW_INTERVALS:
        return _of_intervals(session, customer)
    if kind is EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS:
        return {"has_filled_credentials": True, "has_filled_credentials_on": instant(at)}
    soon = instant(at + timedelta(days=7))
    if kind is EventKind.TRUST_EXPIRING:
        return {"trusted_since": instant(at), "expires_at": soon}
    if kind is EventKind.CONSENT_EXPIRING_SOON:
        return {"expires_at": soon}
    if kind is EventKind.CONSENT_REVOKED:
        return {"revoked_at": instant(at)}
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
        .where(col(EventRow.kind).in_([kind.value for kind in ABOUT_A_BILL]))
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
    meters = interval_facts(session, customer.id)["meters"]
    if not meters:
        return None
    account = meters[0]["account_number"]
    ours = [meter for meter in meters if meter["account_number"] == account]
    return {
        "account_number": account,
        "meters": sorted({meter["id"] for meter in ours}),
        "first": _instant_of(min(meter["first"] for meter in ours)),
        "last": _instant_of(max(meter["last"] for meter in ours)),
        "inserted": 0,
        "changed": 0,
    }


def _instant_of(epoch: int) -> str:
    return instant(datetime.fromtimestamp(epoch, UTC))
