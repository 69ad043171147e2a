"""What a company chooses in the dashboard, its keys, and its webhooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO

import httpx
import pytest
from PIL import Image

from meterfarm.farm.settings import FarmSettings
from meterfarm.records import EventKind
from meterfarm.services.branding import company_brand
from meterfarm.services.companies import company_settings
from meterfarm.storage.customers import Role
from tests.api.server import ApiServer, served
from tests.web.colleague import Colleague

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Its webhooks may go to this machine."""
    home = tmp_path_factory.mktemp("settings") / "home"
    with served(home, FarmSettings(webhooks_private=True)) as server:
        yield server


@pytest.fixture(scope="module")
def owner(api: ApiServer) -> Iterator[Colleague]:
    with Colleague(api, "owner@acme.example") as colleague:
        yield colleague


def shown_once(page: httpx.Response) -> str:
    found = re.search(r'<code id="once">([^<]+)</code>', page.text)
    assert found, page.text
    return found[1]


def png() -> bytes:
    made = BytesIO()
    Image.new("RGB", (60, 20), "#0b6b4f").save(made, "PNG")
    return made.getvalue()


def test_what_customers_see_is_changed_on_one_side(api: ApiServer, owner: Colleague) -> None:
    test, live = api.farm.companies.find("default"), api.farm.companies.find("default", live=True)
    fields = {
        "shown_name": HOSTILE[:60],
        "colour": "#123456",
        "policy_url": "https://acme.example/privacy",
        "origins": "https://a.example\r\nhttps://b.example:8443",
        "open_form": "yes",
    }
    page = owner.post("/test/settings/company", **fields)
    assert "Your changes are saved" in page.text
    assert HOSTILE[:20] not in page.text
    assert HOSTILE[:20] in unescape(page.text)
    brand = company_brand(api.farm, test)
    assert (brand.shown_name, brand.colour, brand.open_form) == (HOSTILE[:60], "#123456", True)
    assert brand.origins == ("https://a.example", "https://b.example:8443")
    assert company_brand(api.farm, live).shown_name == ""
    refused = owner.post("/test/settings/company", **{**fields, "colour": HOSTILE[:20]})
    assert refused.status_code == 422
    assert "cannot be used" in refused.text
    assert "https://b.example:8443" in refused.text
    assert HOSTILE[:20] not in refused.text
    assert company_brand(api.farm, test).colour == "#123456"


def test_a_logo_is_a_picture(api: ApiServer, owner: Colleague) -> None:
    page = owner.send_file("/test/settings/logo", png(), "logo.png")
    at = re.search(r'<img src="(/companies/[^"]+)"', page.text)
    assert at
    assert owner.browser.get(at[1]).content == png()
    for content, words in (
        (b"<svg onload=alert(1)>", "no whole PNG"),
        (b"x" * 300_000, "larger than 256 KiB"),
    ):
        refused = owner.send_file("/test/settings/logo", content, HOSTILE)
        assert refused.status_code in (413, 422)
        assert words in refused.text
    assert "None. Your name" in owner.post("/test/settings/logo/remove").text


def test_what_unlocks_by_itself_is_chosen(api: ApiServer, owner: Colleague) -> None:
    company = api.farm.companies.find("default")
    owner.post("/test/settings/data", history="months", months="18", gas_as_text="yes")
    chosen = company_settings(api.farm, company)
    assert (chosen.unlock_months, chosen.unlock_continuous, chosen.gas_as_text) == (18, False, True)
    assert 'name="months" inputmode="numeric" maxlength="4" value="18"' in owner.page("/test/settings").text
    assert owner.post("/test/settings/data", history="months", months=HOSTILE).status_code == 422
    owner.post("/test/settings/data", history="all", continuous="yes")
    chosen = company_settings(api.farm, company)
    assert (chosen.unlock_months, chosen.unlock_continuous, chosen.gas_as_text) == (None, True, False)


def test_what_concerns_others_or_the_price_operators_choose(api: ApiServer, owner: Colleague) -> None:
    company = api.farm.companies.find("default", live=True)
    fields = {"notification_email": "ops@acme.example", "mail_domains": "acme.example\r\nbills.acme.example"}
    assert "Your changes are saved" in owner.post("/live/settings/mail", **fields).text
    chosen = company_settings(api.farm, company)
    assert chosen.notification_email == "ops@acme.example"
    assert list(chosen.mail_domains) == []  # an owner claims none
    with Colleague(api, "operator@acme.example", is_operator=True) as operator:
        operator.post("/live/settings/mail", **fields)
        operator.post("/live/settings/data", history="all", meter_preference="gas")
        assert operator.post("/live/settings/data", meter_preference=HOSTILE).status_code == 422
    owner.post("/live/settings/data", history="all", meter_preference="both")
    chosen = company_settings(api.farm, company)
    assert list(chosen.mail_domains) == ["acme.example", "bills.acme.example"]
    assert chosen.meter_preference == "gas"  # it is about what the company pays
    refused = owner.post("/live/settings/mail", notification_email=HOSTILE)
    assert refused.status_code == 422
    assert HOSTILE not in refused.text
    owner.post("/live/settings/mail")
    assert company_settings(api.farm, company).notification_email == ""


def test_a_key_opens_the_api_until_it_is_revoked(api: ApiServer, owner: Colleague) -> None:
    page = owner.post("/test/settings/keys", name=HOSTILE)
    first = shown_once(page)
    assert HOSTILE not in page.text
    assert page.headers["cache-control"] == "no-store"
    number = api.store.api_keys.list()[-1].id
    second = shown_once(owner.post(f"/test/settings/keys/{number}/rotate"))
    listed = owner.page("/test/settings/keys").text
    assert first not in listed
    assert second not in listed
    assert HOSTILE not in listed
    for text in (first, second):
        with api.client_of(text) as client:
            assert client.get("/api/v2/customers").status_code == 200
    assert "The key is revoked" in owner.post(f"/test/settings/keys/{number}/revoke").text
    with api.client_of(first) as client:
        assert client.get("/api/v2/customers").status_code == 401
    assert owner.post(f"/test/settings/keys/{number}/rotate").status_code == 409
    assert owner.post("/live/settings/keys/1/revoke").status_code == 404  # it is the test side's
    assert owner.page("/keys").url.path == "/dashboard/test/settings/keys"


def test_a_webhook_is_added_tried_changed_and_removed(api: ApiServer, owner: Colleague) -> None:
    """The API itself answers 404 there: whatever a receiver sends is text."""
    at = f"{api.url}/nobody/{HOSTILE[:8]}"
    kinds = {f"kind_{EventKind.NEW_BILL}": "yes"}
    assert "Tick at least one" in owner.post("/test/settings/webhooks", url=at).text
    refused = owner.post("/test/settings/webhooks", url=f"ftp://{HOSTILE}", **kinds)
    assert refused.status_code == 422
    assert HOSTILE not in refused.text
    secret = shown_once(owner.post("/test/settings/webhooks", url=at, **kinds))
    assert secret.startswith("whsec_")
    (endpoint,) = api.store.webhooks.list()
    assert list(endpoint.kinds) == [EventKind.NEW_BILL]
    one = f"/test/settings/webhooks/{endpoint.id}"
    tried = owner.post(f"{one}/test", kind="bills_ready")
    assert "The test bills_ready was not delivered" in tried.text
    assert "HTTP 404" in tried.text
    assert secret not in tried.text
    another = shown_once(owner.post(f"{one}/secret"))
    assert [each.get_secret_value() for each in api.store.webhooks.secrets(endpoint.id).secrets] == [
        another,
        secret,
    ]
    owner.post(one, url=f"{api.url}/elsewhere", kind_updated_bill="yes")
    assert [each.value for each in api.store.webhooks.list()[0].kinds] == ["updated_bill"]
    assert "turned off" in owner.post(f"{one}/active", active="no").text
    assert "Your changes" not in owner.post(one, url="http://10.0.0.1:x/", kind_new_bill="yes").text
    assert owner.page(one.replace("/test/", "/live/")).status_code == 404
    owner.post(f"{one}/remove")
    assert api.store.webhooks.list() == []


def test_deliveries_are_seen_and_repeated(api: ApiServer, owner: Colleague) -> None:
    made = api.client.post("/api/v2/customers", json={"external_id": HOSTILE}).json()
    customer = api.store.customers.by_id(made["id"])
    assert customer
    kinds = {f"kind_{kind}": "yes" for kind in EventKind}
    owner.post("/test/settings/webhooks", url=f"{api.url}/hooks", **kinds)
    (endpoint,) = api.store.webhooks.list()
    sent = api.client.post(
        "/api/v2/test/events", json={"customer_id": customer.id, "event": "customer_has_filled_credentials"}
    )
    assert sent.status_code < 300, json.dumps(sent.json())
    one = f"/test/settings/webhooks/{endpoint.id}"
    event = api.store.events.after()[-1].id
    assert "delivered once more" in owner.post(f"{one}/events/{event}/resend").text
    page = owner.page(one).text
    assert f"event {event}" in page
    assert "pending" in page
    assert HOSTILE not in page
    assert "nothing to deliver" in owner.post(f"{one}/replay").text
    assert owner.post(f"{one}/replay", **{"from": HOSTILE}).status_code == 422
    assert "delivered once more" in owner.post(f"{one}/replay", **{"from": str(event)}).text


def test_who_may_not_change_settings_sees_them(api: ApiServer) -> None:
    with Colleague(api, "member@acme.example", Role.MEMBER) as member:
        for path in ("", "/keys", "/webhooks", "/users"):
            page = member.page(f"/test/settings{path}")
            assert page.status_code == 200
            assert 'method="post" action="/dashboard/test/settings/keys' not in page.text
            assert "<button>Save</button>" not in page.text
