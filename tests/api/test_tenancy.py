"""No call of the API finds or changes anything of another company, nor of the company's other side.

The calls are those of the API's own OpenAPI: one that is new fails here until it is known what names what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from meterfarm.farm.settings import FarmSettings
from meterfarm.services.api_keys import create_key
from meterfarm.services.companies import add_company, company_store
from tests.api.one_of_everything import API, Filled, filled
from tests.api.server import served
from tests.hook import listening_hook
from tests.services.printed import PDF, printed
from tests.storage.company_rows import rows_of

OF_EVERYBODY = {"utilities"}
"""Collections that belong to no company."""
HARMLESS = {
    *("start", "end", "limit", "page", "granularity", "updated_after", "format"),
    *("open", "delete_data", "kind", "undelivered"),
}
"""Parameters of queries that name no object. All others are in ``Filled.fields``."""
BODIES: Mapping[str, Mapping[str, Any]] = {
    "PATCH /customers/{id}": {"city": "Ghent"},
    "POST /customers/{id}/login": {"username": "eve@bayou.energy", "password": "eve's"},
    "PUT /customers/{id}/consent": {"method": "eve's form"},
    "PATCH /bills/{id}": {"external_id": "eve's"},
    "POST /bills/{id}/unlock": {},
    "POST /challenges/{id}/answer": {"answer": "123456"},
    "POST /challenges/{id}/choose": {"factor": "sms"},
    "POST /challenges/{id}/resend": {},
    "PATCH /webhooks/{id}": {"events": ["new_bill"], "active": False},
    "POST /webhooks/{id}/test": {"event": "new_bill"},
    "POST /events/{id}/resend": {},
    "POST /test/customers/{id}/break_login": {"after_documents": 1},
}
"""What is sent with a call that names an object: its owner would be obeyed."""
NO_SUCH = {
    "customers": ("customer_id_invalid", "external_id_invalid"),
    "bills": ("bill_id_invalid", "external_id_invalid"),
}
NOBODYS = "2000000000"


@dataclass(frozen=True)
class Call:
    """An operation of the OpenAPI."""

    method: str
    path: str
    queries: tuple[str, ...]
    takes_json: bool
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def collection(self) -> str:
        """Of what the path names one; "" if it names none."""
        found = re.search(r"/(\w+)/\{", self.path)
        return found[1] if found else ""

    def sent(self, client: httpx.Client, named: str = "", **more: Any) -> httpx.Response:
        if self.takes_json and "json" not in more:
            more["json"] = BODIES[self.name]
        path = re.sub(r"\{\w+\}", lambda _: named, self.path)
        return client.request(self.method, f"{API}{path}", **more)


@dataclass(frozen=True)
class Tenants:
    """Two companies with one of everything, and the key of the first one's live side."""

    victim: Filled
    other: Filled
    live: httpx.Client
    calls: Sequence[Call]

    def foreign(self, who: str) -> httpx.Client:
        return self.live if who == "live" else self.other.client

    def named(self) -> Iterator[tuple[Call, str]]:
        """Each call that names an object, with each id of the victim's."""
        for call in self.calls:
            if call.collection and call.collection not in OF_EVERYBODY:
                for each in self.victim.ids[call.collection]:
                    yield call, each

    def lists(self) -> Iterator[Call]:
        for call in self.calls:
            if call.method == "GET" and not call.collection and call.path != "/utilities":
                yield call


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    home = tmp_path_factory.mktemp("tenancy") / "home"
    settings = FarmSettings(api_burst=0, webhooks_private=True)
    with served(home, settings) as api, listening_hook() as hook:
        live = api.farm.of(api.farm.companies.only(live=True))
        add_company(api.farm, "other")
        other = company_store(api.farm, "other")
        with api.client_of(create_key(other)[1]) as theirs, api.client_of(create_key(live)[1]) as of_live:
            yield Tenants(
                filled(api.store, api.client, "victim", 711_111_111, hook.url),
                filled(other, theirs, "other", 722_222_222, hook.url),
                of_live,
                _calls(api.client.get("/openapi.json").json()),
            )


def _calls(openapi: Mapping[str, Any]) -> Sequence[Call]:
    calls = []
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            queries = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
            content = operation.get("requestBody", {}).get("content", {})
            fields = {name for media in content.values() for name in _properties(openapi, media["schema"])}
            ids = sorted(name for name in fields if name == "id" or name.endswith(("_id", "_ids")))
            calls.append(
                Call(
                    method.upper(),
                    path.removeprefix(API),
                    tuple(queries),
                    "application/json" in content,
                    tuple(ids),
                )
            )
    return calls


def _properties(openapi: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = openapi["components"]["schemas"][name] if name else schema
    properties: Mapping[str, Any] = found["properties"]
    return properties


def _answers(tenants: Tenants) -> Mapping[str, str]:
    """All that the victim itself is answered, without links that are new each time."""
    victim, answers = tenants.victim, {}
    for call, named in tenants.named():
        if call.method == "GET":
            answers[f"{call.path} {named}"] = call.sent(victim.client, named)
    for call in tenants.lists():
        answers[call.path] = call.sent(victim.client)
    assert {answer.status_code for answer in answers.values()} == {200}
    link = re.compile(r'"(?:onboarding_link|onboarding_token|file_url)":"[^"]*"')
    return {name: link.sub("", answer.text) for name, answer in answers.items()}


@pytest.fixture
def untouched(tenants: Tenants) -> Iterator[None]:
    """Nothing of the victim is another afterwards: neither what it is answered, nor what is stored."""
    victim = tenants.victim
    before = _answers(tenants), rows_of(victim.store, victim.customer)
    yield
    assert _answers(tenants) == before[0]
    assert rows_of(victim.store, victim.customer) == before[1]


def _shows_nothing(tenants: Tenants, answer: httpx.Response) -> None:
    shown = f"{answer.text} {dict(answer.headers)}"
    assert not [text for text in tenants.victim.texts if text in shown], answer.request.url


def _unnamed(refusal: httpx.Response, named: str) -> Mapping[str, str]:
    """A refusal without the id that it is about."""
    error: dict[str, str] = refusal.json()
    return {**error, "error_message": error["error_message"].replace(named, "?")}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("who", ["other", "live"])
def test_what_a_path_names_is_there_for_its_own_side_alone(tenants: Tenants, who: str) -> None:
    """The answer is the same as for what nobody has."""
    client, asked = tenants.foreign(who), 0
    for call, named in tenants.named():
        answer = call.sent(client, named)
        _shows_nothing(tenants, answer)
        if who == "live" and call.path.startswith("/test/"):
            assert (answer.status_code, answer.json()["error_code"]) == (403, "api_key_not_permitted")
            continue
        codes = NO_SUCH.get(call.collection, ("object_not_found",))
        assert answer.status_code == 404, (call.name, named, answer.text)
        assert answer.json()["error_code"] == codes[":" in named], call.name
        nobodys = "external_id:nobody's" if ":" in named else NOBODYS
        absent = call.sent(client, nobodys)
        assert _unnamed(answer, named) == _unnamed(absent, nobodys), call.name
        asked += 1
    assert asked > 40


@pytest.mark.usefixtures("untouched")
def test_lists_have_what_is_ones_own(tenants: Tenants) -> None:
    for call in tenants.lists():
        own = call.sent(tenants.victim.client)
        assert tenants.victim.texts[0] in own.text, call.path
        of_live = call.sent(tenants.live).json()
        assert (of_live["changes"] if call.path == "/changes" else of_live) == [], call.path
        for client in (tenants.other.client, tenants.live):
            _shows_nothing(tenants, call.sent(client))


@pytest.mark.usefixtures("untouched")
def test_parameters_of_another_companys_objects_find_nothing(tenants: Tenants) -> None:
    """Each parameter of each query is either harmless or tried here."""
    victim, other = tenants.victim, tenants.other
    tried: set[str] = set()
    for call in tenants.calls:
        own = other.ids[call.collection][0] if call.collection in other.ids else ""
        for name in set(call.queries) - HARMLESS:
            value, tried = str(victim.fields[name]), tried | {name}
            answer = call.sent(other.client, own, params={name: value})
            if name in ("account_number", "meter_id"):
                assert (answer.status_code, answer.json()["error_type"]) == (404, "invalid_request")
                assert str(other.fields[name]) in answer.json()["error_message"]
            else:
                assert answer.status_code == 200, (call.name, name)
            assert not [text for text in victim.texts if text in answer.text.replace(value, "?")]
    assert tried == {"account_number", "meter_id", "after", "cursor"}
    before = {"after": str(int(victim.ids["events"][0]) - 1)}
    _shows_nothing(tenants, other.client.get(f"{API}/events", params=before))
    removed = {"delete_data": "true"}
    at = f"{API}/customers/{victim.customer.id}/consent"
    assert other.client.delete(at, params=removed).status_code == 404


@pytest.mark.usefixtures("untouched")
def test_bodies_that_name_another_companys_objects_find_nothing(tenants: Tenants) -> None:
    """External ids are each company's own: what another has is free."""
    victim, other = tenants.victim, tenants.other
    named, own = victim.fields, other.ids
    by_external = {"file": ("b.pdf", PDF, "application/pdf")}
    cases: Mapping[tuple[str, str], tuple[Mapping[str, Any], int, str]] = {
        ("POST /customers", "external_id"): ({"json": {"external_id": named["external_id"]}}, 201, ""),
        ("PATCH /bills/{id}", "external_id"): ({"json": {"external_id": "victim/bill"}}, 200, ""),
        ("PATCH /customers/{id}", "external_id"): ({"json": {"external_id": "victim/other"}}, 200, ""),
        ("POST /bills", "external_id"): (
            {"files": by_external, "data": {"external_id": "victim/2"}},
            200,
            "",
        ),
        ("POST /bills", "customer_id"): (
            {"files": by_external, "data": {"customer_id": str(named["customer_id"])}},
            404,
            "customer_id_invalid",
        ),
        ("POST /bills/{id}/unlock", "meter_id"): (
            {"json": {"meter_id": named["meter_id"]}},
            404,
            "bill_meter_id_invalid",
        ),
        ("POST /events/{id}/resend", "webhook_id"): (
            {"json": {"webhook_id": named["webhook_id"]}},
            404,
            "object_not_found",
        ),
        ("POST /test/events", "customer_id"): (
            {"json": {"customer_id": named["customer_id"], "event": "new_bill"}},
            404,
            "customer_id_invalid",
        ),
        ("POST /test/events", "bill_id"): (
            {
                "json": {
                    "customer_id": other.customer.id,
                    "event": "new_bill",
                    "bill_id": named["bill_id"],
                }
            },
            409,
            "conflict",
        ),
    }
    assert set(cases) == {(call.name, field) for call in tenants.calls for field in call.fields}
    for call in tenants.calls:
        for field in call.fields:
            sent, status, code = cases[call.name, field]
            mine = own[call.collection][0] if call.collection else ""
            answer = call.sent(other.client, mine, **sent)
            assert answer.status_code == status, (call.name, field, answer.text)
            assert answer.json().get("error_code", "") == code
            assert named["account_number"] not in answer.text
    taken = other.client.get(f"{API}/customers/{victim.ids['customers'][1]}").json()
    assert taken["id"] not in (victim.customer.id, other.customer.id)
    for path in (f"customers/{taken['id']}", f"bills/{own['bills'][0]}"):
        assert other.client.patch(f"{API}/{path}", json={"external_id": None}).status_code == 200
    for given in (str(named["customer_id"]), f"external_id:{named['external_id']}"):
        for client in (other.client, tenants.live):
            refused = client.post(f"{API}/bills", files=by_external, data={"customer_id": given})
            assert (refused.status_code, refused.json()["error_code"]) == (404, "customer_id_invalid")


def test_a_pdf_that_another_company_uploaded_is_a_bill_of_ones_own(tenants: Tenants) -> None:
    victim, other = tenants.victim, tenants.other
    file = {"file": ("b.pdf", PDF, "application/pdf")}
    of_victim, of_other = (
        each.client.post(f"{API}/bills", files=file, data={"external_id": "same"}).json()
        for each in (victim, other)
    )
    assert of_victim["id"] != of_other["id"]
    bills = [each.client.get(f"{API}/bills/external_id:same").json() for each in (victim, other)]
    assert bills[0]["customer_id"] != bills[1]["customer_id"]
    assert bills[0]["account_number"] == bills[1]["account_number"]
    number = f"{API}/customers/{bills[1]['customer_id']}"
    assert victim.client.get(number).status_code == 404


def test_a_test_key_finds_nothing_of_its_companys_live_side(tenants: Tenants) -> None:
    live = tenants.live
    made = live.post(f"{API}/customers", json={"external_id": "of-live", "utility": "xcel_energy"}).json()
    file = {"file": printed("of the live side")}
    bill = live.post(f"{API}/bills", files=file, data={"external_id": "of-live"}).json()["id"]
    webhook = live.post(f"{API}/webhooks", json={"url": "https://93.184.215.14/live"}).json()["id"]
    ids = {
        "customers": (str(made["id"]), "external_id:of-live"),
        "bills": (str(bill), "external_id:of-live"),
        "webhooks": (str(webhook),),
    }
    for call in tenants.calls:
        for named in ids.get(call.collection, ()):
            answer = call.sent(tenants.victim.client, named)
            assert (answer.status_code, answer.json()["error_type"]) == (404, "invalid_request"), call.name
    for collection, (number, *_) in ids.items():
        assert live.get(f"{API}/{collection}/{number}").status_code == 200
    for call in tenants.lists():
        assert "of-live" not in call.sent(tenants.victim.client).text


def test_an_idempotency_key_is_its_sides_own(tenants: Tenants) -> None:
    """Whoever sends the same key and request gets nothing that was made for another."""
    key = {"Idempotency-Key": "the-same-everywhere"}
    clients = (tenants.victim.client, tenants.other.client, tenants.live)
    for body in ({"first_name": "Ada"}, {"first_name": "Bea"}):
        answers = [each.post(f"{API}/customers", json=body, headers=key) for each in clients]
        if body["first_name"] == "Ada":
            assert [each.status_code for each in answers] == [201, 201, 201]
            assert not [each for each in answers if "Idempotent-Replayed" in each.headers]
            assert len({each.json()["id"] for each in answers}) == 3
        else:
            assert [each.json()["error_code"] for each in answers] == ["idempotency_key_reused"] * 3


@pytest.mark.parametrize("who", ["other", "live"])
def test_an_etag_says_nothing_of_what_is_anothers(tenants: Tenants, who: str) -> None:
    client, seen = tenants.foreign(who), 0
    for call, named in tenants.named():
        own = call.sent(tenants.victim.client, named) if call.method == "GET" else None
        if own is not None and "ETag" in own.headers:
            for tag in (own.headers["ETag"], "*"):
                assert call.sent(client, named, headers={"If-None-Match": tag}).status_code == 404
            seen += 1
    for call in tenants.lists():
        tag = call.sent(tenants.victim.client).headers["ETag"]
        assert call.sent(client, headers={"If-None-Match": tag}).status_code == 200
    assert seen > 8


def test_a_signed_link_opens_what_it_was_made_for_and_nothing_else(tenants: Tenants) -> None:
    victim, other = tenants.victim, tenants.other
    file, theirs = (
        each.client.get(f"{API}/bills/{each.ids['bills'][0]}").json()["file_url"] for each in (victim, other)
    )
    assert httpx.get(file).content != httpx.get(theirs).content
    at, _, token = file.rpartition("/")
    their_token = theirs.rpartition("/")[2]
    customer = victim.client.get(f"{API}/customers/{victim.customer.id}").json()
    link, onboarding = customer["onboarding_link"], customer["onboarding_token"]
    company = f"/companies/{victim.store.company_id}/"
    assert company in link
    elsewhere = link.replace(company, f"/companies/{other.store.company_id}/")
    with httpx.Client() as nobody:
        assert nobody.get(link).status_code == 200
        for path in (elsewhere, link.replace(onboarding, token), link.replace(onboarding, "")):
            assert nobody.get(path).status_code == 404, path
        signature = len(token) // 2
        for forged in (onboarding, token[:signature] + their_token[signature:], victim.ids["bills"][0]):
            answer = nobody.get(f"{at}/{forged}")
            assert (answer.status_code, answer.json()["error_code"]) == (403, "link_invalid"), forged
    for client in (other.client, tenants.live):
        answer = client.get(link.replace(onboarding, token))
        assert answer.status_code == 404


def test_what_others_were_refused_its_owner_gets(tenants: Tenants) -> None:
    """The last here, for it deletes. Some calls find what they name in no state for them."""
    calls = [call for call in tenants.calls if call.collection and call.collection not in OF_EVERYBODY]
    deleting = [call for call in calls if call.method == "DELETE"]
    obeyed = 0
    for call in (*(each for each in calls if each not in deleting), *reversed(deleting)):
        answer = call.sent(tenants.victim.client, tenants.victim.ids[call.collection][0])
        assert answer.is_success or answer.json()["error_code"] in ("conflict", "request_invalid"), call.name
        obeyed += answer.is_success
    assert obeyed > 25
