"""What changed of all customers since a cursor: bills and intervals that came or changed, customers gone.

It stands on the outbox, of which ids come in the order of commits: whoever reads on from the cursor that they
got misses nothing, also while others write. Whoever reads from the same cursor again gets the same again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Any

from meterfarm.records import EventKind
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.customers import Event, RemovedCustomer
from meterfarm.storage.store import CompanyStore

MOST_CHANGES = 1_000
CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
"""Of an event and of a removal: the last ones that were handed out."""
_BILLS = {
    EventKind.NEW_BILL: "bill_added",
    EventKind.NEW_UNPARSED_BILL: "bill_added",
    EventKind.UPDATED_BILL: "bill_changed",
}
_KINDS = (*_BILLS, EventKind.INTERVALS_READY, EventKind.NEW_INTERVALS)


class ChangeKind(StrEnum):
    """What happened. With a customer all their bills and intervals are gone."""

    BILL_ADDED = "bill_added"
    BILL_CHANGED = "bill_changed"
    INTERVALS_ADDED = "intervals_added"
    INTERVALS_CHANGED = "intervals_changed"
    CUSTOMER_REMOVED = "customer_removed"


@dataclass(frozen=True, slots=True)
class DataChange:
    """One change. A bill's has ``bill_id``; of intervals it is of these meters, from ``start`` to ``end``."""

    kind: ChangeKind
    at: datetime
    customer_id: int
    customer_external_id: str | None
    account_number: str | None = None
    bill_id: int | None = None
    meters: Sequence[str] = ()
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangesSince:
    """Changes in order. ``cursor`` is where to read on; ``has_more``: at once, for there is more."""

    changes: Sequence[DataChange]
    cursor: str
    has_more: bool


def changes_since(store: CompanyStore, cursor: str = "", limit: int = 100) -> ChangesSince:
    """What came after the cursor; "" is the beginning.

    Raises:
        InvalidRequest: the cursor is none that was handed out, or the limit is not from 1 to 1,000.
    """
    if not 1 <= limit <= MOST_CHANGES:
        raise InvalidRequest(f"A limit is from 1 to {MOST_CHANGES:,}.")
    found = CURSOR.fullmatch(cursor or "0.0")
    if found is None:
        raise InvalidRequest("The cursor is none that was handed out; leave it out to begin anew.")
    event_id, removal_id = map(int, found.groups())
    removals = store.events.removals(removal_id, limit + 1)
    events = store.events.after(event_id, limit + 1, _KINDS)
    both: Sequence[Sequence[Event | RemovedCustomer]] = (events, removals)
    ordered = list(islice(merge(*both, key=_at), limit + 1))
    taken = ordered[:limit]
    event_id = max([event_id, *(each.id for each in taken if isinstance(each, Event))])
    removal_id = max([removal_id, *(each.id for each in taken if isinstance(each, RemovedCustomer))])
    return ChangesSince([_change(each) for each in taken], f"{event_id}.{removal_id}", len(ordered) > limit)


def _at(each: Event | RemovedCustomer) -> datetime:
    return each.at


def _change(each: Event | RemovedCustomer) -> DataChange:
    if isinstance(each, RemovedCustomer):
        return DataChange(ChangeKind.CUSTOMER_REMOVED, each.at, each.customer_id, each.external_id)
    facts = each.facts
    about = (each.at, each.customer_id, facts["customer_external_id"])
    if each.kind in _BILLS:
        return DataChange(
            ChangeKind(_BILLS[each.kind]),
            *about,
            account_number=facts.get("account_number"),
            bill_id=facts["id"],
        )
    if each.kind is EventKind.INTERVALS_READY:
        return DataChange(ChangeKind.INTERVALS_ADDED, *about, **_first_intervals(facts["meters"]))
    return DataChange(
        ChangeKind.INTERVALS_CHANGED if facts["changed"] else ChangeKind.INTERVALS_ADDED,
        *about,
        account_number=facts["account_number"],
        meters=facts["meters"],
        start=datetime.fromisoformat(facts["first"]),
        end=datetime.fromisoformat(facts["last"]),
    )


def _first_intervals(meters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not meters:
        return {}
    return {
        "meters": sorted({meter["id"] for meter in meters}),
        "start": datetime.fromtimestamp(min(meter["first"] for meter in meters), UTC),
        "end": datetime.fromtimestamp(max(meter["last"] for meter in meters), UTC),
    }
