"""Events and bills as Bayou's API words them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from meterfarm.records import EventKind
from meterfarm.services.bayou import event_json
from meterfarm.storage.customers import Event
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, USERNAME, UTILITY, bill, listed, pdf, save_bill

SHARED = {"customer_external_id": "A-1", "utility": UTILITY}


def _object(kind: EventKind, **facts: object) -> dict[str, Any]:
    found = event_json(Event(1, 7, None, kind, "key", {**SHARED, **facts}, datetime.now(UTC)))
    assert (found["event"], list(found)) == (kind.value, ["event", "object"])
    about = found["object"]
    assert isinstance(about, dict)
    assert {name: about.pop(name) for name in ("customer_id", *SHARED)} == {"customer_id": 7, **SHARED}
    return about


def test_a_bill_in_store_becomes_bayous_event(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    account = store.accounts.save(customer, ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    (event,) = store.events.after()
    assert event_json(event) == {
        "event": "new_bill",
        "object": {
            "customer_id": customer.id,
            "customer_external_id": None,
            "utility": UTILITY,
            "id": store.bills.list(account)["b1"].id,
            "external_id": None,
            "status": "unlocked",
            "account_number": ACCOUNT.number,
            "billed_on": "2026-01-05",
            "total_amount": 4200,
            "outstanding_balance": -1,
            "billing_period_from": "2025-12-01",
            "billing_period_to": "2025-12-31",
        },
    }
    assert _object(EventKind.NEW_UNPARSED_BILL, id=1)["status"] == "unparsed"


def test_bills_that_are_ready_are_parsed_or_not() -> None:
    bills = [
        {"id": 1, "billed_on": "2026-01-05", "account_number": "12", "is_read": True},
        {"id": 2, "billed_on": "2026-02-05", "account_number": "12", "is_read": False},
    ]
    assert _object(EventKind.BILLS_READY, bills=bills) == {
        "bills_parsed": [{"id": 1, "billed_on": "2026-01-05", "account_number": "12"}],
        "bills_unparsed": [{"id": 2}],
    }


def test_intervals_that_are_ready_are_by_account_and_meter() -> None:
    meters = [
        {"account_number": "12", "id": "E1", "commodity": "electricity", "first": 0, "last": 86_400},
        {"account_number": "12", "id": "G1", "commodity": "gas", "first": 3_600, "last": 90_000},
    ]
    periods = [
        [{"period_from": "1970-01-01T00:00:00Z", "period_to": "1970-01-02T00:00:00Z"}],
        [{"period_from": "1970-01-01T01:00:00Z", "period_to": "1970-01-02T01:00:00Z"}],
    ]
    assert _object(EventKind.INTERVALS_READY, meters=meters) == {
        "first_interval_discovered": "1970-01-01T00:00:00Z",
        "last_interval_discovered": "1970-01-02T01:00:00Z",
        "available_data": {
            "account_numbers": [
                {
                    "id": "12",
                    "meters": [
                        {"id": "E1", "type": "electric", "periods": periods[0]},
                        {"id": "G1", "type": "gas", "periods": periods[1]},
                    ],
                }
            ]
        },
    }
    nothing = _object(EventKind.INTERVALS_READY, meters=[])
    assert (nothing["first_interval_discovered"], nothing["available_data"]) == (
        None,
        {"account_numbers": []},
    )


def test_new_intervals_name_their_first_and_last() -> None:
    about = _object(EventKind.NEW_INTERVALS, first="2026-01-01T00:00:00Z", last="2026-01-02T00:00:00Z")
    assert about == {
        "first_interval_discovered": "2026-01-01T00:00:00Z",
        "last_interval_discovered": "2026-01-02T00:00:00Z",
    }
