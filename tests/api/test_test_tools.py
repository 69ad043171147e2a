"""Test tools by API and command: events that did not happen, broken logins, fake portals that fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from meterfarm.fake_utility.running import FakeUtility
from meterfarm.farm.settings import FarmSettings
from meterfarm.records import EventKind, Outcome, SecretKind
from meterfarm.services.api_keys import create_key
from meterfarm.services.event_payloads import EventRendering
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import FollowUp
from tests.api.server import ApiServer, served
from tests.storage.made import ACCOUNT, bill, listed, pdf, save_bill

UTILITY = "speculoos_power"
VALID = "iamvalid.7@bayou.energy"
BASE = "/api/v2/test"


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The control pages of fake portals, which run in a process of their own."""
    with FakeUtility(home=tmp_path_factory.mktemp("portals")) as at:
        yield at.settings()["METERFARM_FAKE_CONTROLS"]


@pytest.fixture(scope="module")
def api(portals: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with served(tmp_path_factory.mktemp("api") / "home", FarmSettings(fake_controls=portals)) as server:
        yield server


@pytest.fixture(scope="module")
def customer(api: ApiServer) -> Customer:
    """An active customer with a bill and readings, of whom nothing is complete yet."""
    added = api.store.customers.add(UTILITY, VALID, secrets={SecretKind.PASSWORD: "x"})
    (run,) = api.store.runs.list(customer_id=added.id)
    taken = api.farm.runs.take(run.id, run.attempt)
    assert taken is not None
    api.store.runs.finish(taken[0].lease, Outcome.COMPLETE, "", follow=FollowUp(is_back=True))
    account = api.store.accounts.save(added, ACCOUNT)
    save_bill(api.store, account, listed(), pdf(), bill(), layout=UTILITY, layout_version=1)
    return added


def _broken(portals: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{portals}/{UTILITY}/breaks", params={"username": VALID}).json()
    return {name: found[name] for name in ("login_is_broken", "breaks_after")}


def test_any_event_is_fired_into_the_outbox_and_changes_nothing(api: ApiServer, customer: Customer) -> None:
    before = api.client.get(f"/api/v2/customers/{customer.id}").json()
    no_intervals = {EventKind.NEW_INTERVALS}
    for kind in EventKind:
        answer = api.client.post(f"{BASE}/events", json={"customer_id": customer.id, "event": kind})
        assert answer.status_code == (409 if kind in no_intervals else 200), answer.text
    fired = [event for event in api.store.events.after() if event.facts.get("test")]
    assert {event.kind for event in fired} == set(EventKind) - no_intervals
    rendering = EventRendering(api.url)
    rendered = [rendering.of(api.store, event) for event in fired]
    assert [(sent["event"], sent["test"]) for sent in rendered] == [(event.kind, True) for event in fired]
    about = {event.kind: event.facts for event in fired}
    assert about[EventKind.NEW_BILL]["total_amount"] == about[EventKind.UPDATED_BILL]["total_amount"] == 4200
    after = api.client.get(f"/api/v2/customers/{customer.id}").json()
    links = ("onboarding_link", "onboarding_token")
    assert {**after, **dict.fromkeys(links)} == {**before, **dict.fromkeys(links)}
    assert after["bills_are_ready"] is False


def test_what_cannot_be_fired_is_said(api: ApiServer, customer: Customer) -> None:
    for body, status in (
        ({"customer_id": customer.id, "event": "no_such"}, 400),
        ({"customer_id": customer.id, "event": "new_bill", "bill_id": 99}, 409),
        ({"customer_id": customer.id, "event": "new_bill", "bill_id": 2**63}, 404),
        ({"customer_id": 99, "event": "new_bill"}, 404),
        ({"customer_id": 2**63, "event": "new_bill"}, 404),
        ({"customer_id": customer.id, "event": 1}, 400),
        ({}, 400),
    ):
        assert api.client.post(f"{BASE}/events", json=body).status_code == status, body


def test_a_login_is_broken_and_mended_and_a_run_notices(
    api: ApiServer, customer: Customer, portals: str
) -> None:
    at = f"{BASE}/customers/{customer.id}"
    broken = api.client.post(f"{at}/break_login", json={"after_documents": 3})
    assert broken.json()["status"] == "ok"
    (run,) = api.store.runs.list(customer_id=customer.id, active=True)
    assert (run.id, run.kind) == (broken.json()["run_id"], "collect")
    assert _broken(portals) == {"login_is_broken": False, "breaks_after": 3}
    assert api.client.post(f"{at}/break_login").status_code == 200
    assert _broken(portals) == {"login_is_broken": True, "breaks_after": None}
    assert api.client.post(f"{at}/mend_login").status_code == 200
    assert _broken(portals) == {"login_is_broken": False, "breaks_after": None}
    for what in ("expire_session", "expire_mfa"):
        assert api.client.post(f"{at}/{what}").json()["run_id"] == run.id
    assert api.client.post(f"{at}/break_login", json={"after_documents": -1}).status_code == 400


def test_a_fake_portal_fails_until_it_is_well_again(api: ApiServer, portals: str) -> None:
    at, faults = f"{BASE}/utilities/Speculoos/portal", f"{portals}/{UTILITY}/faults"
    failing = api.client.post(at, json={"down": True, "retry_after": 3}).json()
    assert failing["details"] == (
        f"The portal of {UTILITY} is down and refuses requests (429) with Retry-After: 3"
    )
    assert httpx.get(faults).json() == {"down": True, "too_many": {"retry_after": 3}}
    assert api.client.post(at).json()["details"] == f"The portal of {UTILITY} is well"
    assert httpx.get(faults).json() == {}
    assert api.client.post(at, json={"slow_seconds": "x"}).status_code == 400
    assert api.client.post(f"{BASE}/utilities/xcel_energy/portal").status_code == 409


def test_a_live_key_and_a_customer_without_a_fake_login_are_refused(api: ApiServer) -> None:
    live = next(each for each in api.farm.companies.list() if each.live)
    with api.client_of(create_key(api.farm.of(live))[1]) as client:
        for path in (
            "events",
            "customers/1/break_login",
            "customers/1/mend_login",
            f"utilities/{UTILITY}/portal",
        ):
            refused = client.post(f"{BASE}/{path}", json={})
            assert (refused.status_code, refused.json()["error_code"]) == (403, "api_key_not_permitted")
    wished = api.client.post("/api/v2/customers", json={"utility": "xcel_energy"}).json()["id"]
    refused = api.client.post(f"{BASE}/customers/{wished}/break_login")
    assert (refused.status_code, refused.json()["error_code"]) == (409, "conflict")
    assert "has no login yet" in refused.json()["error_message"]
