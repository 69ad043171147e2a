"""Webhook endpoints and events over HTTP: set up, tried, listed with their deliveries, sent once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.webhooks import AttemptResult, DeliveryState
from tests.api.server import ApiServer, served
from tests.farm.receivers import publish
from tests.hook import Hook, listening_hook
from tests.services.printed import PDF, printed
from tests.storage.made import UTILITY

HOOKS = "/api/v2/webhooks"
EVENTS = "/api/v2/events"
LEASE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    with listening_hook() as hook:
        yield hook


def test_an_endpoint_is_set_up_tried_changed_and_removed(tmp_path: Path, hook: Hook) -> None:
    with served(tmp_path / "home", FarmSettings(webhooks_private=True)) as api:
        made = api.client.post(HOOKS, json={"url": hook.url})
        assert made.status_code == 201, made.text
        secret, path = made.json()["secret"], f"{HOOKS}/{made.json()['id']}"
        assert len(made.json()["events"]) == 8
        tried = api.client.post(f"{path}/test", json={"event": "new_bill"}).json()
        assert (tried["delivered"], tried["status"], tried["fault"]) == (True, 204, "")
        headers, body = hook.got[-1]
        assert Webhook(secret).verify(body, headers)["event"] == "new_bill"
        rotated = api.client.post(f"{path}/rotate").json()
        api.client.post(f"{path}/test")
        headers, body = hook.got[-1]
        for each in (secret, rotated["secret"]):
            Webhook(each).verify(body, headers)
        changed = api.client.patch(path, json={"events": ["new_bill"], "active": False}).json()
        assert (changed["events"], changed["state"]) == (["new_bill"], "paused")
        assert api.client.get(HOOKS).json() == [api.client.get(path).json()] == [changed]
        assert secret not in api.client.get(HOOKS).text
        assert api.client.delete(path).status_code == 204
        assert api.client.get(path).json()["error_code"] == "object_not_found"


def test_what_cannot_be_an_endpoint_is_refused(api: ApiServer) -> None:
    for body in (
        {"url": "http://127.0.0.1:9/hook"},
        {"url": "https://127.1/hook"},
        {"url": "http://93.184.215.14/"},
        {"url": "no address"},
        {"url": 7},
        {},
        {"url": "https://93.184.215.14/", "events": ["no_such"]},
        {"url": "https://93.184.215.14/", "events": "new_bill"},
    ):
        refused = api.client.post(HOOKS, json=body)
        assert (refused.status_code, refused.json()["error_type"]) == (400, "invalid_input"), body
    assert api.client.get(HOOKS).json() == []
    for path in (f"{HOOKS}/99", f"{EVENTS}/99", f"{HOOKS}/{2**70}", f"{EVENTS}/{2**70}"):
        assert api.client.get(path).status_code == 404


def test_events_are_listed_with_their_deliveries_and_sent_once_more(api: ApiServer) -> None:
    url = "https://93.184.215.14/hook"
    endpoint = api.client.post(HOOKS, json={"url": url}).json()["id"]
    customer = api.store.customers.ensure(UTILITY, "ada@x.example")
    publish(api.store, customer, "1", "2", "3")
    (due,) = api.farm.webhooks.take(endpoint, 10, LEASE)
    api.farm.webhooks.settle(due, AttemptResult(500, "oh", "It answered with HTTP 500.", 7), None)
    first, second, third = api.client.get(EVENTS).json()
    assert [first["event"], first["customer_id"]] == ["new_bill", customer.id]
    (delivery,) = first["deliveries"]
    assert (delivery["webhook_id"], delivery["state"], delivery["url"]) == (endpoint, "parked", url)
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["answer"], attempt["milliseconds"]) == (500, "oh", 7)
    assert [
        each["id"] for each in api.client.get(EVENTS, params={"after": first["id"], "limit": 1}).json()
    ] == [second["id"]]
    (due,) = api.farm.webhooks.take(endpoint, 10, LEASE)
    api.farm.webhooks.settle(due, AttemptResult(200, "", "", 7), None)
    left = api.client.get(EVENTS, params={"undelivered": "true", "kind": "new_bill"}).json()
    assert [each["id"] for each in left] == [first["id"], third["id"]]
    assert api.client.post(f"{EVENTS}/{first['id']}/resend").json() == {"deliveries": 1}
    again = api.client.get(f"{EVENTS}/{first['id']}").json()
    assert again["deliveries"][0]["state"] == DeliveryState.PENDING
    for parameters in ({"after": "-1"}, {"kind": "no"}, {"limit": "0"}, {"undelivered": "maybe"}):
        assert api.client.get(EVENTS, params=parameters).json()["error_code"] == "parameter_invalid"


def test_an_event_that_a_request_caused_has_its_id_and_what_a_worker_finds_has_none(api: ApiServer) -> None:
    def asked(method: str, path: str, **more: Any) -> tuple[str, httpx.Response]:
        answer = api.client.request(method, f"/api/v2/{path}", **more)
        assert answer.is_success, answer.text
        return answer.headers["X-Request-Id"], answer

    def newest() -> Mapping[str, Any]:
        every: list[Mapping[str, Any]] = api.client.get(EVENTS, params={"limit": "1000"}).json()
        return every[-1]

    customer = api.store.customers.ensure(UTILITY, "asks@x.example")
    publish(api.store, customer, "found")
    assert "request_id" not in newest()
    for content in (PDF, printed("nothing")):
        named = {"customer_id": str(customer.id)}
        own = {"X-Request-Id": "proxy-00af31"} if content is PDF else {}
        request_id, answer = asked("POST", "bills", files={"file": content}, data=named, headers=own)
        event = newest()
        assert (event["request_id"], event["object"]["id"]) == (request_id, answer.json()["id"])
        assert request_id == own.get("X-Request-Id", request_id)
        assert "request_id" not in event["object"]
    fired = {"customer_id": customer.id, "event": "run_failed"}
    request_id, _ = asked("POST", "test/events", json=fired)
    event = newest()
    assert (event["request_id"], event["test"]) == (request_id, True)
    assert not {"request_id", "test"} & event["object"].keys()
