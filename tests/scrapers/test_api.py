"""A portal's API over HTTP: what is posted and where it leads, tokens, JSON as portals send it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import SIGNED_OUT, SessionEnded, Sign, Stop
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.village import Village


@dataclass
class Api:
    """What the API takes for a token now, and what was sent to it.

    ``uses`` are how many requests a token is good for.
    """

    token: int = 1
    refreshes: int = 0
    blips: int = 0
    rejects: bool = False
    uses: int = 1_000
    used: int = 0
    seen: list[dict[str, str]] = field(default_factory=list)


class Tokened(Village):
    """Has an access token of the API and one to renew it with, which counts once."""

    hosts: ClassVar[Sequence[str]] = ("localhost",)
    api_hosts: ClassVar[Sequence[str]] = ("127.0.0.1",)

    async def authorise(self, visit: Visit, *, renew: bool) -> Mapping[str, str]:
        if renew:
            answer = await visit.http.post("/token", form={"refresh_token": visit.tokens["refresh"]})
            visit.tokens["access"] = answer.at("/access_token", str)
            visit.tokens["refresh"] = answer.at("/refresh_token", str)
        return {"Authorization": f"Bearer {visit.tokens['access']}"}


def _routes(api: Api) -> list[BaseRoute]:
    async def echo(request: Request) -> Response:
        body = (await request.body()).decode()
        api.seen.append({"method": request.method, "body": body})
        api.seen[-1].update(request.headers.items())
        return JSONResponse({"method": request.method, "body": body})

    async def to(request: Request) -> Response:
        return RedirectResponse(request.query_params["to"], int(request.path_params["status"]))

    async def mine(request: Request) -> Response:
        await asyncio.sleep(0.01)
        if api.rejects or request.headers.get("authorization") != f"Bearer access-token-{api.token}":
            return JSONResponse({"error": "expired"}, 401)
        api.used += 1
        if api.used == api.uses:
            api.used, api.token = 0, api.token + 1
        return JSONResponse({"mine": True})

    async def token(request: Request) -> Response:
        await asyncio.sleep(0.01)
        given = (await request.body()).decode()
        if request.headers.get("authorization") or given != f"refresh_token=refresh-token-{api.refreshes}":
            return JSONResponse({"error": "invalid_grant"}, 400)
        api.refreshes += 1
        answer = {
            "access_token": f"access-token-{api.token}",
            "refresh_token": f"refresh-token-{api.refreshes}",
        }
        return JSONResponse(answer)

    async def blip(_: Request) -> Response:
        api.blips += 1
        return Response(status_code=503)

    async def csrf(_: Request) -> Response:
        return Response(headers={"set-cookie": "XSRF-TOKEN=a=b%3D; Path=/"})

    async def error(request: Request) -> Response:
        answer = {"error": {"code": request.query_params["code"]}}
        return JSONResponse(answer, int(request.path_params["status"]))

    every = ["GET", "POST"]
    return [
        Route("/echo", echo, methods=every),
        Route("/to/{status}", to, methods=every),
        Route("/csrf", csrf),
        Route("/mine", mine),
        Route("/error/{status}", error),
        Route("/token", token, methods=["POST"]),
        Route("/blip", blip, methods=every),
    ]


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def site(api: Api) -> Iterator[Site]:
    with local_site(_routes(api)) as site:
        yield site


@asynccontextmanager
async def visiting(site: Site, chromium: Chromium) -> AsyncIterator[Visit]:
    known = {"access": "access-token-1", "refresh": "refresh-token-0"}
    session = PortalSession({"cookies": [], "origins": []}, tokens=known)
    async with Visit(Tokened(), site.url, chromium, Nobody(), Secrets(), session) as visit:
        yield visit


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "a=1&a=2"),
        (308, "POST", "a=1&a=2"),
    ],
)
async def test_what_was_posted_goes_where_it_leads_as_browsers_send_it(
    site: Site, api: Api, chromium: Chromium, status: int, method: str, body: str
) -> None:
    async with visiting(site, chromium) as visit:
        answer = await visit.http.post(f"/to/{status}", form=[("a", "1"), ("a", "2")], params={"to": "/echo"})
    assert answer.json() == {"method": method, "body": body}
    assert ("content-type" in api.seen[0], "origin" in api.seen[0]) == (method == "POST",) * 2


async def test_json_and_headers_are_sent_as_given_with_where_they_come_from(
    site: Site, api: Api, chromium: Chromium
) -> None:
    async with visiting(site, chromium) as visit:
        await visit.http.post("/echo", json={"a": ["ü", 1, None]}, headers={"X-Csrf": "abc"})
        seen = api.seen[0]
        assert (seen["body"], seen["content-type"]) == ('{"a":["ü",1,null]}', "application/json")
        assert (seen["x-csrf"], seen["origin"], seen["referer"]) == ("abc", site.url, f"{site.url}/")
        for headers in ({"Cookie": "a=1"}, {"X-Csrf": "a\r\nHost: b"}, {"Host": "b"}, {"a b": "c"}):
            with pytest.raises(ValueError, match="header"):
                await visit.http.get("/echo", headers=headers)
        with pytest.raises(ValueError, match="not both"):
            await visit.http.post("/echo", form={}, json={})
    assert len(api.seen) == 1


@pytest.mark.parametrize("with_page", [True, False], ids=["in browser", "without browser"])
async def test_a_header_can_repeat_a_cookie(site: Site, chromium: Chromium, with_page: bool) -> None:
    async with visiting(site, chromium) as visit:
        if with_page:
            await visit.page.open("/echo")
        assert await visit.http.cookie("XSRF-TOKEN") == ""
        await visit.http.get("/csrf")
        assert await visit.http.cookie("XSRF-TOKEN") == "a=b%3D"
        assert await visit.http.cookie("XSRF-TOKEN", site.url.replace("127.0.0.1", "localhost")) == ""


async def test_what_is_posted_is_sent_once_unless_it_may_be_repeated(
    site: Site, api: Api, chromium: Chromium
) -> None:
    async with visiting(site, chromium) as visit:
        for repeatable, times in ((False, 1), (True, 3)):
            api.blips = 0
            with pytest.raises(Stop, match="HTTP 503"):
                await visit.http.post("/blip", json={}, repeatable=repeatable)
            assert api.blips == times


async def test_a_token_that_is_refused_is_renewed_once_for_all_that_wait(
    site: Site, api: Api, chromium: Chromium
) -> None:
    async with visiting(site, chromium) as visit:
        assert (await visit.http.get("/mine")).at("/mine", bool)
        api.token = 2
        answers = await asyncio.gather(*(visit.http.get("/mine") for _ in range(12)))
        assert all(answer.at("/mine", bool) for answer in answers)
        assert api.refreshes == 1
        assert dict(visit.tokens) == {"access": "access-token-2", "refresh": "refresh-token-1"}
        saved = await visit.session()
        assert saved is not None
        assert saved.tokens == dict(visit.tokens)
        assert "refresh-token-1" not in visit.secrets.scrub("it was refresh-token-1")


async def test_a_token_that_runs_out_while_requests_wait_is_renewed_as_often_as_it_takes(
    site: Site, api: Api, chromium: Chromium
) -> None:
    """A request that waited goes out with the token of that moment; one that ran out again was no refusal."""
    api.uses = 6
    async with visiting(site, chromium) as visit:
        answers = await asyncio.gather(*(visit.http.get("/mine") for _ in range(40)))
    assert all(answer.at("/mine", bool) for answer in answers)
    assert api.refreshes == 40 // 6
    refused = site.requested.count("/mine") - 40
    assert refused <= Tokened.max_concurrency * api.refreshes


async def test_a_token_refused_also_when_new_ends_the_session_and_so_does_401_without_one(
    site: Site, api: Api, chromium: Chromium
) -> None:
    async with visiting(site, chromium) as visit:
        with pytest.raises(SessionEnded):
            await visit.http.get("/mine", authorised=False)
        assert "/token" not in site.requested
        api.rejects = True
        with pytest.raises(SessionEnded):
            await visit.http.get("/mine")
        assert api.refreshes == 1
        visit.tokens["refresh"] = "spent"
        with pytest.raises(Stop, match="HTTP 400 to /token"):
            await visit.http.get("/mine")


async def test_after_another_sign_in_the_script_is_asked_for_what_holds_now(
    site: Site, api: Api, chromium: Chromium
) -> None:
    async with visiting(site, chromium) as visit:
        await visit.http.get("/mine")
        visit.tokens["access"], api.token = "access-token-7", 7
        visit.signed_in_anew()
        await visit.http.get("/mine")
    assert not api.refreshes


async def test_what_lets_its_bearer_in_goes_to_no_other_host(
    site: Site, api: Api, chromium: Chromium
) -> None:
    elsewhere = site.url.replace("127.0.0.1", "localhost")
    async with visiting(site, chromium) as visit:
        await visit.http.get("/echo")
        await visit.http.get(f"{elsewhere}/echo")
        await visit.http.get("/to/302", {"to": f"{elsewhere}/echo"}, headers={"X-Key": "abc"})
        await visit.http.post("/to/307", json={}, params={"to": f"{elsewhere}/echo"})
        with pytest.raises(
            Stop, match="would give its authorisation to localhost, which is not one of its api_hosts"
        ):
            await visit.http.get(f"{elsewhere}/echo", headers={"Authorization": "Basic abc"})
        with pytest.raises(Stop, match="api_hosts; nothing was sent"):
            await visit.http.get(f"{elsewhere}/echo", authorised=True)
    assert [seen.get("authorization", "") for seen in api.seen] == ["Bearer access-token-1", "", "", ""]
    assert not any("x-key" in seen for seen in api.seen)
    assert [seen["host"].partition(":")[0] for seen in api.seen] == ["127.0.0.1", *["localhost"] * 3]


async def test_storage_is_read_without_a_browser(site: Site, chromium: Chromium) -> None:
    items = [{"name": "theme", "value": "light"}]
    session = PortalSession(
        {"cookies": [], "origins": [{"origin": site.url, "localStorage": items}]},
        {site.url: {"step": "3"}},
    )
    async with Visit(Tokened(), site.url, chromium, Nobody(), Secrets(), session) as visit:
        assert await visit.local_storage() == {"theme": "light"}
        assert await visit.session_storage(site.url) == {"step": "3"}
        assert await visit.session_storage("https://other.example") == {}
        assert visit.tab.opened == 0


def _answer(content: bytes, kind: str = "application/json") -> HttpResponse:
    return HttpResponse("https://portal.example/api/x", 200, {"content-type": kind}, content, "The Portal")


GUARDED = [
    b")]}',\n",
    b")]}'",
    b"while(1);",
    b"for(;;);",
    b"\xef\xbb\xbf",
    b"for (;;) ;",
    b"throw 1;",
    b" \n",
]


@pytest.mark.parametrize("guard", GUARDED)
async def test_json_is_read_behind_what_guards_it(guard: bytes) -> None:
    answer = _answer(guard + b'{"kWh": 12.340, "n": 3, "text": "\xc3\xa9"}', "text/plain")
    assert answer.may_be_json
    assert answer.json() == {"kWh": Decimal("12.340"), "n": 3, "text": "é"}


async def test_json_in_another_encoding_is_read_by_its_header_or_mark() -> None:
    text = '{"name": "é"}'
    for content, kind in (
        (text.encode("latin-1"), "application/json; charset=iso-8859-1"),
        (text.encode("utf-16"), "application/json"),
    ):
        assert _answer(content, kind).json() == {"name": "é"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b'{"a": 1', "it is not JSON"),
        (b"NaN", "it is not JSON"),
        (b"1e9999999", "it is not JSON"),
        (b"[" * 100_000, "it is nested too deep"),
        (b"[" * 300 + b"]" * 300, "it is nested too deep"),
        (b"1" * 10_000, "it is not JSON"),
    ],
)
async def test_what_is_no_json_or_would_take_too_much_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(Stop, match=rf"The Portal sends data at /api/x that .* cannot read \({why}\)") as stop:
        _answer(content).json()
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED


async def test_a_page_in_the_place_of_json_is_a_page_that_is_not_known() -> None:
    with pytest.raises(Stop, match="shows a page at /api/x where its script awaits data") as stop:
        _answer(b"<h1>Hello</h1>", "text/html").json()
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE


async def test_what_a_pointer_leads_to_is_of_the_kind_awaited_or_the_layout_has_changed() -> None:
    answer = _answer(json.dumps({"data": [{"id": 7, "a/b": True, "none": None, "sum": 3}]}).encode())
    assert answer.at("/data/0/id", int) == 7
    assert answer.at("/data/0/a~1b", bool) is True
    assert answer.at("/data/0/sum", Decimal) == Decimal(3)
    assert answer.at("", dict) == answer.json()
    assert answer.at("/data/0/none", str, "-") == answer.at("/data/9", str, "-") == "-"
    for pointer, kind, named in (
        ("/data/0/id", str, "text"),
        ("/data/0/a~1b", int, "whole number"),
        ("/data/0/none", list, "list"),
        ("/data/1", dict, "object"),
        ("/data/-1", dict, "object"),
    ):
        with pytest.raises(Stop, match=f"sends no {named} at {pointer} in its answer to /api/x") as stop:
            answer.at(pointer, kind)
        assert stop.value.outcome is Outcome.LAYOUT_CHANGED


class Pointing(Village):
    signs: ClassVar[Sequence[Sign]] = (
        Sign(Outcome.BAD_CREDENTIALS, pointer="/error/code", value="wrong_password"),
        Sign(SIGNED_OUT, pointer="/error/code", value="no_session"),
        Sign("wrong_code", pointer="/error/code", value="wrong_code"),
    )


@pytest.mark.parametrize("status", [200, 400, 401])
async def test_an_answer_in_json_has_its_signs_whatever_its_status(
    site: Site, chromium: Chromium, status: int
) -> None:
    session = PortalSession({"cookies": [], "origins": []})
    async with Visit(Pointing(), site.url, chromium, Nobody(), Secrets(), session) as visit:
        with pytest.raises(Stop, match="says: “wrong_password”") as stop:
            await visit.http.get(f"/error/{status}", {"code": "wrong_password"})
        assert stop.value.outcome is Outcome.BAD_CREDENTIALS
        with pytest.raises(SessionEnded):
            await visit.http.get(f"/error/{status}", {"code": "no_session"})
        answer = await visit.http.get(f"/error/{status}", {"code": "wrong_code"})
        assert (answer.status, answer.sign and answer.sign.means) == (status, "wrong_code")
    with pytest.raises(Stop, match="answers HTTP 404 to /error/404"):
        async with visiting(site, chromium) as visit:
            await visit.http.get("/error/404", {"code": "wrong_code"})
