"""A page's letters are those that Chromium shows, whatever encoding header, mark or page name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.markup import first_sign
from meterfarm.scrapers.outcomes import Sign
from meterfarm.support.charset import decoded
from tests.raw_site import answered, raw_site
from tests.scrapers.transports import KINDS, asking

WORDS = "Zoë Müller — 12 € für Straße “7”"
LATIN = "Zoë Müller, 12 für Straße"

HTML = "text/html"
PAGES: dict[str, tuple[str, bytes]] = {
    "UTF-8 by the header": (f"{HTML}; charset=UTF-8", f"<p>{WORDS}".encode()),
    "Latin-1 by the header means windows-1252": (
        f"{HTML};charset=ISO-8859-1",
        f"<p>{WORDS}".encode("cp1252"),
    ),
    "the header in quotes": (f'{HTML}; charset="windows-1252"', f"<p>{WORDS}".encode("cp1252")),
    "a header that names none": (
        f"{HTML}; charset=none",
        f"<meta charset=latin1><p>{WORDS}".encode("cp1252"),
    ),
    "the header before the page": (f"{HTML}; charset=utf-8", f"<meta charset=latin1><p>{WORDS}".encode()),
    "meta charset": (HTML, f"<!doctype html><meta charset='iso-8859-1'><p>{WORDS}".encode("cp1252")),
    "meta http-equiv": (
        HTML,
        "<meta content='text/html; charset=iso-8859-1' http-equiv=Content-Type>"
        f"<title>x</title><p>{WORDS}".encode("cp1252"),
    ),
    "a meta in a comment": (HTML, f"<!-- <meta charset=koi8-r> --><meta charset=utf-8><p>{WORDS}".encode()),
    "a meta of something else": (
        HTML,
        f"<meta name=x content='charset=koi8-r'><meta charset=utf-8><p>{WORDS}".encode(),
    ),
    "a meta that says UTF-16": (HTML, f"<meta charset=utf-16><p>{WORDS}".encode()),
    "a byte-order mark before the header": (f"{HTML}; charset=iso-8859-1", f"\ufeff<p>{WORDS}".encode()),
    "UTF-16 by its mark": (HTML, f"\ufeff<p>{WORDS}".encode("utf-16-le")),
    "UTF-16, big end first": (HTML, f"\ufeff<p>{WORDS}".encode("utf-16-be")),
    "nothing, and not UTF-8": (HTML, f"<p>{LATIN}, and more of it so that it is no riddle".encode("cp1252")),
    "bytes that Windows leaves open": (f"{HTML}; charset=windows-1252", b"<p>a\x81b\x9dc"),
    "Latin-2": (f"{HTML}; charset=iso-8859-2", "<p>Łódź, więcej".encode("iso8859-2")),
    "Latin-9": (f"{HTML}; charset=iso-8859-15", "<p>12 € Œuvre".encode("iso8859-15")),
    "windows-1251": (f"{HTML}; charset=cp1251", "<p>Счёт за июнь".encode("cp1251")),
    "Japanese": (f"{HTML}; charset=Shift_JIS", "<p>電気料金".encode("cp932")),
    "Chinese by an old name": (f"{HTML}; charset=gb2312", "<p>电费 €".encode("gb18030")),
    "XML's own declaration": (
        HTML,
        f"<?xml version='1.0' encoding='iso-8859-1'?><p>{LATIN}".encode("cp1252"),
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with Chromium(["127.0.0.1"], tmp_path_factory.mktemp("scratch")) as chromium:
        yield chromium


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_reads_as_in_chromium(chromium: Chromium) -> None:
    context = await (await chromium.browser()).new_context()
    tab = await context.new_page()
    for name, (content_type, body) in PAGES.items():
        with raw_site({"*": answered(body, b"Content-Type: %s\r\n" % content_type.encode())}) as site:
            await tab.goto(site.url)
            shown = await tab.inner_text("p")
            assert "\ufffd" not in shown, name
            for kind in KINDS:
                async with asking(kind, chromium, site.url) as http:
                    assert (await http.get("/")).text.rpartition("<p>")[2] == shown, name
    await context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_sign_is_found_in_any_encoding(name: str) -> None:
    content_type, body = PAGES[name]
    words = decoded(body, content_type).rpartition("<p>")[2]
    sign = Sign(Outcome.ACCOUNT_LOCKED, text=" ".join(words.split()))
    assert first_sign("/", body, [sign], content_type) is sign


def test_json_is_utf_8_whatever_its_header_says() -> None:
    assert decoded(f'"{WORDS}"'.encode(), "application/json; charset=iso-8859-1") == f'"{WORDS}"'
    assert decoded(f'\ufeff"{WORDS}"'.encode(), "application/problem+json") == f'"{WORDS}"'


def test_a_label_that_browsers_do_not_know_says_nothing() -> None:
    """Python knows more names than they do; what is left is UTF-8 if it can be."""
    for label in ("latin-1", "utf_8", "utf-7", "hex", "rot13", "idna", "unicode_escape", ""):
        assert decoded(WORDS.encode(), f"text/html; charset={label}") == WORDS
