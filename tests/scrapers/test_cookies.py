"""Cookies without a browser are kept and sent as Chromium does, and come back as Playwright keeps them."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from meterfarm.scrapers.browser.chromium import find_chromium
from meterfarm.scrapers.http.cookies import Cookies
from meterfarm.scrapers.http.set_cookie import read_date, read_set_cookie

PORTAL = "https://portal.example/"
LOOPBACK, UNENCRYPTED, REGISTERED = "localhost", "www.portal.example", "acme.co.uk"

LINES = (
    *(
        b"a=1",
        b"a=",
        b"=v",
        b"a",
        b"",
        b"=",
        b";a=b",
        b"=a=b",
        b" a = b c ; path = / ",
        b"a=b=c",
        b"\ta\t=\tb\t",
    ),
    *(
        b'a="q"',
        b'a="q;x"',
        b"a=x\ty",
        b"a=x\x7f",
        b"a\x01=x",
        b"a=b; x\ty",
        b"a=b; Path=/\x01",
        b"a=b; Path=/\t",
    ),
    *(b"a=caf\xc3\xa9", b"a=caf\xe9", b"\xe9=v", b"a=b; Path=/\xe9", b"a=b; Path=/caf\xc3\xa9"),
    *(b"a=" + b"v" * 4095, b"a=" + b"v" * 4096, b"a=b; x=" + b"v" * 5000, b"a=b; Path=/" + b"p" * 1024),
    *(b"a=b; Path=/X; Path=/" + b"p" * 1024, b"a=b; Path=/" + b"p" * 1023),
)
ATTRIBUTES = (
    *(
        "Max-Age=1800",
        "Max-Age=1800.0",
        "Max-Age=+1800",
        'Max-Age="1800"',
        "Max-Age=",
        "Max-Age",
        "Max-Age=-5",
    ),
    *("Max-Age=0", "Max-Age=abc", "Max-Age=1e3", "Max-Age=007", "Max-Age= 7 ", "Max-Age=100; Max-Age=200"),
    *("Max-Age=315360000000", "Max-Age=99999999999999999999", "Max-Age=-99999999999999999999", "Max-Age=--5"),
    *(
        "Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    *("Expires=Thu, 01-Jan-2099 00:00:00 GMT", "Expires=Thursday, 01-Jan-27 00:00:00 GMT", "Expires=0"),
    *("Expires=Fri Jan  1 00:00:00 2027", "Expires=01 Jan 69 00:00:00", "Expires=01 Jan 70 00:00:00"),
    *("Expires=01 Jan 2027", "Expires=2027-01-02 00:00:00", "Expires=31 Feb 2027 00:00:00", "Expires=-1"),
    *("Expires=01 Jan 2027 24:00:00", "Expires=01 Jan 2027 12:30", "Expires=01 Jan 2027 0:0:0", "Expires="),
    *("Expires=1 Jan 2027 00:00:00 +0500", "Expires=1 Jan 12027 00:00:00", "Expires=1 Jan 1600 00:00:00"),
    *(
        "Expires=Session",
        "Expires=Jan 1 2027 12:00:00",
        "Expires=1/Jan/2027 12:00:00",
        "Expires=1 Jan 27 1:2:3:4",
    ),
    *("Expires=001 Jan 2027 0:0:0", "Expires=1 Jan 027 0:0:0", "Expires=1 January 2027 012:00:00"),
    *("Path=accounts", "Path=", "Path", "Path=/deep", 'Path="/"', "Path=/a b", "Path=/x; Path=", "Path=/x?y"),
    *("Domain=", "Domain", "Domain=.", "Domain=HOST", "Domain=.host", "Domain=host.", "Domain=..host"),
    *(
        "Domain=other.example",
        "Domain=other.example; Domain=",
        'Domain="host"',
        "Domain=a.host",
        "Domain=ost",
    ),
    *(
        "Domain=portal.example",
        "Domain=.PORTAL.example",
        "Domain=example",
        "Domain=co.uk",
        "Domain=p%6frtal.example",
    ),
    *(
        "Port=",
        'Port="80"',
        'Version=1; Port="999"; Comment=x; Discard',
        "HTTPONLY",
        "httponly=no",
        "Priority=High",
    ),
    *(
        "Secure",
        "secure=false",
        "SameSite=None",
        "SameSite=None; Secure",
        "SameSite=Unspecified",
        "SameSite=",
    ),
    *(
        "SameSite=sTRICT",
        "SameSite=Strict; SameSite=bogus",
        "Partitioned",
        "Secure; Partitioned; SameSite=None",
    ),
)
NAMED = (
    *(
        "__Host-a=b; Path=/",
        "__Host-a=b; Secure; Path=/",
        "__Host-a=b; Secure; Path=/x",
        "__host-a=b; Path=/",
    ),
    *("__Host-a=b; Secure; Path=/; Domain=host", "__Host-a=b; Secure; Path=/; Domain=", "__Secure-a=b"),
    *("__Secure-a=b; Secure", "__SECURE-a=b", "=__Secure-a", "= __Host-a=b", "__Http-a=b; Secure; Path=/"),
    *("__Http-a=b; Secure; HttpOnly", "__Host-Http-a=b; Secure; Path=/; HttpOnly", "__Hosta=b"),
)
ALL = (*LINES, *(f"a=b; {each}".encode() for each in ATTRIBUTES), *(line.encode() for line in NAMED))

IN_TURN: Sequence[Sequence[bytes]] = (
    (b"a=1", b"b=1", b"a=2"),
    (b"a=1", b"b=1", b"a=1; Max-Age=60"),
    (
        b"a=1; Path=/",
        b"b=1; Path=/deep",
        b"c=1",
        b"d=1; Path=/deep/",
        b"e=1; Path=/dee",
        b"f=1; Path=/deep/er/see",
    ),
    (b"a=1", b"a=; Max-Age=0", b"b=1"),
    (b"a=1; Path=/", b"a=2; Path=/deep; Max-Age=0", b"n"),
    (b"a=caf\xe9", b"session=s", b"b=\xff\xfe"),
)
"""What is set by one answer after the other, and then sent back together."""


@dataclass
class Jars:
    """A server that sets cookies, whatever host it is asked for, and a Chromium that asks it for all."""

    port: int
    browser: Browser
    sent: dict[str, bytes] = field(default_factory=dict)

    def url(self, host: str, path: str) -> str:
        return f"http://{host}:{self.port}/deep/er/{path}"


@contextmanager
def _served(sent: dict[str, bytes]) -> Iterator[int]:
    class Setting(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            *_, last = self.path.split("/")
            sent[last] = (self.headers["Cookie"] or "").encode("latin-1")
            kind, _, number = last.partition("-")
            line = b""
            if kind == "set":
                line = ALL[int(number)]
            elif kind == "turn":
                case, turn = number.split("-")
                line = IN_TURN[int(case)][int(turn)]
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n"
            setting = b"Set-Cookie: " + line + b"\r\n" if line else b""
            self.wfile.write(head + setting + b"\r\nhi")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Setting)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest_asyncio.fixture
async def jars() -> AsyncIterator[Jars]:
    sent: dict[str, bytes] = {}
    with _served(sent) as port:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(
                executable_path=find_chromium(),
                chromium_sandbox=False,
                args=["--host-resolver-rules=MAP * 127.0.0.1"],
            )
            yield Jars(port, browser, sent)
            await browser.close()


def _comparable(cookies: Sequence[Any]) -> list[dict[str, Any]]:
    """Times to the half minute."""
    now = time.time()
    soon = [
        {**one, "expires": -1 if one["expires"] == -1 else round((one["expires"] - now) / 30)}
        for one in cookies
    ]
    return sorted(soon, key=lambda one: (one["name"], one["path"], one["value"]))


def _text(line: bytes) -> str:
    """As aiohttp hands over a header."""
    return line.decode("utf-8", "surrogateescape")


async def test_each_line_is_kept_as_chromium_keeps_it(jars: Jars) -> None:
    cases = [
        (host, number)
        for number, line in enumerate(ALL)
        for host in (LOOPBACK, UNENCRYPTED, REGISTERED)
        if host == UNENCRYPTED or b"Domain" in line or (host == LOOPBACK and b"ecure" in line)
    ]
    wrong: list[object] = []

    async def compare(host: str, context: BrowserContext) -> None:
        page = await context.new_page()
        await page.goto(jars.url(host, "begin"))
        for number in [number for at, number in cases if at == host]:
            url = jars.url(host, f"set-{number}")
            await page.evaluate("async url => (await fetch(url)).text()", url)
            seen = _comparable(await context.cookies())
            await context.clear_cookies()
            ours = Cookies([])
            ours.take(url, [_text(ALL[number])])
            if _comparable(ours.as_browser()) != seen:
                wrong.append((host, ALL[number], seen, ours.as_browser()))

    for host in (LOOPBACK, UNENCRYPTED, REGISTERED):
        await compare(host, await jars.browser.new_context())
    assert not wrong
    assert set(jars.sent) >= {f"set-{number}" for _, number in cases}


async def test_they_are_sent_as_chromium_sends_them(jars: Jars) -> None:
    for number, lines in enumerate(IN_TURN):
        context = await jars.browser.new_context()
        page = await context.new_page()
        ours = Cookies([])
        for turn, line in enumerate(lines):
            url = jars.url(UNENCRYPTED, f"turn-{number}-{turn}")
            await page.goto(url)
            ours.take(url, [_text(line)])
        see = jars.url(UNENCRYPTED, "see-0")
        await page.goto(see)
        assert ours.header(see).encode("utf-8", "surrogateescape") == jars.sent["see-0"]
        await context.close()


async def test_what_we_kept_a_browser_takes_back(jars: Jars) -> None:
    ours = Cookies([])
    for number, line in enumerate(ALL):
        ours.take(f"https://www.portal{number}.example/deep/er/", [_text(line)])
    kept: Any = ours.as_browser()
    context = await jars.browser.new_context(storage_state={"cookies": kept, "origins": []})
    assert len(await context.cookies()) == len(kept) > 80
    await context.close()


def cookie(**changes: Any) -> dict[str, Any]:
    return {
        "name": "session",
        "value": "s3cret==",
        "domain": "portal.example",
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": True,
        "sameSite": "Lax",
    } | changes


@pytest.mark.parametrize(
    ("kept", "url", "sent"),
    [
        (cookie(), PORTAL, "session=s3cret=="),
        (cookie(), "http://portal.example/", ""),
        (cookie(), "https://www.portal.example/", ""),
        (cookie(domain=".portal.example"), "https://www.portal.example/", "session=s3cret=="),
        (cookie(domain=".portal.example"), "https://notportal.example/", ""),
        (cookie(path="/bills"), "https://portal.example/usage", ""),
        (cookie(path="/bills"), "https://portal.example/bills/7", "session=s3cret=="),
        (cookie(path="/bills"), "https://portal.example/billspaid", ""),
        (cookie(expires=1), PORTAL, ""),
        (cookie(name="__Host-session"), PORTAL, "__Host-session=s3cret=="),
        (cookie(name=""), PORTAL, ""),
        (cookie(partitionKey="https://portal.example"), PORTAL, "session=s3cret=="),
        (cookie(partitionKey="https://other.example"), PORTAL, ""),
        (cookie(partitionKey="https://portal.example", _crHasCrossSiteAncestor=True), PORTAL, ""),
        (cookie(name="", value="s3cret"), PORTAL, "s3cret"),
        (cookie(domain="[::1]", secure=False), "http://[::1]:8600/", "session=s3cret=="),
        (cookie(domain="::1", secure=False), "http://[::1]:8600/", "session=s3cret=="),
    ],
)
def test_a_cookie_goes_only_where_a_browser_would_send_it(kept: dict[str, Any], url: str, sent: str) -> None:
    assert Cookies([kept]).header(url) == sent


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_secure_cookie_goes_to_this_machines_own_addresses(host: str) -> None:
    cookies = Cookies([cookie(domain=host)])
    assert cookies.header(f"http://{host}:8600/") == "session=s3cret=="
    assert cookies.as_browser() == [cookie(domain=host)]


@pytest.mark.parametrize(
    "kept",
    [
        cookie(),
        cookie(domain=".portal.example", sameSite="Strict", expires=int(time.time()) + 86400, httpOnly=False),
        cookie(partitionKey="https://portal.example", _crHasCrossSiteAncestor=False),
    ],
)
def test_what_was_kept_comes_back_as_it_was(kept: dict[str, Any]) -> None:
    assert Cookies([kept]).as_browser() == [kept]


def test_what_the_portal_sets_takes_the_place_of_what_was_there() -> None:
    cookies = Cookies([cookie(), cookie(name="old")])
    cookies.take(
        PORTAL,
        [
            "session=new; Path=/; Secure; HttpOnly; SameSite=lax",
            "device=d1; Max-Age=86400; Path=/; Secure; HttpOnly; SameSite=strict",
            "old=; Max-Age=0; Path=/; Secure",
        ],
    )
    session, device = cookies.as_browser()
    assert session == cookie(value="new")
    assert (device["name"], device["sameSite"], device["httpOnly"]) == ("device", "Strict", True)
    assert device["expires"] > 0
    assert cookies.header(PORTAL) == "session=new; device=d1"


def test_a_secure_cookie_is_not_replaced_over_plain_http() -> None:
    cookies = Cookies([cookie(domain=".portal.example")])
    cookies.take(
        "http://www.portal.example/login", ["session=theirs", "session=theirs; Path=/; Domain=portal.example"]
    )
    assert cookies.as_browser() == [cookie(domain=".portal.example")]


def test_a_portal_that_sets_ever_more_cookies_keeps_no_more_than_in_a_browser() -> None:
    cookies = Cookies([])
    cookies.take(PORTAL, (f"c{number}=1" for number in range(1000)))
    assert [one["name"] for one in cookies.as_browser()] == [f"c{number}" for number in range(820, 1000)]


def test_hostile_lines_are_read_in_no_time() -> None:
    began = time.monotonic()
    for line in (";" * 100_000, "a=" + "1" * 100_000, "a=b; Expires=" + "1 " * 500, "a=b" + "; x" * 50_000):
        read_set_cookie(line, PORTAL, time.time())
    assert read_date("9" * 1000) is None
    assert time.monotonic() - began < 2
