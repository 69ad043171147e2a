"""Each of Bayou's error codes is the answer to a real request, at each call that Bayou names it for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
import pytest

from tests.api.official_contract import CALLS
from tests.api.official_errors import OFFICIAL_ERRORS
from tests.api.one_of_everything import API, Filled, filled
from tests.api.server import ApiServer
from tests.services.printed import PDF, printed

FILE = ("bill.pdf", PDF, "application/pdf")
BILLS, INTERVALS = "GET /customers/{customer_id}/bills", "GET /customers/{customer_id}/intervals"
MADE, CHANGED = "POST /customers", "PATCH /customers/{id}"
NAMED, UPLOADED = "PATCH /bills/{id}", "POST /bills"


class Refused(NamedTuple):
    """A call of ``official_contract``, the id in its path if it has another, and what is sent with it."""

    call: str
    named: str = ""
    sent: Mapping[str, Any] = {}


def _named(collection: str, named: str) -> list[Refused]:
    """Each call that names one of these in its path."""
    return [Refused(call, named) for call in CALLS if f"/{collection}/{{" in call]


def _with(call: str, *queries: Mapping[str, str]) -> list[Refused]:
    return [Refused(call, sent={"params": query}) for query in queries]


def _fields(*values: Mapping[str, Any]) -> list[Refused]:
    """A customer made, and one changed, with each of these."""
    return [Refused(call, sent={"json": value}) for call in (MADE, CHANGED) for value in values]


def _uploads(**fields: str) -> list[Refused]:
    return [Refused(UPLOADED, sent={"files": {"file": FILE}, "data": fields})]


def _short(field: str) -> list[Refused]:
    return _fields({field: "x" * 31}, {field: 7}, {field: ["x"]})


START_END = {"start": "2022-11-02", "end": "2022-11-01"}
INSTANTS = {name: f"{day}T00:00:00Z" for name, day in START_END.items()}
TABLE: Mapping[str, list[Refused]] = {
    "bill_account_number_invalid": _with(BILLS, {"account_number": "1"}, {"account_number": ""}),
    "bill_id_invalid": _named("bills", "987654") + _named("bills", "9" * 30) + _named("bills", "-1"),
    "bill_id_invalid_format": _named("bills", "x1") + _named("bills", "1.0") + _named("bills", "%20"),
    "bill_meter_id_invalid": _with(BILLS, {"meter_id": "E0"}),
    **{
        f"customer_{field}_invalid": _short(field)
        for field in ("address_line_1", "address_line_2", "city", "first_name", "last_name")
    },
    "customer_phone_number_invalid": _short("phone_number"),
    "customer_zipcode_invalid": _short("zipcode"),
    "customer_email_invalid": _fields(
        *({"email": each} for each in ("no address", "a@b", "a.b", f"{'a' * 320}@b.example", 7))
    ),
    "customer_state_invalid": _fields(*({"state": each} for each in ("ny", "New York", "XX", "", 5))),
    "customer_id_invalid": [
        *_named("customers", "987654"),
        *_uploads(customer_id="987654"),
        *_uploads(customer_id="external_id:nobody's"),
    ],
    "customer_id_invalid_format": _named("customers", "x1") + _uploads(customer_id="x1"),
    "dates_out_of_order": _with(BILLS, START_END),
    "end_date_invalid": _with(BILLS, {"end": "1.1.2022"}, {"end": ""}, {"end": "2022-02-30"}),
    "end_timestamp_invalid": _with(INTERVALS, {"end": "tomorrow"}, {"end": "2023-02-30T00:00:00Z"}),
    "external_id_invalid": [
        *_named("customers", "external_id:nobody's"),
        *_named("bills", "external_id:nobody%2Fs"),
    ],
    "external_id_invalid_format": [
        *_named("customers", "external_id:"),
        *_named("bills", "external_id:"),
        *_fields(
            {"external_id": 7}, {"external_id": "x" * 321}, {"external_id": ""}, {"external_id": "a\nb"}
        ),
        *(Refused(NAMED, sent={"json": {"external_id": each}}) for each in (7, "", "x" * 321)),
        *_uploads(customer_id="external_id:"),
        *_uploads(external_id="x" * 321),
    ],
    "external_id_not_unique": [
        *_fields({"external_id": "first/customer"}),
        Refused(NAMED, sent={"json": {"external_id": "first/bill"}}),
        *_uploads(external_id="first/bill"),
    ],
    "interval_meter_id_invalid": _with(INTERVALS, {"meter_id": "E0"}),
    "limit_invalid": _with(BILLS, *({"limit": each} for each in ("0", "-1", "x", "", "1.5"))),
    "method_not_allowed": [
        Refused(call) for call in ("PUT /customers", "DELETE /bills/1", "POST /utilities")
    ],
    "no_file_provided": [
        Refused(UPLOADED),
        Refused(UPLOADED, sent={"files": {"other": FILE}}),
        Refused(UPLOADED, sent={"data": {"file": "x"}}),
        Refused(UPLOADED, sent={"json": {"file": "x"}}),
    ],
    "request_path_invalid": [
        Refused(call) for call in ("GET /no", "POST /customers/1/no", "GET /", "GET /no/1")
    ],
    "start_date_invalid": _with(BILLS, {"start": "2022-13-01"}, {"start": "2022-11-01T00:00:00Z"}),
    "start_timestamp_invalid": _with(INTERVALS, {"start": "yesterday"}, {"start": ""}),
    "timestamps_out_of_order": _with(INTERVALS, INSTANTS),
    "unsupported_file_format": [
        Refused(UPLOADED, sent={"files": {"file": ("bill.png", b"\x89PNG\r\n\x1a\n", "image/png")}}),
        Refused(UPLOADED, sent={"files": {"file": ("bill.pdf", b"", "application/pdf")}}),
    ],
    "utility_code_input_invalid": _fields({"utility": "con_edisn"}, {"utility": 7}, {"utility": ""}),
    "utility_lacks_intervals": [Refused(INTERVALS, "external_id:elsewhere")],
}


@pytest.fixture(scope="module")
def second(api: ApiServer) -> Filled:
    """The company has two of everything, and a customer of a utility that no intervals come from."""
    filled(api.store, api.client, "first", 711_111_111, "https://93.184.215.14/hook")
    elsewhere = {"external_id": "elsewhere", "utility": "xcel_energy"}
    assert api.client.post(f"{API}/customers", json=elsewhere).status_code == 201
    return filled(api.store, api.client, "second", 722_222_222, "https://93.184.215.14/hook")


@pytest.fixture(scope="module")
def anchors(api: ApiServer) -> set[str]:
    """Of the page that every docs_url leads to, as whoever has no key gets it."""
    with api.client_of("") as nobody:
        page = nobody.get("/docs/error-codes")
    assert page.status_code == 200
    return set(re.findall('id="([^"]+)"', page.text))


def test_no_code_and_no_call_of_bayous_is_missing() -> None:
    assert TABLE.keys() == OFFICIAL_ERRORS.keys()
    assert all(TABLE.values())
    tried = {(each.call, code) for code, refused in TABLE.items() for each in refused}
    wanted = {
        (name, code)
        for name, call in CALLS.items()
        for codes in call.errors.values()
        for code in codes.split()
    }
    assert not wanted - tried


@pytest.mark.parametrize("code", OFFICIAL_ERRORS)
def test_a_code_is_the_answer_to_a_request(
    api: ApiServer, second: Filled, anchors: set[str], code: str
) -> None:
    official = OFFICIAL_ERRORS[code]
    for asked in TABLE[code]:
        answer = _asked(second, asked)
        assert answer.status_code == official.status, (asked, answer.text)
        assert answer.headers["Content-Type"] == "application/json"
        error = answer.json()
        assert error.keys() == {"error_type", "error_code", "error_message", "docs_url"}, asked
        assert (error["error_code"], error["error_type"]) == (code, official.type), asked
        assert re.search(official.says, error["error_message"]), (asked, error["error_message"])
        assert not set("{}<>") & set(error["error_message"])
        assert error["docs_url"] == f"{api.url}/docs/error-codes#{code}"
    assert code in anchors


def _asked(second: Filled, refused: Refused) -> httpx.Response:
    method, _, path = refused.call.partition(" ")
    collection = "bills" if path.startswith("/bills") else "customers"
    named = refused.named or second.ids[collection][0]
    body: dict[str, Any] = {"json": {}} if method == "PATCH" else {}
    at = re.sub(r"\{\w+\}", lambda _: named, path)
    return second.client.request(method, f"{API}{at}", **{**body, **refused.sent})


def test_what_names_something_else_is_refused_by_what_it_lacks(api: ApiServer, second: Filled) -> None:
    """A message lists what there is, and names who has the id already."""
    for query, known in (("account_number", "account_number"), ("meter_id", "meter_id")):
        refused = _asked(second, Refused(BILLS, sent={"params": {query: "0"}}))
        assert second.fields[known] in refused.json()["error_message"]
    taken = _asked(second, Refused(NAMED, sent={"json": {"external_id": "first/bill"}}))
    first = api.client.get(f"{API}/bills/external_id:first%2Fbill").json()["id"]
    assert f"belongs to the bill {first}." in taken.json()["error_message"]
    other = {"file": ("b.pdf", printed("another"), "application/pdf")}
    uploaded = api.client.post(f"{API}/bills", files=other, data={"external_id": "first/bill"})
    assert f"belongs to the bill {first}." in uploaded.json()["error_message"]
    allowed = api.client.put(f"{API}/customers")
    assert allowed.headers["Allow"] == "GET, POST"
    assert "are GET, POST." in allowed.json()["error_message"]
