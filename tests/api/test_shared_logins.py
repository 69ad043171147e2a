"""Two customers of a company with one login: each is named in what is announced, and has all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from meterfarm.records import Outcome, Part, RunKind
from meterfarm.storage.runs import FollowUp
from tests.api.server import ApiServer
from tests.services.printed import printed
from tests.storage.made import (
    ACCOUNT,
    ELECTRIC,
    EXPORT,
    START,
    UTILITY,
    bill,
    claimed,
    listed,
    pdf,
    save_bill,
    series,
)

BACK = FollowUp(is_back=True, next_kind=RunKind.COLLECT)
READY = FollowUp(ready=frozenset({Part.BILLS, Part.INTERVALS}))
QUARTERS = 8


def _let_in(api: ApiServer, external_id: str) -> int:
    """A customer who gave the login that both have, and was let in by it."""
    given = {"external_id": external_id, "utility": UTILITY}
    customer: int = api.client.post("/api/v2/customers", json=given).json()["id"]
    login = {"username": "both@bayou.energy", "password": f"{external_id}-password"}
    run = api.client.post(f"/api/v2/customers/{customer}/login", json=login).json()["run_id"]
    _end(api, run, BACK)
    return customer


def _end(api: ApiServer, run: int, follow: FollowUp) -> None:
    claim = claimed(api.store, run, 1)
    assert claim is not None
    api.store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=follow)


def _at(number: int, quarters: int = 0) -> str:
    """When the readings of ``_collected`` begin, or so many quarter-hours later."""
    at = datetime.fromtimestamp(START + number * 86_400 + quarters * 900, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _collected(api: ApiServer, account: int, number: int) -> None:
    """A bill more, and later readings."""
    day = date(2026, number, 5)
    shown = replace(bill(billed_on=day), billing_period_to=day)
    content = pdf(printed(f"bill {number}"))
    one = listed(f"b{number}", day)
    save_bill(api.store, account, one, content, shown, layout=UTILITY, layout_version=1)
    later = series(range(QUARTERS), start=START + number * 86_400)
    api.store.readings.save(account, EXPORT, f"export {number}", [later])


@pytest.fixture(scope="module")
def both(api: ApiServer) -> tuple[int, int]:
    """The second came when the first had been there for a while, and something new came after that."""
    first = _let_in(api, "first")
    holder = api.store.customers.by_id(first)
    assert holder is not None
    account = api.store.accounts.save(holder, ACCOUNT)
    _collected(api, account, 1)
    (run,) = api.store.runs.list(customer_id=first, active=True)
    _end(api, run.id, READY)
    _collected(api, account, 2)
    second = _let_in(api, "second")
    _collected(api, account, 3)
    return first, second


def _changes(api: ApiServer) -> list[Mapping[str, Any]]:
    changes: list[Mapping[str, Any]] = []
    cursor, more = "", True
    while more:
        asked = {"limit": "3", **({"cursor": cursor} if cursor else {})}
        page = api.client.get("/api/v2/changes", params=asked).json()
        changes += page["changes"]
        cursor, more = page["cursor"], page["has_more"]
    return changes


def test_changes_name_each_of_them(api: ApiServer, both: tuple[int, int]) -> None:
    first, second = both
    changes = _changes(api)
    bills = {each["bill_id"] for each in changes if each["bill_id"]}
    assert len(bills) == 3
    for customer, external_id in ((first, "first"), (second, "second")):
        own = [each for each in changes if each["customer_id"] == customer]
        assert {each["customer_external_id"] for each in own} == {external_id}
        assert [each["bill_id"] for each in own if each["kind"] == "bill_added"] == sorted(bills)
        found = api.client.get(f"/api/v2/customers/{customer}").json()
        spans = [(each["start"], each["end"]) for each in own if each["kind"] == "intervals_added"]
        assert min(spans)[0] == found["first_interval_discovered"]
        assert max(end for _, end in spans) > found["last_interval_discovered"] > max(spans)[0]
        assert {meter for each in own for meter in each["meter_ids"]} == {ELECTRIC.id}
    (of_second,) = [each for each in changes if each["customer_id"] == second and each["start"] == _at(1)]
    assert of_second["end"] == _at(2, QUARTERS), "also what came between the first fetch and the second one"


def test_an_upload_for_either_is_a_bill_of_both_and_stays_when_one_goes(
    api: ApiServer, both: tuple[int, int]
) -> None:
    first, second = both
    uploads = set()
    for customer in both:
        file, named = {"file": printed(f"upload {customer}")}, {"customer_id": str(customer)}
        made = api.client.post("/api/v2/bills", files=file, data=named).json()["id"]
        uploads.add(made)
        for each in both:
            assert _bills(api, each)[made]["customer_id"] == each
    every = _bills(api, second)
    assert uploads < every.keys()
    assert api.client.delete(f"/api/v2/customers/{first}").status_code == 204
    assert _bills(api, second).keys() == every.keys()
    gone = _changes(api)[-1]
    assert (gone["kind"], gone["customer_id"]) == ("customer_removed", first)


def _bills(api: ApiServer, customer: int) -> Mapping[int, Mapping[str, Any]]:
    listed = api.client.get(f"/api/v2/customers/{customer}/bills").raise_for_status().json()
    return {bill["id"]: bill for bill in listed}
