"""What is kept of a page at the end: no picture of one that shows a secret, and never more than a little."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import Village

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "Canary-4711/ab+c"
ROOT = "<p id=p></p><script>p.attachShadow({{mode: '{}'}}).innerHTML = '{}'</script>"
SHOWN = {
    "text": f"<p>Your password {SECRET} is wrong</p>",
    "attribute": f"<p title='{SECRET}'>Wrong</p>",
    "value": f"<input value='{SECRET}'>",
    "typed by a script": f"<input id=i><script>i.value = '{SECRET}'</script>",
    "area": f"<textarea>{SECRET}</textarea>",
    "split": "".join(f"<b>{letter}</b>" for letter in SECRET),
    "capitals": f"<p style='text-transform: uppercase'>{SECRET}</p>",
    "spaced": " ".join(SECRET),
    "before": f"<style>p::before {{ content: '{SECRET}' }}</style><p>x</p>",
    "frame": f"<iframe srcdoc='<p>{SECRET}'></iframe>",
    "shadow": ROOT.format("open", SECRET),
    "closed shadow": ROOT.format("closed", SECRET),
    "escaped": "<script>document.write('Canary-4711\\u002fab\\x2bc')</script>",
}
OTHERS = {
    "token": f"<meta name=csrf content='{SECRET}'><script>const t = '{SECRET}'</script><h1>Your bills</h1>"
    f"<form><input type=hidden value='{SECRET}'><style>/* {SECRET} */</style></form>",
    "plain": "<h1>Your bills</h1>",
    "high": "<h1>Your bills</h1><div style='height: 100000px; width: 9000px; background: red'>x</div>",
    "endless": "<h1>Your bills</h1><script>setInterval(() => { for (let i = 0; i < 3000; i++)"
    " document.body.append(document.createElement('p')) }, 10)</script>",
    "half": "<h1>Your bills</h1><script>document.title = document.body.textContent = '\\ud83d</p>'</script>",
    "long": "<h1>Your bills</h1><p hidden id=p></p><script>p.textContent = 'x'.repeat(8_000_000)</script>",
}


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    async def page(request: Request) -> Response:
        return HTMLResponse(f"<!doctype html>{(SHOWN | OTHERS)[request.query_params['page']]}")

    with local_site([Route("/", page)]) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def visit(portal: Site, chromium: Chromium) -> AsyncIterator[Visit]:
    async with Visit(Village(), portal.url, chromium, Nobody(), Secrets()) as visit:
        visit.secrets.add(SECRET)
        yield visit


@pytest.mark.parametrize("name", SHOWN)
async def test_a_page_that_shows_a_secret_has_no_picture(visit: Visit, tmp_path: Path, name: str) -> None:
    await visit.page.open(f"/?page={name}")
    await keep_evidence(visit, tmp_path / "1")
    kept = {file.name: file.read_bytes() for file in (tmp_path / "1").iterdir()}
    assert "page.png" not in kept
    assert "page.html" in kept
    assert SECRET.encode() not in kept["page.html"]


@pytest.mark.parametrize("name", OTHERS)
async def test_of_any_page_little_is_kept_and_soon(visit: Visit, tmp_path: Path, name: str) -> None:
    await visit.page.open(f"/?page={name}")
    began = time.monotonic()
    await keep_evidence(visit, tmp_path / "1")
    assert time.monotonic() - began < 25
    kept = {file.name: file.stat().st_size for file in (tmp_path / "1").iterdir()}
    assert sum(kept.values()) < 12_000_000, kept
    if name in {"plain", "high", "token"}:
        assert 0 < kept["page.png"] < 1_000_000
        assert (tmp_path / "1" / "page.html").read_text().startswith("<!DOCTYPE html><html>")


async def test_what_was_typed_is_not_in_the_page_any_more(visit: Visit, portal: Site, tmp_path: Path) -> None:
    page = await opened(visit, "/?page=plain")
    await page.set_content("<input aria-label=Code><h1>Your bills</h1>")
    await visit.page.fill(visit.page.label("Code"), SECRET)
    await keep_evidence(visit, tmp_path / "1")
    assert (tmp_path / "1" / "page.png").is_file()
    assert await page.get_by_label("Code").input_value() == ""


async def test_half_a_character_does_not_hide_how_the_run_ended(visit: Visit, tmp_path: Path) -> None:
    """As a script leaves it that cuts an emoji in two."""
    await visit.page.open("/?page=half")
    assert await keep_evidence(visit, tmp_path / "run") is not None
    assert "</p>" in (tmp_path / "run" / "page.html").read_text(encoding="utf-8").replace(
        "&lt;/p&gt;", "</p>"
    )
