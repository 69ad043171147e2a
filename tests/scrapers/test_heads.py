"""An answer's head: what Chromium takes each transport takes, and what it refuses neither does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.heads import put_right
from meterfarm.scrapers.outcomes import Stop
from tests.raw_site import answered, raw_site
from tests.scrapers.transports import KINDS, asking

in_module = pytest.mark.asyncio(loop_scope="module")

PAGE = b"<!doctype html><h1>Your bills</h1>"
LENGTH = b"Content-Length: %d\r\n" % len(PAGE)
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE)


def without_length(headers: bytes, body: bytes = PAGE) -> bytes:
    return answered(body, headers + LENGTH).replace(LENGTH, b"")


def beginning(line: bytes) -> bytes:
    return answered(PAGE).replace(b"HTTP/1.1 200 OK", line)


TAKEN = {
    "a field of 20 KB": answered(PAGE, b"X-Trace: %s\r\n" % (b"a" * 20_000)),
    "a field of 200 KB": answered(PAGE, b"X-Trace: %s\r\n" % (b"a" * 200_000)),
    "2,000 fields": answered(PAGE, b"".join(b"X-%d: a\r\n" % number for number in range(2000))),
    "20 cookies of 4 KB": answered(
        PAGE, b"".join(b"Set-Cookie: c%d=%s\r\n" % (number, b"a" * 4000) for number in range(20))
    ),
    "control characters": answered(PAGE, b"X-Trace: a\x01b\x0b\x1b[31m\x7fc\r\n"),
    "a carriage return in a value": answered(PAGE, b"X-Trace: a\rb\r\n"),
    "bare line feeds": answered(PAGE, b"X-Trace: a\r\n").replace(b"\r\n", b"\n"),
    "a bare line feed": answered(PAGE, b"X-Trace: a\n"),
    "a line without a colon": answered(PAGE, b"Warning of the proxy\r\nX-Trace: a\r\n"),
    "no name": answered(PAGE, b": a\r\n"),
    "a blank before the colon": answered(PAGE, b"X-Trace : a\r\n"),
    "a blank in a name": answered(PAGE, b"X Trace: a\r\n"),
    "odd letters in a name": answered(PAGE, b"X(\x01\xc3\xa4): a\r\n"),
    "letters that are not UTF-8": answered(PAGE, b"X-Trace: M\xfcller\r\n"),
    "a folded line": answered(PAGE, b"X-Trace: a\r\n\tb\r\n"),
    "a folded line first": answered(PAGE).replace(b"OK\r\n", b"OK\r\n X: a\r\n"),
    "the length twice": answered(PAGE, LENGTH + LENGTH),
    "the length twice in a line": answered(PAGE, b"Content-Length: %d, %d\r\n" % (len(PAGE), len(PAGE))),
    "a length that is none": answered(PAGE, b"Content-Length: unknown\r\n"),
    "a length below zero": answered(PAGE, b"Content-Length: -1\r\n"),
    "an empty length": answered(PAGE, b"Content-Length: \r\n"),
    "no length": without_length(b""),
    "chunks": without_length(b"Transfer-Encoding: chunked\r\n", CHUNKS),
    "chunks and a length": answered(CHUNKS, b"Transfer-Encoding: Chunked\r\n" + LENGTH),
    "a transfer encoding that is none": answered(PAGE, b"Transfer-Encoding: identity\r\n"),
    "no reason": beginning(b"HTTP/1.1 200"),
    "two blanks": beginning(b"HTTP/1.1  200 OK"),
    "an odd reason": beginning(b"HTTP/1.1 200 Tr\xe8s \x01 bien"),
    "HTTP/1.0": beginning(b"HTTP/1.0 200 OK"),
    "HTTP/2": beginning(b"HTTP/2 200"),
    "no version": beginning(b"HTTP 200 OK"),
    "small letters": beginning(b"http/1.1 200 ok"),
    "something before it": beginning(b"\r\n\r\nHTTP/1.1 200 OK"),
    "an early hint": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + answered(PAGE),
}
REFUSED = {
    "a NUL": answered(PAGE, b"X-Trace: a\0b\r\n"),
    "a field of 300 KB": answered(PAGE, b"X-Trace: %s\r\n" % (b"a" * 300_000)),
    "lengths that contradict each other": answered(PAGE, LENGTH + b"Content-Length: 5\r\n"),
    "no head": PAGE,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(chromium: Chromium) -> AsyncIterator[Page]:
    context = await (await chromium.browser()).new_context()
    yield await context.new_page()
    await context.close()


@in_module
@pytest.mark.parametrize("name", TAKEN)
async def test_what_the_browser_takes_is_taken(name: str, chromium: Chromium, tab: Page) -> None:
    await tab.context.clear_cookies()
    with raw_site({"*": TAKEN[name]}) as site:
        await tab.goto(f"{site.url}/bills")
        assert await tab.inner_text("h1") == "Your bills"
        for kind in KINDS:
            async with asking(kind, chromium, site.url) as http:
                assert (await http.get("/bills")).content == PAGE, kind


@in_module
@pytest.mark.parametrize("name", REFUSED)
async def test_what_the_browser_refuses_is_the_portals_fault(
    name: str, chromium: Chromium, tab: Page
) -> None:
    with raw_site({"*": REFUSED[name]}) as site:
        with pytest.raises(PlaywrightError):
            await tab.goto(f"{site.url}/bills")
        for kind in KINDS:
            async with asking(kind, chromium, site.url) as http:
                with pytest.raises(Stop) as stop:
                    await http.get("/bills")
                assert stop.value.outcome is Outcome.PORTAL_DOWN


@in_module
async def test_a_head_without_end_is_not_kept(chromium: Chromium) -> None:
    with raw_site({"*": b"HTTP/1.1 200 OK\r\n" + b"X-Trace: a\r\n" * 300_000}) as site:
        async with asking("without browser", chromium, site.url) as http:
            with pytest.raises(Stop, match="256 KiB of headers"):
                await http.get("/bills")


@in_module
async def test_a_head_in_single_bytes_is_the_same_head(chromium: Chromium) -> None:
    reply = answered(PAGE, b"Warning of the proxy\r\nX-Trace: %s\r\n" % (b"a" * 2000))

    async def drip(writer: asyncio.StreamWriter) -> None:
        for at in range(len(reply)):
            writer.write(reply[at : at + 1])
            await writer.drain()

    with raw_site({"*": drip}) as site:
        async with asking("without browser", chromium, site.url) as http:
            assert (await http.get("/bills")).content == PAGE


def test_a_head_in_order_says_the_same_afterwards() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
    head += b"Content-Length: 0\r\n\r\n"
    assert put_right(head) == head


@in_module
@pytest.mark.parametrize("kind", KINDS)
async def test_bytes_that_are_no_utf_8_become_letters_or_go_back_as_they_came(
    kind: str, chromium: Chromium
) -> None:
    there = answered(PAGE, b'Content-Type: te\xfct\r\nContent-Disposition: inline; filename="M\xfc.pdf"\r\n')
    with raw_site(
        {"/M%FC": there, "/a": answered(b"", b"Location: /M\xfc\r\n", status=b"302 Found")}
    ) as site:
        async with asking(kind, chromium, site.url) as http:
            document = await http.document("/a")
    assert (document.media_type, document.name) == ("te\u00fct", "M\u00fc.pdf")
