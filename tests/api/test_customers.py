"""Customers over HTTP: made, found by either id, changed, deleted; what of them is refused, and how."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from meterfarm.services.api_keys import create_key, revoke_key
from meterfarm.services.companies import add_company, company_store
from tests.api.server import ApiServer

UTILITY = "speculoos_power"
FIELDS = {
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Moreau",
    "phone_number": "518-555-0123",
    "address_line_1": "1 Main St",
    "address_line_2": None,
    "city": "Albany",
    "state": "NY",
    "zipcode": "01207",
}


def test_a_customer_is_made_found_changed_and_deleted(api: ApiServer) -> None:
    made = api.client.post("/api/v2/customers", json={**FIELDS, "utility": UTILITY, "country": "US"})
    assert made.status_code == 201, made.text
    customer = made.json()
    assert {name: customer[name] for name in FIELDS} == FIELDS
    assert (customer["utility"], customer["external_id"], customer["tags"]) == ("speculoos_power", None, [])
    assert customer["has_filled_credentials"] is customer["bills_are_ready"] is False
    assert (customer["utility_has_intervals"], customer["account_numbers"]) == (True, [])
    assert "country" not in customer
    path = f"/api/v2/customers/{customer['id']}"
    changed = api.client.patch(path, json={"external_id": "A/1: 100%", "city": None, "id": 7})
    assert (changed.status_code, changed.json()["id"]) == (200, customer["id"])
    assert (changed.json()["city"], changed.json()["email"]) == (None, FIELDS["email"])
    external = f"/api/v2/customers/external_id:{quote('A/1: 100%', safe='')}"
    found = api.client.get(external).json()
    assert (found["id"], found["external_id"]) == (customer["id"], "A/1: 100%")
    assert [each["id"] for each in api.client.get("/api/v2/customers").json()] == [customer["id"]]
    assert api.client.patch(external, json={"external_id": "A/1: 100%"}).status_code == 200
    assert api.client.patch(path, json={"external_id": None}).json()["external_id"] is None
    assert api.client.get(external).json()["error_code"] == "external_id_invalid"
    assert api.client.delete(path).status_code == 204
    assert api.client.get(path).json()["error_code"] == "customer_id_invalid"
    assert api.client.get("/api/v2/customers").json() == []


def test_a_customer_of_no_utility_may_be_given_one_and_then_a_login(api: ApiServer) -> None:
    made = api.client.post("/api/v2/customers", json={}).json()
    assert (made["utility"], made["utility_has_intervals"], made["email"]) == (None, False, None)
    path = f"/api/v2/customers/{made['id']}"
    assert api.client.patch(path, json={"utility": "Speculoos Power"}).json()["utility"] == "speculoos_power"
    customer = api.store.customers.by_id(made["id"])
    assert customer is not None
    api.store.customers.update(customer, username="ada@bayou.energy")
    again = api.client.patch(path, json={"utility": "speculoos_power", "city": "Troy"})
    assert (again.status_code, again.json()["city"]) == (200, "Troy")
    refused = api.client.patch(path, json={"utility": "xcel_energy"})
    assert (refused.status_code, refused.json()["error_code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "no address"}, "customer_email_invalid"),
        ({"email": f"a@{'b' * 320}.example"}, "customer_email_invalid"),
        ({"first_name": "x" * 31}, "customer_first_name_invalid"),
        ({"last_name": 7}, "customer_last_name_invalid"),
        ({"phone_number": ["1"]}, "customer_phone_number_invalid"),
        ({"address_line_1": "a\0b"}, "customer_address_line_1_invalid"),
        ({"address_line_2": {}}, "customer_address_line_2_invalid"),
        ({"city": True}, "customer_city_invalid"),
        ({"zipcode": 12207}, "customer_zipcode_invalid"),
        ({"state": "ny"}, "customer_state_invalid"),
        ({"state": 5}, "customer_state_invalid"),
        ({"utility": "speculos_power_"}, "utility_code_input_invalid"),
        ({"utility": 7}, "utility_code_input_invalid"),
        ({"external_id": 7}, "external_id_invalid_format"),
    ],
)
def test_a_field_that_cannot_be_used_has_an_error_of_its_own(
    api: ApiServer, body: dict[str, object], code: str
) -> None:
    refused = api.client.post("/api/v2/customers", json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (400, code)
    assert refused.json()["docs_url"] == f"{api.url}/docs/error-codes#{code}"
    if code == "utility_code_input_invalid" and isinstance(body["utility"], str):
        assert "Did you mean speculoos_power?" in refused.json()["error_message"]


def test_an_external_id_is_one_customers_only_within_a_company(api: ApiServer) -> None:
    first = api.client.post("/api/v2/customers", json={"external_id": "twice"}).json()
    again = api.client.post("/api/v2/customers", json={"external_id": "twice"})
    assert (again.status_code, again.json()["error_code"]) == (409, "external_id_not_unique")
    assert f"belongs to the customer {first['id']}" in again.json()["error_message"]
    other = api.client.post("/api/v2/customers", json={}).json()
    moved = api.client.patch(f"/api/v2/customers/{other['id']}", json={"external_id": "twice"})
    assert moved.status_code == 409
    add_company(api.farm, "acme")
    theirs = company_store(api.farm, "acme")
    with api.client_of(create_key(theirs)[1]) as client:
        assert client.post("/api/v2/customers", json={"external_id": "twice"}).status_code == 201
        hidden, nobodys = (
            client.get(f"/api/v2/customers/{first['id']}"),
            client.get("/api/v2/customers/99999"),
        )
        assert (hidden.status_code, hidden.json()) == (404, nobodys.json())
    with api.client_of(create_key(company_store(api.farm, "acme", live=True))[1]) as client:
        assert client.get("/api/v2/customers").json() == []
        fake = client.post("/api/v2/customers", json={"utility": "speculoos_power"})
        assert (fake.status_code, "fake utility" in fake.json()["error_message"]) == (400, True)


def test_a_key_is_needed_before_anything_else_and_a_revoked_one_is_none(api: ApiServer) -> None:
    with api.client_of("") as nobody:
        for path in ("/api/v2/customers", "/api/v2/customers/1", "/api/v2/nothing", "/api/v2/customers/x"):
            refused = nobody.get(path)
            assert (refused.status_code, refused.json()["error_type"]) == (401, "auth_error"), path
            assert refused.headers["www-authenticate"].startswith("Basic")
    key, text = create_key(api.store, "to go")
    assert text.startswith("test_default_")
    with api.client_of(text) as client:
        assert client.get("/api/v2/customers").status_code == 200
        revoke_key(api.store, key.id)
        assert client.get("/api/v2/customers").json()["error_code"] == "api_key_invalid"
    assert api.client.get("/api/v2/nothing").json()["error_code"] == "request_path_invalid"
    assert api.client.put("/api/v2/customers").status_code == 405
    assert api.client.get("/healthz").text == "ok\n"
    assert api.client.get("/readyz").json() == {"ready": True, "database": "ok"}


def test_an_id_that_is_none_and_a_body_that_is_none_are_said_to_be_so(api: ApiServer) -> None:
    for text, code in (("x", "customer_id_invalid_format"), ("1" * 31, "customer_id_invalid_format")):
        refused = api.client.get(f"/api/v2/customers/{text}")
        assert (refused.status_code, refused.json()["error_code"]) == (400, code)
    assert api.client.get(f"/api/v2/customers/{'9' * 30}").status_code == 404
    for body in (b"[]", b"{", b'"x"', b"\xff"):
        refused = api.client.post("/api/v2/customers", content=body)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "request_body_invalid")
    too_long = api.client.post("/api/v2/customers", content=b" " * 70_000)
    assert (too_long.status_code, too_long.json()["error_code"]) == (413, "request_too_large")


def test_an_onboarding_link_leads_to_a_page_for_that_customer(api: ApiServer) -> None:
    customer = api.client.post("/api/v2/customers", json={}).json()
    with api.client_of("") as nobody:
        page = nobody.get(customer["onboarding_link"])
        assert (page.status_code, "Connect your utility account to default" in page.text) == (200, True)
        assert customer["onboarding_token"] in customer["onboarding_link"]
        spoiled = customer["onboarding_link"][:-1] + ("0" if customer["onboarding_link"][-1] != "0" else "1")
        assert nobody.get(spoiled).status_code == 404


def test_a_client_that_keeps_its_connection_is_not_cut_off_by_a_body_that_nobody_reads(
    api: ApiServer,
) -> None:
    for method, path in (("DELETE", "/api/v2/customers/999"), ("PUT", "/api/v2/nothing")) * 5:
        refused = api.client.request(method, path, content=b"x" * 2000)
        assert (refused.status_code, refused.headers["connection"]) == (404, "close")
        assert api.client.get("/api/v2/customers/999").status_code == 404
    with api.client_of("") as nobody:
        for _ in range(5):
            assert nobody.post("/api/v2/customers", content=b"{}" * 2000).status_code == 401
