"""Events as webhooks have them: the fields of Bayou's documentation, from the store as it is then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meterfarm.records import BillSource, Outcome, Part, RunKind, SecretKind
from meterfarm.services.event_payloads import EventRendering
from meterfarm.services.event_samples import sample
from meterfarm.services.links import onboarded_customer
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import UploadedBill
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import DELIVERED_KINDS
from tests.api.official_contract import EVENTS
from tests.storage.made import (
    ACCOUNT,
    EXPORT,
    UTILITY,
    begun,
    bill,
    claimed,
    listed,
    pdf,
    save_bill,
    series,
)

URL = "https://api.example"
RENDERING = EventRendering(URL)


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    """Whose first fetch found a bill that is read, one that is not, and intervals."""
    secrets = {SecretKind.PASSWORD: "canary-51d0"}
    customer = store.customers.add(UTILITY, "ada@x.example", external_id="A-1", secrets=secrets)
    _end(store, Outcome.COMPLETE, FollowUp(is_back=True))
    account = store.accounts.save(customer, ACCOUNT)
    save_bill(store, account, listed("b1"), pdf(b"%PDF one"), bill(), layout="l", layout_version=1)
    save_bill(store, account, listed("b2"), pdf(b"%PDF two"), None, layout="", layout_version=0)
    store.readings.save(account, EXPORT, "jan", [series([1, 2, 3])])
    ready = FollowUp(ready=frozenset(Part))
    store.runs.finish(begun(store, customer, RunKind.SCRAPE), Outcome.COMPLETE, "", follow=ready)
    store.readings.save(account, EXPORT, "feb", [series([1, 2, 3, 4, 5])])
    save_bill(store, account, listed("b1"), pdf(b"%PDF more"), bill(4300), layout="l", layout_version=1)
    store.customers.update(customer, secrets={SecretKind.PASSWORD: "canary-wrong"})
    refused = FollowUp(must_reauthenticate="bad_credentials: No match.")
    _end(store, Outcome.BAD_CREDENTIALS, refused)
    return customer


def _end(store: CompanyStore, outcome: Outcome, follow: FollowUp) -> None:
    (run,) = store.runs.list(active=True)
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    store.runs.finish(claim.lease, outcome, "", follow=follow)


def _objects(store: CompanyStore) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in store.events.after():
        payload = RENDERING.of(store, event)
        assert list(payload) == ["event", "object"]
        assert isinstance(payload["object"], dict)
        found[str(payload["event"])] = payload["object"]
        json.dumps(payload)
    return found


def test_events_come_in_their_order_and_have_the_documented_fields(
    store: CompanyStore, customer: Customer
) -> None:
    found = _objects(store)
    assert list(found) == [
        "customer_has_filled_credentials",
        "new_bill",
        "new_unparsed_bill",
        "bills_ready",
        "intervals_ready",
        "new_intervals",
        "updated_bill",
        "customer_must_reauthenticate",
    ]
    for kind, expected in EVENTS.items():
        assert isinstance(expected, dict)
        assert set(found[kind]) == set(expected), kind
    for each in DELIVERED_KINDS:
        assert set(sample(each)["object"]) == set(found[each])


def test_a_customers_events_have_both_spellings_of_its_ids_as_they_are_now(
    store: CompanyStore, customer: Customer
) -> None:
    store.customers.update(customer, external_id="A-2")
    ids = {
        "id": customer.id,
        "external_id": "A-2",
        "customer_id": customer.id,
        "customer_external_id": "A-2",
    }
    found = _objects(store)
    for kind in ("customer_has_filled_credentials", "customer_must_reauthenticate", "bills_ready"):
        assert ids.items() <= found[kind].items()
    assert ids.items() <= found["intervals_ready"].items()
    filled = found["customer_has_filled_credentials"]
    assert (filled["utility"], filled["utility_data_velocity"]) == (UTILITY, "instant")
    assert filled["has_filled_credentials"] is True
    must = found["customer_must_reauthenticate"]
    assert must["reason"] == "credentials_are_invalid"
    assert onboarded_customer(store.farm, must["onboarding_token"]) == customer.id
    assert must["onboarding_link"].startswith(f"{URL}/companies/{store.company_id}/sign_up?key=")


@pytest.mark.parametrize(
    ("utility", "soon"), [("pepernoot_coop", "8 hours"), ("xcel_energy", "unknown"), ("nowhere", "unknown")]
)
def test_how_soon_data_come_is_the_utilitys_own(store: CompanyStore, utility: str, soon: str) -> None:
    """One that makes exports in its own time, one without a script, one that nobody knows."""
    customer = store.customers.create(utility)
    store.bills.upload(UploadedBill(pdf(b"%PDF nothing"), BillSource.API, customer_id=customer.id))
    assert _objects(store)["new_unparsed_bill"]["utility_data_velocity"] == soon


def test_bills_are_whole_and_as_they_are_now(store: CompanyStore, customer: Customer) -> None:
    found = _objects(store)
    new = found["new_bill"]
    assert (new["total_amount"], new["past_due"], new["customer_external_id"]) == (4300, False, "A-1")
    assert new["meters"][0]["consumption"] == 123456
    assert new["file_url"].startswith(f"{URL}/files/bills/")
    unparsed = found["new_unparsed_bill"]
    assert unparsed["status"] in ("unparsed", "not_supported")
    ready = found["bills_ready"]
    assert [each["id"] for each in ready["bills_parsed"]] == [new["id"]]
    assert set(ready["bills_parsed"][0]) == set(new)
    assert ready["bills_unparsed"] == [{"id": unparsed["id"]}]
    period = {"period_from": "2025-12-01", "period_to": "2025-12-31"}
    assert ready["available_data"]["account_numbers"] == [
        {
            "id": ACCOUNT.number,
            "meters": [{"id": "E1000001", "type": "electric", "periods": [period]}],
        }
    ]


def test_intervals_are_by_account_and_meter_and_new_ones_say_which_span_changed(
    store: CompanyStore, customer: Customer
) -> None:
    found = _objects(store)
    for about in (found["intervals_ready"], found["new_intervals"]):
        assert about["first_interval_discovered"] == "2023-11-14T22:15:00Z"
        assert about["last_interval_discovered"] == "2023-11-14T23:15:00Z"
        (account,) = about["available_data"]["account_numbers"]
        (meter,) = account["meters"]
        assert (account["id"], meter["id"], meter["type"]) == (ACCOUNT.number, "E1000001", "electric")
        (period,) = meter["periods"]
        assert period["period_from"] < period["period_to"]
    (new,) = found["new_intervals"]["available_data"]["account_numbers"][0]["meters"][0]["periods"]
    assert new == {"period_from": "2023-11-14T23:00:00Z", "period_to": "2023-11-14T23:30:00Z"}
