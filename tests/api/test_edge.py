"""Secrets are answered by https, or on this machine; proxies are believed if they are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from meterfarm.api import errors
from meterfarm.api.app import create_app
from meterfarm.api.context import ApiContext
from meterfarm.api.edge import MOST_BODY, Arrivals, EdgeGuard
from meterfarm.farm.settings import FarmSettings
from meterfarm.services.api_keys import create_key
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.storage.ready_home import ready_home

PUBLIC = "https://meterfarm.example"
PROXY, ABROAD, HERE = "10.3.0.7", "203.0.113.9", "127.0.0.1"
BY_HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": f"192.0.2.1, {ABROAD}, 10.3.0.9"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("edge") / "home"
    ready_home(home)
    with Store.open(Settings(home=home)) as farm:
        yield farm


def _app(store: Store, public_url: str = PUBLIC, proxies: str = "10.3.0.0/16, 127.0.0.9") -> FastAPI:
    app = create_app(ApiContext(store, FarmSettings(trusted_proxies=proxies), public_url))

    @app.get("/seen")
    def seen(request: Request) -> dict[str, Any]:
        assert request.client is not None
        return {"client": request.client.host, "url": str(request.url), "headers": dict(request.headers)}

    @app.get("/page")
    def page() -> Response:
        answer = HTMLResponse("<p>")
        answer.set_cookie("a", "1", samesite="strict")
        answer.set_cookie("b", "2", samesite=None)
        return answer

    return app


async def _get(
    app: FastAPI, peer: str, url: str, headers: Mapping[str, str] | None = None, auth: str = ""
) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(peer, 5000))
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.get(url, headers=headers, auth=(auth, "") if auth else None)


@pytest.mark.parametrize(
    ("peer", "url", "headers", "code"),
    [
        (HERE, "http://localhost:8601", {}, ""),
        (HERE, "http://127.0.0.1:8601", {}, ""),
        ("::1", "http://[::1]:8601", {}, ""),
        (HERE, "http://api.localhost", {}, ""),
        (HERE, "http://127.0.0.1:8601", {"Host": ""}, ""),
        (HERE, "http://rebound.example:8601", {}, "host_not_served"),
        (HERE, "http://meterfarm.example", {}, "https_required"),
        (HERE, "http://127.0.0.1:8601", {"X-Forwarded-Proto": "https"}, "https_required"),
        (HERE, "http://127.0.0.1:8601", {"X-Forwarded-For": ABROAD}, "https_required"),
        (ABROAD, "http://meterfarm.example", {}, "https_required"),
        (ABROAD, "http://127.0.0.1", {}, "https_required"),
        (ABROAD, "http://meterfarm.example", BY_HTTPS, "https_required"),
        (PROXY, "http://meterfarm.example", BY_HTTPS, ""),
        (PROXY, "http://10.3.0.2:8601", {**BY_HTTPS, "X-Forwarded-Host": "meterfarm.example"}, ""),
        ("127.0.0.9", "http://127.0.0.1:8601", BY_HTTPS, ""),
        (PROXY, "http://meterfarm.example", {**BY_HTTPS, "X-Forwarded-Proto": "http"}, "https_required"),
        (PROXY, "http://meterfarm.example", {"X-Forwarded-For": ABROAD}, "https_required"),
        (PROXY, "http://meterfarm.example", {}, "https_required"),
    ],
)
async def test_a_key_is_taken_by_https_or_on_this_machine_under_its_own_name(
    store: Store, peer: str, url: str, headers: dict[str, str], code: str
) -> None:
    app, key = _app(store), create_key(store.of())[1]
    for path in ("/api/v2/customers", "/companies/1/sign_up?key=x"):
        answer = await _get(app, peer, url + path, headers, auth=key)
        assert (answer.status_code not in (403, 421)) if not code else (answer.json()["error_code"] == code)
        if code:
            assert PUBLIC in answer.json()["error_message"]
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert (await _get(app, peer, url + path, headers)).status_code == 200, "no secret is in it"


async def test_what_is_inside_sees_the_client_and_the_address_that_it_asked_for(store: Store) -> None:
    app = _app(store)
    headers = {**BY_HTTPS, "X-Forwarded-Host": "forged.example, meterfarm.example"}
    seen = (await _get(app, PROXY, "http://10.3.0.2:8601/seen", headers)).json()
    assert seen["client"] == ABROAD, "the nearest that is no proxy of ours"
    assert seen["url"] == f"{PUBLIC}/seen"
    forged = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "X-Forwarded-Host": "a.example"}
    seen = (await _get(app, ABROAD, f"{PUBLIC}/seen", forged)).json()
    assert (seen["client"], seen["url"]) == (ABROAD, f"{PUBLIC}/seen")
    assert not [name for name in seen["headers"] if "forwarded" in name]


async def test_browsers_are_held_to_https_and_pages_to_themselves(store: Store) -> None:
    answer = await _get(_app(store), PROXY, "http://meterfarm.example/page", BY_HTTPS)
    assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (answer.headers["referrer-policy"], answer.headers["x-frame-options"]) == ("no-referrer", "DENY")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers.get_list("set-cookie") == [
        "a=1; Path=/; SameSite=strict; HttpOnly; Secure",
        "b=2; Path=/; HttpOnly; SameSite=Lax; Secure",
    ]
    plain = await _get(_app(store, "http://127.0.0.1:8601"), HERE, "http://127.0.0.1:8601/page")
    assert "strict-transport-security" not in plain.headers
    assert not [cookie for cookie in plain.headers.get_list("set-cookie") if "Secure" in cookie]
    own = await _get(_app(store), HERE, "http://localhost/companies/1/sign_up")
    assert "script-src 'self'; style-src 'self';" in own.headers["content-security-policy"], "a page's own"


async def test_no_body_is_longer_than_the_largest_upload() -> None:
    app = FastAPI()
    app.state.context = SimpleNamespace(public_url=PUBLIC)
    errors.install(app)
    app.add_middleware(EdgeGuard, public_url=PUBLIC)
    app.add_middleware(Arrivals, proxies=())

    @app.post("/taken")
    async def taken(request: Request) -> int:
        return len(await request.body())

    async def pieces() -> Any:
        for _ in range(MOST_BODY // 2**20 + 2):
            yield bytes(2**20)

    transport = httpx.ASGITransport(app, client=(HERE, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        said = await client.post("/taken", content=b"", headers={"Content-Length": str(MOST_BODY + 1)})
        assert (said.status_code, said.json()["error_code"]) == (413, "request_too_large")
        sent = await client.post("/taken", content=pieces())
        assert (sent.status_code, sent.json()["error_code"]) == (413, "request_too_large")
        assert (await client.post("/taken", content=bytes(2**20))).json() == 2**20


@pytest.mark.parametrize("text", ["*", "0.0.0.0/0", "::/0", "proxy.example", "10.0.0.1/8"])
def test_trusted_proxies_are_addresses_and_networks_and_never_everybody(text: str) -> None:
    with pytest.raises(ValidationError, match="write addresses or networks"):
        FarmSettings(trusted_proxies=text)
