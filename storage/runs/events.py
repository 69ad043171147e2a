"""The outbox: what happened to customers, written in the transaction that makes it true."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, text
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from meterfarm.records import CustomerState, EventKind
from meterfarm.storage.customers import Event, RemovedCustomer
from meterfarm.storage.database import Repository, at_the_end, insert_absent, now, reading
from meterfarm.storage.tables import EventRow, RemovedCustomerRow, metadata
from meterfarm.support.logs import request_id

FIRED = "fired "
"""So begin the keys of events that did not happen (``fired_events``)."""
ADDED = frozenset({"customer_external_id", "utility", "request_id"})
"""Facts that every event is given; ``request_id`` of a request of the API that did it."""
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
