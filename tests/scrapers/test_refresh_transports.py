"""Requests with the TLS hello of the browser that signed in: a portal that compares lets no other client in.

What our own client keeps to, those that a script may declare do too: hosts, sizes, time, redirects, cookies.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from meterfarm.fake_utility.kit.tls_hello import ClientHello, HelloFront, NoHello, read_hello
from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.impersonated import Impersonated, target_for
from meterfarm.scrapers.http.transport import WithoutBrowser
from meterfarm.scrapers.outcomes import SIGNED_OUT, ItemFailed, SessionEnded, Sign, Stop
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.visit import Visit
from meterfarm.support.local_hosts import LocalHosts
from meterfarm.support.redact import Secrets
from tests.local_site import Site
from tests.scrapers.village import BILLS, Village
from tests.tls_site import tls_site

pytestmark = pytest.mark.asyncio(loop_scope="module")
Transport = Literal["http", "browser", "impersonated"]
SMALL = Limit("a file", 4096)


class Comparing(Village):
    """Belongs to a portal that knows its sessions by the hello they began with."""

    home = "https://my.portal.example"
    hosts = ("api.portal.example",)
    signs = (Sign(SIGNED_OUT, heading="Sign in"), *Village.signs)
    refresh_transport: ClassVar[Transport] = "http"


class WithBrowsersHello(Comparing):
    refresh_transport: ClassVar[Transport] = "impersonated"


class ByBrowser(Comparing):
    refresh_transport: ClassVar[Transport] = "browser"


UTILITIES: Mapping[Transport, Comparing] = {
    "http": Comparing(),
    "impersonated": WithBrowsersHello(),
    "browser": ByBrowser(),
}
declared = pytest.mark.parametrize("transport", ["impersonated", "browser"])


@dataclass
class Guarded:
    """The portal; ``known`` are the hellos by session."""

    site: Site
    local: LocalHosts
    front: HelloFront
    chromium: Chromium
    known: dict[str, ClientHello | None] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)

    def visit(self, transport: Transport, session: PortalSession | None = None) -> Visit:
        utility = UTILITIES[transport]
        return Visit(utility, utility.home, self.chromium, Nobody(), Secrets(), session)

    async def signed_in(self) -> PortalSession:
        async with self.visit("http") as visit:
            await visit.page.open("/sign-in")
            await visit.page.arrive(BILLS)
            session = await visit.session()
        if session is None:
            raise AssertionError("there is a page")
        return session


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    made: list[Guarded] = []

    def hello(request: Request) -> ClientHello | None:
        return made[0].front.of(request.client.port) if request.client else None

    async def sign_in(request: Request) -> Response:
        made[0].known["s1"] = hello(request)
        page = HTMLResponse("<h1>Your bills</h1>")
        page.set_cookie("session", "s1", secure=True, httponly=True)
        return page

    async def bills(request: Request) -> Response:
        known = made[0].known.get(request.cookies.get("session", ""))
        is_same = known is not None and known == hello(request)
        page = HTMLResponse("<h1>Your bills</h1>" if is_same else "<h1>Sign in</h1>")
        page.set_cookie("seen", "yes", secure=True)
        return page

    async def echo(request: Request) -> Response:
        made[0].seen.append(
            {**request.headers, "method": request.method, "body": (await request.body()).decode()}
        )
        return JSONResponse({"method": request.method})

    async def nothing(_: Request) -> Response:
        return Response(status_code=204)

    async def to(request: Request) -> Response:
        return RedirectResponse(request.query_params["to"], int(request.path_params["status"]))

    async def packed(request: Request) -> Response:
        content = gzip.compress(bytes(int(request.query_params["size"])))
        return Response(content, media_type="application/pdf", headers={"content-encoding": "gzip"})

    async def unannounced(_: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(4):
                yield bytes(1024 * 1024)

        return StreamingResponse(pieces(), media_type="application/pdf")

    async def silent(_: Request) -> Response:
        await asyncio.Event().wait()
        return Response()

    routes = [
        Route("/sign-in", sign_in),
        Route("/bills", bills),
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/nothing", nothing),
        Route("/to/{status}", to, methods=["GET", "POST"]),
        Route("/packed", packed),
        Route("/unannounced", unannounced),
        Route("/silent", silent),
    ]
    names = ("my.portal.example", "api.portal.example")
    with tls_site(routes, tmp_path_factory.mktemp("tls"), *names) as (site, behind):
        front = HelloFront(int(behind.addresses[names[0]].rpartition(":")[2]))
        async with front.serving() as port:
            local = replace(behind, addresses=dict.fromkeys(names, f"127.0.0.1:{port}"))
            hosts = [f"{name}:443" for name in names]
            async with Chromium(hosts, tmp_path_factory.mktemp("scratch"), local_hosts=local) as chromium:
                made.append(Guarded(site, local, front, chromium))
                yield made[0]


@declared
async def test_a_portal_that_compares_the_hello_lets_in_whoever_has_the_browsers(
    guarded: Guarded, transport: Transport
) -> None:
    session = await guarded.signed_in()
    async with guarded.visit(transport, session) as visit:
        assert (await visit.http.get("/bills")).status == 200
        saved = await visit.session()
        assert visit.tab.opened == 0
    assert saved is not None
    assert {one["name"]: one["value"] for one in saved.storage_state["cookies"]} == {
        "session": "s1",
        "seen": "yes",
    }
    async with guarded.visit("http", session) as visit:
        with pytest.raises(SessionEnded):
            await visit.http.get("/bills")


@declared
async def test_it_is_let_in_beside_the_browser_too(guarded: Guarded, transport: Transport) -> None:
    async with guarded.visit(transport) as visit:
        await visit.page.open("/sign-in")
        assert (await visit.http.get("/bills")).status == 200


@declared
async def test_it_posts_and_goes_where_it_leads_within_the_hosts_alone(
    guarded: Guarded, transport: Transport
) -> None:
    guarded.seen.clear()
    async with guarded.visit(transport, await guarded.signed_in()) as visit:
        answer = await visit.http.post("/to/303", form={"a": "1"}, params={"to": "/echo"})
        assert answer.at("/method", str) == "GET"
        there = {"to": "https://api.portal.example/echo"}
        kept = await visit.http.post("/to/307", json={"a": "ü"}, headers={"X-Key": "abc"}, params=there)
        assert kept.at("/method", str) == "POST"
        await visit.http.post("/echo")
        assert (await visit.http.get("/nothing")).status == 204
        with pytest.raises(Stop, match=r"led to elsewhere\.example, which is not one of its own hosts"):
            await visit.http.get("/to/302", {"to": "https://elsewhere.example/echo"})
    first, second, third = guarded.seen
    assert first["user-agent"] == second["user-agent"]
    assert "Chrome/" in first["user-agent"]
    assert (first["cookie"], first["body"]) == ("session=s1", "")
    assert (second["host"], second["body"], second["content-type"]) == (
        "api.portal.example",
        '{"a":"ü"}',
        "application/json",
    )
    assert not {"x-key", "cookie", "expect"} & second.keys()
    assert (third["method"], third["body"], "content-type" in third) == ("POST", "", False)


@declared
async def test_too_much_is_not_taken_packed_or_unannounced(guarded: Guarded, transport: Transport) -> None:
    async with guarded.visit(transport, await guarded.signed_in()) as visit:
        assert len((await visit.http.document("/packed", {"size": "4096"}, limit=SMALL)).content) == 4096
        for path, size in (("/packed", "4000000"), ("/unannounced", "0")):
            with pytest.raises(ItemFailed, match="sends too much"):
                await visit.http.document(path, {"size": size}, limit=Limit("a file", 1_000_000))


@declared
async def test_silence_has_its_limit_and_leaves_the_connection_usable(
    guarded: Guarded, transport: Transport
) -> None:
    async with guarded.visit(transport, await guarded.signed_in()) as visit:
        quick = Limit("a file", 4096, seconds=0.2)
        with pytest.raises(ItemFailed, match=r"did not answer in time \(0 s\)"):
            await visit.http.document("/silent", limit=quick)
        assert (await visit.http.get("/echo")).status == 200


async def test_another_authority_is_not_trusted_and_nobody_at_home_is_down(guarded: Guarded) -> None:
    session = await guarded.signed_in()
    for local in (
        replace(guarded.local, authority=None),
        replace(guarded.local, addresses={"my.portal.example": "127.0.0.1:9"}),
    ):
        visit = guarded.visit("impersonated", session)
        async with visit, Impersonated(session.user_agent, local) as client:
            visit.http.transport = WithoutBrowser(session, client)
            with pytest.raises(Stop, match="could not be reached") as stop:
                await visit.http.get("/bills")
            assert stop.value.outcome is Outcome.PORTAL_DOWN


async def test_the_browser_impersonated_is_not_newer_than_the_one_that_signed_in() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/{} Safari/537.36"
    assert target_for(agent.format("124.0.6367.60")) == "chrome124"
    assert target_for(agent.format("125.0.0.0")) == "chrome124"
    assert target_for(agent.format("135.0.0.0")) == "chrome133a"
    assert target_for(agent.format("50.0.0.0")) == "chrome99"
    assert target_for("") == target_for(agent.format("9999.0.0.0"))


async def test_a_hello_is_read_once_it_is_whole_and_nothing_else_is_taken_for_one() -> None:
    extensions = b"\0\x0a\0\4\0\2\0\x1d" + b"\x0a\x0a\0\0" + b"\0\x29\0\0"
    body = bytes(34) + b"\0" + b"\0\4\x0a\x0a\x13\x01" + b"\1\0" + len(extensions).to_bytes(2) + extensions
    message = b"\1" + len(body).to_bytes(3) + body
    record = b"\x16\3\1" + len(message).to_bytes(2) + message
    assert read_hello(record) == ClientHello((0x1301,), frozenset({10}), (29,), (), ())
    assert read_hello(record[:-1]) is None
    for wrong in (b"GET / HTTP/1.1\r\n", b"\x16\3\1\0\5\2\0\0\1\0", b"\x16\3\1\0\5\1\0\0\1\0"):
        with pytest.raises(NoHello):
            read_hello(wrong)
