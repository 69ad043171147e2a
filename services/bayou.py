"""What the store holds as Bayou's API words it. The fields themselves are ``formats.bills.bayou``'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from meterfarm.formats.bills.bayou import bill_json, meter_type
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill, Commodity, EventKind
from meterfarm.support.instants import stamp

if TYPE_CHECKING:  # bills are read where no database is installed
    from meterfarm.storage.customers import Customer, Event
    from meterfarm.storage.data import StoredAccount, StoredBill

_OF_A_BILL = (EventKind.NEW_BILL, EventKind.UPDATED_BILL, EventKind.NEW_UNPARSED_BILL)
_ONLY_IN_STORE = ("id", "external_id", "customer_id", "customer_external_id", "status", "file_url")


def stored_bill_json(
    customer: Customer, stored: StoredAccount, bill: StoredBill, file_url: str | None
) -> dict[str, object]:
    """A bill in store. One that was not read, or has units without a Bayou field, has the status unparsed."""
    as_bayou = partial(
        bill_json,
        utility=customer.utility,
        bill_id=bill.id,
        customer_id=customer.id,
        account_number=stored.account.number,
        billed_on=bill.billed_on,
        file_url=file_url,
    )
    if bill.bill is not None:
        with suppress(FormatError):
            return as_bayou(bill.bill)
    return as_bayou(None, status="unparsed")


def unstored_bill_json(bill: Bill, utility_id: str) -> dict[str, object]:
    """A bill that was read from a file, without the fields that only a stored one has.

    Raises:
        FormatError: a meter's unit has no Bayou field.
    """
    fields = bill_json(
        bill,
        utility=utility_id,
        bill_id=0,
        customer_id=0,
        account_number=bill.account_number,
        billed_on=bill.billed_on,
        file_url=None,
    )
    kept = {name: value for name, value in fields.items() if name not in _ONLY_IN_STORE}
    meters = kept["meters"]
    if isinstance(meters, list):
        kept["meters"] = [
            {name: value for name, value in meter.items() if name != "status"} for meter in meters
        ]
    return kept


def event_json(event: Event) -> dict[str, object]:
    """An event as Bayou's webhooks have it: its name, and an object with the customer's ids."""
    facts = dict(event.facts)
    if event.kind is EventKind.BILLS_READY:
        facts.update(_bills_ready(facts.pop("bills")))
    elif event.kind is EventKind.INTERVALS_READY:
        facts.update(_intervals_ready(facts.pop("meters")))
    elif event.kind is EventKind.NEW_INTERVALS:
        facts["first_interval_discovered"] = facts.pop("first")
        facts["last_interval_discovered"] = facts.pop("last")
    elif event.kind in _OF_A_BILL:
        status = "unparsed" if event.kind is EventKind.NEW_UNPARSED_BILL else "unlocked"
        facts = {**facts, "external_id": None, "status": status}
    return {"event": event.kind.value, "object": {"customer_id": event.customer_id, **facts}}


def _bills_ready(bills: Sequence[Mapping[str, object]]) -> dict[str, object]:
    shown = ("id", "billed_on", "account_number")
    return {
        "bills_parsed": [{name: bill[name] for name in shown} for bill in bills if bill["is_read"]],
        "bills_unparsed": [{"id": bill["id"]} for bill in bills if not bill["is_read"]],
    }


def _intervals_ready(meters: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    accounts: dict[str, list[dict[str, object]]] = {}
    for meter in meters:
        period = {"period_from": stamp(meter["first"]), "period_to": stamp(meter["last"])}
        accounts.setdefault(meter["account_number"], []).append(
            {"id": meter["id"], "type": meter_type(Commodity(meter["commodity"])), "periods": [period]}
        )
    first = min((meter["first"] for meter in meters), default=None)
    last = max((meter["last"] for meter in meters), default=None)
    return {
        "first_interval_discovered": None if first is None else stamp(first),
        "last_interval_discovered": None if last is None else stamp(last),
        "available_data": {
            "account_numbers": [{"id": number, "meters": found} for number, found in accounts.items()]
        },
    }
