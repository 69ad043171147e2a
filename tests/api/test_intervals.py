"""Intervals, coverage and changes over HTTP: what is found, in which form, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO

import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.records import Commodity, Unit
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.storage.customers import Customer
from tests.api.server import ApiServer
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, GAS, UTILITY, series

MIDNIGHT, QUARTER = 1_700_006_400, 900


@pytest.fixture(scope="module")
def customer(api: ApiServer) -> Customer:
    """One with a day of quarter-hours."""
    customer = api.store.customers.ensure(UTILITY, "ada@bayou.energy")
    account = api.store.accounts.save(customer, ACCOUNT)
    api.store.readings.save(account, EXPORT, "jan", [series(range(96), start=MIDNIGHT)])
    return customer


@pytest.fixture(scope="module")
def path(customer: Customer) -> str:
    return f"/api/v2/customers/{customer.id}/intervals"


def test_intervals_are_found_by_time_and_meter(api: ApiServer, path: str) -> None:
    answer = api.client.get(
        path, params={"start": "2023-11-15T00:30:00Z", "end": "2023-11-15T02:00:00+01:00"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    (meter,) = found["meters"]
    assert [each["electricity_consumption"] for each in meter["intervals"]] == [2, 3]
    assert (found["first_interval_discovered"], meter["id"]) == ("2023-11-15T00:00:00Z", ELECTRIC.id)
    assert "updated_until" not in found
    hours = api.client.get(path, params={"granularity": "60", "meter_id": ELECTRIC.id}).json()["meters"][0]
    assert (len(hours["intervals"]), hours["gaps"], hours["granularities"]) == (24, [], [60])
    since = api.client.get(path, params={"updated_after": "2023-11-15T00:00:00Z"})
    assert len(since.json()["meters"][0]["intervals"]) == 96
    later = api.client.get(path, params={"updated_after": "2100-01-01T00:00:00Z"}).json()
    assert later["meters"][0]["intervals"] == []
    assert since.headers["x-updated-until"] == since.json()["updated_until"]


def test_who_has_none_gets_an_empty_answer(api: ApiServer) -> None:
    made = api.client.post("/api/v2/customers", json={"external_id": "none"}).json()
    nothing = {"first_interval_discovered": None, "last_interval_discovered": None}
    for each in (made["id"], "external_id:none"):
        found = api.client.get(f"/api/v2/customers/{each}/intervals").json()
        assert found == {**nothing, "granularities": [], "meters": []}


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ({"start": "yesterday", "end": "?"}, 400, "start_timestamp_invalid", "2022-11-01T00:00:00Z"),
        ({"start": ""}, 400, "start_timestamp_invalid", "start timestamp"),
        ({"end": "2023-02-30T00:00:00Z"}, 400, "end_timestamp_invalid", "end timestamp"),
        (
            {"start": "2023-11-16T00:00:00Z", "end": "2023-11-15T00:00:00Z", "meter_id": "E9"},
            400,
            "timestamps_out_of_order",
            "before the start",
        ),
        ({"meter_id": GAS.id}, 404, "interval_meter_id_invalid", ELECTRIC.id),
        ({"granularity": "17"}, 400, "parameter_invalid", "15, 30, 60 or 1440"),
        ({"updated_after": "1"}, 400, "parameter_invalid", "updated_after"),
        ({"format": "xls"}, 400, "parameter_invalid", "csv"),
    ],
)
def test_what_cannot_be_used_is_refused(
    api: ApiServer, path: str, query: Mapping[str, str], status: int, code: str, words: str
) -> None:
    answer = api.client.get(path, params=query)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert words in answer.json()["error_message"]


def test_far_instants_are_instants(api: ApiServer, path: str) -> None:
    for start, count in (("0001-01-01T00:00:00+23:00", 96), ("9999-12-31T23:59:60Z", 0)):
        for granularity, whole in (("15", 96), ("1440", 0)):
            query = {"start": start, "granularity": granularity}
            (meter,) = api.client.get(path, params=query).json()["meters"]
            assert len(meter["intervals"]) == min(count, whole)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/csv, application/json;q=0.5", "text/csv; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/atom+xml;q=0.9, application/json;q=0", "application/atom+xml"),
    ],
)
def test_the_form_is_what_is_accepted(api: ApiServer, path: str, accept: str, media_type: str) -> None:
    answer = api.client.get(path, headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    named = {
        "text/csv; charset=utf-8": "csv",
        "application/x-ndjson": "ndjson",
        "application/vnd.apache.parquet": "parquet",
        "application/atom+xml": "xml",
    }
    if media_type in named:
        assert answer.headers["content-disposition"].endswith(f'.{named[media_type]}"')
    match named.get(media_type):
        case "csv" | "ndjson" as lines:
            assert len(answer.text.splitlines()) == 96 + (lines == "csv")
        case "parquet":
            assert parquet.read_table(BytesIO(answer.content)).num_rows == 96
        case "xml":
            (one,) = read_green_button(answer.content).series
            assert len(one.readings) == 96
        case _:
            assert len(answer.json()["meters"][0]["intervals"]) == 96


def test_a_format_goes_before_what_is_accepted(api: ApiServer, path: str) -> None:
    answer = api.client.get(path, params={"format": "csv"}, headers={"accept": "application/json"})
    assert answer.text.startswith("account_number,meter_id,start,end,electricity_consumption,")


def test_coverage_and_changes_are_told(api: ApiServer, customer: Customer) -> None:
    (electric, gas) = api.client.get(f"/api/v2/customers/{customer.id}/coverage").json()["meters"]
    assert electric["interval_coverage"] == [["2023-11-15T00:00:00Z", "2023-11-16T00:00:00Z"]]
    assert (electric["interval_count"], electric["interval_gaps"], electric["bill_coverage"]) == (96, [], [])
    assert (electric["series"][0]["granularities"], gas["type"]) == ([15], "gas")
    assert gas["notes"] == ["No intervals are stored yet: they have not been looked for."]
    account = api.store.accounts.list(customer)[0]
    assert account.account.number == ACCOUNT.number
    page = api.client.get("/api/v2/changes", params={"limit": "1"}).json()
    assert (page["changes"], page["has_more"]) == ([], False)
    made = api.client.post("/api/v2/customers", json={"external_id": "gone"}).json()
    assert api.client.delete(f"/api/v2/customers/{made['id']}").status_code == 204
    page = api.client.get("/api/v2/changes", params={"cursor": page["cursor"]}).json()
    (gone,) = page["changes"]
    assert (gone["kind"], gone["customer_id"]) == ("customer_removed", made["id"])
    assert gone["customer_external_id"] == "gone"
    for query in ({"cursor": "x"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "²"}):
        refused = api.client.get("/api/v2/changes", params=query)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "parameter_invalid")


def test_gas_is_text_where_the_company_wants_it(api: ApiServer) -> None:
    customer = api.store.customers.ensure(UTILITY, "gas@bayou.energy")
    account = api.store.accounts.save(customer, ACCOUNT)
    made = replace(series([13], start=MIDNIGHT, unit=Unit.THERM), meter_id=GAS.id, commodity=Commodity.GAS)
    api.store.readings.save(account, EXPORT, "jan", [made])
    company = api.farm.companies.list()[0]
    for as_text, shown in ((True, "13.0"), (False, 13.0)):
        change_company(api.farm, company, ChangeCompany(gas_as_text=as_text))
        found = api.client.get(f"/api/v2/customers/{customer.id}/intervals").json()
        assert found["meters"][0]["intervals"][0]["gas_consumption"] == shown


def test_of_a_customer_without_intervals_each_form_is_an_answer(api: ApiServer) -> None:
    made = api.client.post("/api/v2/customers", json={"utility": "speculoos_power"}).json()
    for form in ("application/json", "text/csv", "application/x-ndjson"):
        answer = api.client.get(f"/api/v2/customers/{made['id']}/intervals", headers={"Accept": form})
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, form)
    assert answer.content == b""
