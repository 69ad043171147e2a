"""A body is read up to what its kind may have, packed or not; a portal that lies about it is found out."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.body import DOCUMENT, EXPORT, LIST, PAGE, Limit, TooLarge, Unreadable, taken
from meterfarm.scrapers.outcomes import ItemFailed, Stop
from tests.raw_site import RawSite, Reply, answered, raw_site
from tests.scrapers.transports import AGENT, KINDS, asking

MIB = 1024 * 1024
TEXT = b"Every bill and every reading. " * 1000
SMALL = Limit("a note", 64 * 1024)
BUFFERED = 16 * MIB
"""What may be on its way when reading ends: buffers of the system's and of ours."""


def raw_deflate(content: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(content) + packing.flush()


def by_arrow(codec: str) -> Callable[[bytes], bytes]:
    def packed(content: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(content)
        return bytes(sink.getvalue())

    return packed


def bomb(size: int) -> bytes:
    """That many zeros, packed once."""
    packing = zlib.compressobj(9, wbits=31)
    pieces = [packing.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*pieces, packing.flush()])


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip, in capitals": (" X-GZIP ", gzip.compress),
    "gzip of several members": ("gzip", lambda text: gzip.compress(text[:7]) + gzip.compress(text[7:])),
    "gzip with something after it": ("gzip", lambda text: gzip.compress(text) + b"junk"),
    "gzip with zeros after it": ("gzip", lambda text: gzip.compress(text) + bytes(512)),
    "gzip twice": ("gzip, gzip", lambda text: gzip.compress(gzip.compress(text))),
    "deflate": ("deflate", zlib.compress),
    "deflate without its header": ("deflate", raw_deflate),
    "gzip after deflate": ("deflate, gzip", lambda text: gzip.compress(zlib.compress(text))),
    "Brotli, unasked": ("br", by_arrow("brotli")),
    "Zstandard, unasked": ("zstd", by_arrow("zstd")),
    "an encoding that is none": ("utf-8", bytes),
    "identity": ("identity", bytes),
}


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("size", [1, 3, 4096, MIB])
@pytest.mark.parametrize("kind", PACKED)
async def test_a_body_comes_out_as_it_was_packed(kind: str, size: int) -> None:
    encoding, packed = PACKED[kind]
    assert await taken(in_pieces(packed(TEXT), size), encoding, None, SMALL) == TEXT
    assert await taken(in_pieces(b"", size), encoding, 0, SMALL) == b""


@pytest.mark.parametrize("cut", [1, 2, 12, 40])
@pytest.mark.parametrize("kind", ["gzip", "deflate", "gzip twice", "Brotli, unasked", "Zstandard, unasked"])
async def test_a_body_that_is_cut_short_or_packed_otherwise_is_not_taken(kind: str, cut: int) -> None:
    encoding, packed = PACKED[kind]
    with pytest.raises(Unreadable, match=r"cut short|not packed"):
        await taken(in_pieces(packed(TEXT)[:-cut], 4096), encoding, None, SMALL)
    with pytest.raises(Unreadable, match="not packed"):
        await taken(in_pieces(TEXT, 4096), encoding, None, SMALL)


@pytest.mark.parametrize("kind", PACKED)
async def test_no_more_is_taken_than_may_be(kind: str) -> None:
    encoding, packed = PACKED[kind]
    exactly = Limit("a note", len(TEXT))
    assert await taken(in_pieces(packed(TEXT), 4096), encoding, None, exactly) == TEXT
    with pytest.raises(TooLarge, match="29,999 bytes"):
        await taken(in_pieces(packed(TEXT), 4096), encoding, None, Limit("a note", len(TEXT) - 1))


async def test_others_go_on_while_a_lot_is_unpacked() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    with pytest.raises(TooLarge):
        await taken(in_pieces(bomb(64 * MIB), MIB), "gzip", None, DOCUMENT)
    counting.cancel()
    assert turns >= DOCUMENT.size // MIB


async def test_what_is_packed_more_often_than_anybody_does_is_not_unpacked() -> None:
    with pytest.raises(Unreadable, match="4 times"):
        await taken(in_pieces(TEXT, 4096), "gzip, gzip, gzip, gzip", None, SMALL)


def head(kind: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sConnection: close\r\n\r\n" % (kind, more)


def endless(site: RawSite, kind: bytes) -> Reply:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(head(kind))
        while True:
            writer.write(bytes(MIB))
            await writer.drain()
            site.sent += MIB

    return send


both = pytest.mark.parametrize("kind", KINDS)
in_module = pytest.mark.asyncio(loop_scope="module")


@both
@in_module
@pytest.mark.parametrize("limit", [DOCUMENT, EXPORT], ids=lambda limit: limit.what)
async def test_a_document_without_end_is_that_items_fault(
    kind: str, limit: Limit, chromium: Chromium
) -> None:
    with raw_site({}) as site:
        site.replies["*"] = endless(site, b"application/pdf")
        async with asking(kind, chromium, site.url) as http:
            with pytest.raises(ItemFailed, match=rf"more than the {limit.size // MIB} MiB that {limit.what}"):
                await http.document("/bill.pdf", limit=limit)
    assert site.sent <= limit.size + BUFFERED


@both
@in_module
@pytest.mark.parametrize(
    ("media_type", "limit"), [(b"text/html; charset=utf-8", PAGE), (b"application/json", LIST)]
)
async def test_a_page_or_list_without_end_stops_the_run(
    kind: str, media_type: bytes, limit: Limit, chromium: Chromium
) -> None:
    with raw_site({}) as site:
        site.replies["*"] = endless(site, media_type)
        async with asking(kind, chromium, site.url) as http:
            with pytest.raises(Stop, match=f"sends too much .*{limit.size // MIB} MiB") as stop:
                await http.get("/bills")
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED
    assert site.sent <= limit.size + BUFFERED
    assert site.requested == ["/bills"]


@both
@in_module
async def test_what_is_announced_as_too_large_is_not_begun(kind: str, chromium: Chromium) -> None:
    with raw_site({"*": head(b"application/pdf", b"Content-Length: 524288000\r\n")}) as site:
        async with asking(kind, chromium, site.url) as http:
            with pytest.raises(ItemFailed, match="500 MiB, more than the 32 MiB that a document may have"):
                await http.document("/bill.pdf")


@both
@in_module
async def test_a_bomb_is_that_items_fault(kind: str, chromium: Chromium) -> None:
    packed = bomb(144 * MIB)
    reply = answered(packed, b"Content-Type: application/pdf\r\nContent-Encoding: gzip\r\n")
    with raw_site({"*": reply}) as site:
        async with asking(kind, chromium, site.url) as http:
            with pytest.raises(ItemFailed, match="more than the 32 MiB"):
                await http.document("/bill.pdf")
            with pytest.raises(ItemFailed, match="more than the 128 MiB"):
                await http.document("/export", limit=EXPORT)


@both
@in_module
async def test_a_redirect_with_a_body_without_end_is_followed(kind: str, chromium: Chromium) -> None:
    with raw_site({"/bills": answered(b"<h1>Bills</h1>")}) as site:

        async def lead_on(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /bills\r\nContent-Type: text/html\r\n\r\n")
            while True:
                writer.write(bytes(MIB))
                await writer.drain()

        site.replies["/away"] = lead_on
        async with asking(kind, chromium, site.url) as http:
            assert (await http.get("/away")).text == "<h1>Bills</h1>"


@both
@in_module
async def test_requests_go_out_in_the_name_of_the_browser(kind: str, chromium: Chromium) -> None:
    """Portals bind a session to the user agent."""
    with raw_site({"*": answered(b"{}", b"Content-Type: application/json\r\n")}) as site:
        async with asking(kind, chromium, site.url) as http:
            await http.get("/")
    lines = site.heads[0].split("\r\n")
    assert f"User-Agent: {AGENT}" in lines
    assert "Accept-Language: en-US" in lines
    assert "Accept-Encoding: gzip, deflate" in lines
