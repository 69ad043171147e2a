"""Bills over HTTP: uploaded, listed, found, named, unlocked, and their files; what is refused, and how."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from meterfarm.services.companies import ChangeCompany, change_company
from tests.api.server import ApiServer
from tests.services.printed import OTHER_TOWN, PDF, SAMPLES, fetched, printed, town_bill

NUMBER = "102385581897063"


def _upload(api: ApiServer, content: bytes = PDF, **fields: str) -> httpx.Response:
    files = {"file": ("../b\x00ill.pdf", content, "application/pdf")}
    return api.client.post("/api/v2/bills", files=files, data=fields)


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


@pytest.fixture(scope="module")
def listed(api: ApiServer) -> str:
    """The path of the bills of a customer with six of them."""
    customer = api.store.customers.create("speculoos_power", external_id="has bills")
    fetched(api.store, customer, 0, 6)
    return f"/api/v2/customers/{customer.id}/bills"


def test_an_uploaded_bill_is_found_by_both_ids_and_has_a_file_for_whoever_has_its_address(
    api: ApiServer,
) -> None:
    assert _upload(api, external_id="a/b").json() == {"id": 1, "external_id": "a/b"}
    assert _upload(api).json() == {"id": 1, "external_id": "a/b"}
    found = api.client.get(f"/api/v2/bills/external_id:{quote('a/b', safe='')}")
    bill = found.json()
    assert (bill["id"], bill["status"], bill["account_number"]) == (1, "unlocked", NUMBER)
    assert (len(bill), type(bill["gas_consumption"])) == (28, float)
    again = api.client.get("/api/v2/bills/1", headers={"If-None-Match": found.headers["ETag"]})
    assert again.status_code == 304
    file = httpx.get(bill["file_url"])
    assert (file.status_code, file.content, file.headers["Content-Type"]) == (200, PDF, "application/pdf")
    assert file.headers["Content-Disposition"] == 'inline; filename="bill-1-2026-11-03.pdf"'
    assert httpx.get(bill["file_url"], headers={"If-None-Match": file.headers["ETag"]}).status_code == 304
    assert _code(httpx.get(bill["file_url"][:-1] + "_")) == (403, "link_invalid")
    renamed = api.client.patch("/api/v2/bills/1", json={"external_id": None, "status": "locked"}).json()
    assert (renamed["external_id"], renamed["status"]) == (None, "unlocked")


def test_bills_are_listed_newest_first_page_by_page(api: ApiServer, listed: str) -> None:
    """A client that knows no pages gets all."""
    every = api.client.get(listed).json()
    days = [bill["billed_on"] for bill in every]
    assert (len(every), days) == (6, sorted(days, reverse=True))

    def ids(**query: str) -> list[int]:
        answer = api.client.get(listed, params=query)
        assert answer.status_code == 200, answer.text
        return [bill["id"] for bill in answer.json()]

    all_ids = [bill["id"] for bill in every]
    assert ids(limit="2") == all_ids[:2]
    assert ids(start=days[3], end=days[1]) == all_ids[1:4]
    meter = every[0]["meters"][0]["id"]
    assert ids(account_number=every[0]["account_number"], meter_id=meter, limit="999999999") == all_ids
    seen, url = [], f"{listed}?limit=4"
    while url:
        page = api.client.get(url)
        seen += [bill["id"] for bill in page.json()]
        url = page.links.get("next", {}).get("url", "")
    assert seen == all_ids


def test_bills_come_as_csv_and_as_lines_of_json_to_who_accepts_that(api: ApiServer, listed: str) -> None:
    every = api.client.get(listed).json()
    sheet = api.client.get(listed, headers={"Accept": "text/csv"})
    assert sheet.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert len(rows) == sum(len(bill["meters"]) for bill in every)
    assert (rows[0]["total_amount"], rows[0]["meter_id"]) == (
        str(every[0]["total_amount"]),
        every[0]["meters"][0]["id"],
    )
    lines = api.client.get(listed, headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert len(lines) == len(every)


def test_bills_are_held_against_each_other_and_against_intervals(api: ApiServer, listed: str) -> None:
    bills = api.client.get(listed.replace("/bills", "/bill_checks")).json()["bills"]
    verdicts = {check["name"]: check["verdict"] for bill in bills for check in bill["checks"]}
    assert verdicts["periods"] == "passed"
    assert verdicts["intervals"] == "no_verdict"
    assert {bill["bill_id"] for bill in bills} == {bill["id"] for bill in api.client.get(listed).json()}


@pytest.mark.parametrize(
    ("query", "status", "code", "says"),
    [
        ({"account_number": "1"}, 404, "bill_account_number_invalid", "following account_numbers with bills"),
        ({"meter_id": "E0"}, 404, "bill_meter_id_invalid", "following meters with bills"),
        ({"start": "2022-13-01"}, 400, "start_date_invalid", "2022-11-01"),
        ({"end": "1.1.2022"}, 400, "end_date_invalid", "2022-11-01"),
        ({"start": "2022-11-02", "end": "2022-11-01"}, 400, "dates_out_of_order", "before the start date"),
        ({"limit": "0"}, 400, "limit_invalid", "integer"),
        ({"limit": "-1"}, 400, "limit_invalid", "integer"),
        ({"limit": ""}, 400, "limit_invalid", "integer"),
        ({"page": "x"}, 400, "parameter_invalid", "page"),
    ],
)
def test_what_cannot_be_listed_is_refused(
    api: ApiServer, listed: str, query: dict[str, str], status: int, code: str, says: str
) -> None:
    answer = api.client.get(listed, params=query)
    assert _code(answer) == (status, code)
    assert says in answer.json()["error_message"]


def test_a_bill_that_is_not_there_or_an_id_that_is_none_is_refused(api: ApiServer) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/unlock")):

        def asked(of: str, how: str = method, rest: str = path) -> tuple[int, str]:
            body: dict[str, Any] = {"json": {"external_id": "x"}} if how == "PATCH" else {}
            return _code(api.client.request(how, f"/api/v2/bills/{of}{rest}", **body))

        assert asked("987654") == asked("9" * 30) == (404, "bill_id_invalid")
        assert asked("x1") == (400, "bill_id_invalid_format")
        assert asked("external_id:nobody") == (404, "external_id_invalid")
        assert asked("external_id:") == (400, "external_id_invalid_format")


def test_an_upload_that_cannot_be_kept_is_refused(api: ApiServer) -> None:
    first = _upload(api, printed("one"), external_id="first").json()["id"]
    second = _upload(api, printed("two")).json()["id"]
    taken = api.client.patch(f"/api/v2/bills/{second}", json={"external_id": "first"})
    assert _code(taken) == (409, "external_id_not_unique")
    assert f"bill {first}" in taken.json()["error_message"]
    assert _code(_upload(api, printed("three"), external_id="first")) == (409, "external_id_not_unique")
    assert _code(_upload(api, b"\x89PNG\r\n\x1a\n")) == (415, "unsupported_file_format")
    assert _code(_upload(api, customer_id="nobody")) == (400, "customer_id_invalid_format")
    assert _code(_upload(api, customer_id="external_id:")) == (400, "external_id_invalid_format")
    for absent in ("987654", "external_id:nobody"):
        assert _code(_upload(api, customer_id=absent)) == (404, "customer_id_invalid")
    for body in ({}, {"json": {"file": "x"}}, {"data": {"file": "x"}}, {"files": {"other": b"x"}}):
        assert _code(api.client.post("/api/v2/bills", **body)) == (400, "no_file_provided")
    patched = api.client.patch(f"/api/v2/bills/{second}", json={"external_id": 7})
    assert _code(patched) == (400, "external_id_invalid_format")
    broken = {"content": b"--x\r\nrubbish", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}
    assert _code(api.client.post("/api/v2/bills", **broken))[0] == 400  # type: ignore[arg-type]


def test_bills_of_one_shape_with_an_account_number_alone_are_one_customers(api: ApiServer) -> None:
    """They name no meter and no company. Of one with another shape it is not known whose it is."""
    first, second = (_upload(api, town_bill(month)).json()["id"] for month in (1, 2))
    other = _upload(api, town_bill(3, "555-777-0123")).json()["id"]
    of_other_town = town_bill(4, text=OTHER_TOWN)  # made once: it has the second in it
    strange = _upload(api, of_other_town).json()["id"]

    def shown(number: int) -> dict[str, Any]:
        bill: dict[str, Any] = api.client.get(f"/api/v2/bills/{number}").json()
        return bill

    owner = shown(first)["customer_id"]
    assert (shown(first)["status"], shown(first)["meters"]) == ("unlocked", [])
    assert (second != first, shown(second)["customer_id"]) == (True, owner)
    for number in (other, strange):
        unread = shown(number)
        assert (unread["status"], unread["customer_id"]) == ("unparsed", None)
        assert "another customer has this account number" in unread["left_out"]["customer"]
    assert api.client.post("/api/v2/customers", json={"external_id": "strange"}).status_code == 201
    named = _upload(api, of_other_town, customer_id="external_id:strange")
    assert named.json()["id"] == strange
    assert (shown(strange)["status"], shown(strange)["left_out"]) == ("unlocked", {})
    assert shown(first)["left_out"] == {"late_fees": "no charge has its name alone"}
    assert shown(strange)["customer_id"] not in (None, owner)


def test_a_bill_is_unlocked_meter_by_meter(api: ApiServer) -> None:
    """It stays locked until all of its meters are unlocked; a meter that is says all of its own."""
    company = api.farm.companies.only()
    change_company(api.farm, company, ChangeCompany(history="none"))
    assert api.client.post("/api/v2/customers", json={"external_id": "meters"}).status_code == 201
    sample = SAMPLES / "speculoos_power/samples/bill_electric_and_gas/input.pdf"
    number = _upload(api, sample.read_bytes(), customer_id="external_id:meters").json()["id"]
    change_company(api.farm, company, ChangeCompany(history="all", gas_as_text=False))
    unlock = f"/api/v2/bills/{number}/unlock"

    def meters() -> list[tuple[str, str, bool]]:
        bill = api.client.get(f"/api/v2/bills/{number}").json()
        assert (bill["status"], "total_amount" in bill, "file_url" in bill) == ("locked", False, False)
        return [(each["type"], each["status"], "consumption" in each) for each in bill["meters"]]

    locked = [("electric", "locked", False), ("gas", "locked", False)]
    assert meters() == locked
    for wrong in ({"meter_id": 7}, {"type": "water"}):
        assert _code(api.client.post(unlock, json=wrong)) == (400, "request_body_invalid")
    assert _code(api.client.post(unlock, json={"meter_id": "E0"}))[1] == "bill_meter_id_invalid"
    assert _code(api.client.post(unlock, data={"meter_id": "E0"}))[1] == "unsupported_content_type"
    assert meters() == locked
    assert api.client.post(unlock, json={"type": "gas"}).status_code == 200
    assert meters() == [locked[0], ("gas", "unlocked", True)]
    bill = api.client.get(f"/api/v2/bills/{number}").json()
    assert bill["gas_consumption_unit"] == "therms"
    answer = api.client.post(unlock, json={"meter_id": bill["meters"][0]["id"], "type": "electric"})
    assert answer.json() == {"status": "ok", "details": "Bill was unlocked"}
    whole = api.client.get(f"/api/v2/bills/{number}").json()
    assert (whole["status"], {each["status"] for each in whole["meters"]}) == ("unlocked", {"unlocked"})
    events = api.client.get("/api/v2/events", params={"kind": "updated_bill", "limit": 1000}).json()
    assert len([each for each in events if each["object"]["id"] == number]) == 2


def test_a_locked_bill_is_unlocked_and_an_unread_one_is_nobodys(api: ApiServer, listed: str) -> None:
    unread = api.client.get(f"/api/v2/bills/{_upload(api, printed('nothing')).json()['id']}").json()
    assert (unread["status"], unread["customer_id"], len(unread)) == ("unparsed", None, 28)
    company = api.farm.companies.only()
    change_company(api.farm, company, ChangeCompany(history="none"))
    customer = api.client.post("/api/v2/customers", json={"external_id": "locked"}).json()["id"]
    change_company(api.farm, company, ChangeCompany(history="all", gas_as_text=True))
    sample = SAMPLES / "speculoos_power/samples/bill_gas_only/input.pdf"
    number = _upload(api, sample.read_bytes(), customer_id="external_id:locked").json()["id"]
    (locked,) = api.client.get("/api/v2/customers/external_id:locked/bills").json()
    assert (locked["id"], locked["customer_id"], locked["status"]) == (number, customer, "locked")
    assert "total_amount" not in locked
    assert "consumption" not in locked["meters"][0]
    for _ in range(2):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = api.client.post(f"/api/v2/bills/{number}/unlock", headers=form)
        assert answer.json() == {"status": "ok", "details": "Bill was unlocked"}
    unlocked = api.client.get(f"/api/v2/bills/{number}").json()
    assert (unlocked["status"], type(unlocked["gas_consumption"])) == ("unlocked", str)
