"""What lies around the routes: the key first, limits, requests that are sent twice, ETags, ids, the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request
from starlette.responses import Response

from meterfarm.api import layers
from meterfarm.api.answers import json_answer
from meterfarm.api.auth import Company
from meterfarm.api.context import ApiContext
from meterfarm.api.errors import ApiError
from meterfarm.api.limits import KeyLimits, Rate
from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.storage.ready_home import ready_home

HERE = "https://meterfarm.example"


@dataclass
class Api:
    """An app with a few routes, and the keys of two companies."""

    app: FastAPI
    store: Store
    ours: str
    theirs: str
    made: list[str] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str, path: str, *, key: str | None = None, **given: object) -> httpx.Response:
        auth = httpx.BasicAuth(self.ours if key is None else key, "")
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HERE, auth=auth) as client:
            answer: httpx.Response = await client.request(method, path, **given)  # type: ignore[arg-type] # httpx's
            return answer


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    ready_home(tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")) as store:
        ours, theirs = (
            store.within(store.companies.add(name).id).api_keys.add(f"test_{name}_", "")[1]
            for name in ("ours", "theirs")
        )
        context = ApiContext(store, FarmSettings(api_burst=0), HERE)
        api = Api(FastAPI(), store, ours, theirs)
        api.app.state.context = context
        _routes(api)
        layers.install(api.app, context)
        yield api


def _routes(api: Api) -> None:
    @api.app.get("/api/v2/things/{thing}")
    def get_thing(thing: str, company: Company) -> Response:
        return json_answer({"thing": thing, "file_url": f"{HERE}/file?{len(api.made)}", "made": api.made})

    @api.app.post("/api/v2/things")
    async def make_thing(request: Request, company: Company) -> Response:
        made = (await request.body()).decode()
        if made == "slow":
            api.started.set()
            await api.go_on.wait()
        if made == "bad":
            raise ApiError("customer_city_invalid")
        if made == "mad":
            raise ZeroDivisionError("canary-7c1")
        api.made.append(made)
        return json_answer({"made": made, "count": len(api.made)}, 201)


@pytest.mark.parametrize("path", ["/api/v2/things/a", "/api/v2/nowhere"])
async def test_without_a_valid_key_nobody_learns_which_paths_there_are(api: Api, path: str) -> None:
    for key, code in (("", "api_key_missing"), ("test_ours_0123", "api_key_invalid")):
        answer = await api.ask("GET", path, key=key)
        assert (answer.status_code, answer.json()["error_code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_a_post_with_an_idempotency_key_is_done_once(api: Api) -> None:
    once = {"Idempotency-Key": "5f0c"}
    first = await api.ask("POST", "/api/v2/things", headers=once, content=b"a")
    again = await api.ask("POST", "/api/v2/things", headers=once, content=b"a")
    assert api.made == ["a"]
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Content-Type"] == "application/json"
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    other = await api.ask("POST", "/api/v2/things", headers=once, content=b"b")
    assert (other.status_code, other.json()["error_code"]) == (422, "idempotency_key_reused")
    theirs = await api.ask("POST", "/api/v2/things", key=api.theirs, headers=once, content=b"b")
    assert theirs.json() == {"made": "b", "count": 2}
    assert (await api.ask("POST", "/api/v2/things", headers={"Idempotency-Key": ""})).status_code == 400


async def test_the_same_key_at_the_same_time_is_done_once(api: Api) -> None:
    once = {"Idempotency-Key": "5f0c"}
    first = asyncio.create_task(api.ask("POST", "/api/v2/things", headers=once, content=b"slow"))
    await asyncio.wait_for(api.started.wait(), 10)
    meanwhile = await api.ask("POST", "/api/v2/things", headers=once, content=b"slow")
    assert (meanwhile.status_code, meanwhile.headers["Retry-After"]) == (409, "1")
    api.go_on.set()
    assert (await first).status_code == 201
    assert (await api.ask("POST", "/api/v2/things", headers=once, content=b"slow")).status_code == 201
    assert api.made == ["slow"]


@pytest.mark.parametrize(("body", "status"), [(b"bad", 400), (b"mad", 500)])
async def test_a_request_that_failed_may_be_sent_again_with_its_key(
    api: Api, body: bytes, status: int
) -> None:
    once = {"Idempotency-Key": "5f0c"}
    for _ in range(2):
        answer = await api.ask("POST", "/api/v2/things", headers=once, content=body)
        assert answer.status_code == status
        assert "Idempotent-Replayed" not in answer.headers
    assert (await api.ask("POST", "/api/v2/things", headers=once, content=b"good")).status_code == 201


async def test_an_answer_that_has_not_changed_is_not_sent_again(api: Api) -> None:
    first = await api.ask("GET", "/api/v2/things/a")
    tag = first.headers["ETag"]
    same = await api.ask("GET", "/api/v2/things/a", headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    await api.ask("POST", "/api/v2/things", content=b"a")
    changed = await api.ask("GET", "/api/v2/things/a", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


async def test_an_unforeseen_fault_says_nothing_and_is_kept_under_the_requests_id(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = await api.ask("POST", "/api/v2/things?key=canary-1&limit=3", content=b"mad")
    assert answer.status_code == 500
    error = answer.json()
    assert error["error_code"] == "internal_error"
    assert error["error_type"] == "api_error"
    request_id = answer.headers["X-Request-Id"]
    assert request_id in error["error_message"]
    assert "canary" not in answer.text
    assert {line["request_id"] for line in lines} == {request_id}
    crashed, served = lines
    assert crashed["event"] == "request.crashed"
    assert served["event"] == "request.served"
    assert (served["status"], served["query"], served["company"]) == (500, "key=…&limit=3", 1)
    assert "canary-1" not in json.dumps(lines)
    assert "Traceback" not in capsys.readouterr().err
    (crash,) = (api.store.home / "evidence").glob("crash-*.log")
    assert "ZeroDivisionError" in crash.read_text()


async def test_a_request_keeps_the_id_it_came_with_if_that_is_a_word(api: Api) -> None:
    for given, kept in (("proxy-00af31", True), ("two words", False), ("x", False), ("a" * 200, False)):
        answer = await api.ask("GET", "/api/v2/things/a", headers={"X-Request-Id": given})
        assert (answer.headers["X-Request-Id"] == given) is kept


def test_a_key_that_asks_too_often_is_told_when_to_come_again() -> None:
    at = 0.0
    limits = KeyLimits(Rate(3, 0.5), lambda: at)
    assert [limits.take(1)["RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    with pytest.raises(ApiError) as refused:
        limits.take(1)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("too_many_requests", "2")
    assert limits.take(2)["RateLimit-Remaining"] == "2"
    at = 2.0
    assert limits.take(1) == {"RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Reset": "6"}
