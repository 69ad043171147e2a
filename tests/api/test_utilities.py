"""The catalogue over HTTP."""

from __future__ import annotations

from datetime import datetime

from meterfarm.services.api_keys import create_key
from meterfarm.services.utilities import list_utilities
from tests.api.server import ApiServer

UTILITY = "speculoos_power"


def test_all_utilities_are_listed_with_what_is_known_of_each(api: ApiServer) -> None:
    answer = api.client.get("/api/v2/utilities")
    assert answer.status_code == 200
    listed = {row["id"]: row for row in answer.json()}
    assert list(listed) == [info.entry.id for info in list_utilities()]
    assert all(row["id"] == row["api_identifier"] == row["identifier"] for row in listed.values())
    speculoos = listed[UTILITY]
    assert (speculoos["is_active"], speculoos["bill_availability"]) == (True, "instant")
    assert speculoos["mfa"] == {"asked": "asked", "factors": ["email", "question", "sms", "totp"]}
    assert datetime.fromisoformat(speculoos["status_since"]).date().isoformat() == "2026-11-21"
    xcel = listed["xcel_energy"]
    assert (xcel["is_active"], xcel["status"]) == (False, "not_supported")
    assert (xcel["bill_availability"], xcel["interval_availability"]) == ("none", "none")
    assert xcel["parts"] == ["bills", "intervals"]
    con_edison = listed["con_edison"]
    assert (con_edison["is_active"], con_edison["status"]) == (True, "unverified")
    assert con_edison["parts"] == ["intervals"]
    assert listed["commonwealth_edison"]["meter_attributes"] == [
        {"name": "electric_choice_id", "meters": "electric"}
    ]
    assert listed["aes_indiana"]["account_meter_id"] == "All meters for customer account"


def test_one_is_found_by_any_name_and_a_typo_gets_the_nearest(api: ApiServer) -> None:
    for name in ("con_edison", "Con%20Ed", "CONED"):
        assert api.client.get(f"/api/v2/utilities/{name}").json()["id"] == "con_edison"
    assert api.client.get("/api/v2/utilities/BG%26E").json()["id"] == "baltimore_gas_and_electric"
    missing = api.client.get("/api/v2/utilities/comonwealth_edison")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "object_not_found")
    assert "did you mean commonwealth_edison?" in missing.json()["error_message"]


def test_a_customer_is_created_by_an_alias_and_an_unknown_code_is_refused(api: ApiServer) -> None:
    made = api.client.post("/api/v2/customers", json={"utility": "JCP&L"})
    assert (made.status_code, made.json()["utility"]) == (201, "jersey_central_power_and_light")
    for given, nearest in (("speculos_power", UTILITY), ("comonwealth_edison", "commonwealth_edison")):
        refused = api.client.post("/api/v2/customers", json={"utility": given})
        assert (refused.status_code, refused.json()["error_code"]) == (400, "utility_code_input_invalid")
        assert f"Did you mean {nearest}?" in refused.json()["error_message"]


def test_a_live_key_is_shown_no_fake_utility(api: ApiServer) -> None:
    live = next(each for each in api.farm.companies.list() if each.live)
    with api.client_of(create_key(api.farm.of(live))[1]) as client:
        ids = {row["id"] for row in client.get("/api/v2/utilities").json()}
        assert "con_edison" in ids
        assert UTILITY not in ids
        assert client.get(f"/api/v2/utilities/{UTILITY}").status_code == 404
