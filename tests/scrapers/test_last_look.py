"""What is kept of a page at the end: no picture of one that shows a secret, and never more than a little."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import Village

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "Canary-4711/ab+c"
OTHER_DOCUMENTS = ("frame-1.html", "window-2.html")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"
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
    "around": ROOT.format("open", f"<h2>In the shadow</h2><b title={SECRET}></b>")
    + "<iframe src='/?page=token'></iframe><script>open('/?page=token');"
    f" console.warn('It is {SECRET}, see');"
    " fetch('/refused?ticket=1', {method: 'POST'}); fetch('http://127.0.0.1:9/gone').catch(() => 0);"
    " setTimeout(() => nothing.there, 0)</script>",
    "long": "<h1>Your bills</h1><p hidden id=p></p><script>p.textContent = 'x'.repeat(8_000_000)</script>",
}


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    async def page(request: Request) -> Response:
        return HTMLResponse(f"<!doctype html>{(SHOWN | OTHERS)[request.query_params['page']]}")

    async def refused(_: Request) -> Response:
        answer = {"error": "No such meter", "accessToken": 'new "and" unknown', "of": [SECRET, JWT]}
        return JSONResponse(answer, 404)

    with local_site([Route("/", page), Route("/refused", refused, methods=["GET", "POST"])]) as site:
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


async def test_what_is_beside_the_page_is_kept_too_without_secrets(visit: Visit, tmp_path: Path) -> None:
    """Frames, windows, open shadow trees, the console, and what of the portal's answers was refused."""
    await visit.page.open("/?page=around")
    with pytest.raises(Stop, match="HTTP 404 to /refused"):
        await visit.http.get("/refused")
    async with asyncio.timeout(10):
        while not all(text in visit.tab.log.text() for text in ("meter", "nothing", "see", "gone")):  # noqa: ASYNC110 - the browser sets no event of ours
            await asyncio.sleep(0.02)
    await keep_evidence(visit, tmp_path / "1")
    kept = {file.name: file.read_text() for file in (tmp_path / "1").iterdir() if file.suffix != ".zip"}
    assert set(kept) == {"visit.log", "browser.log", "http-1.json", "page.html", *OTHER_DOCUMENTS}
    assert '<template shadowrootmode="open"><h2>In the shadow</h2>' in kept["page.html"]
    for name in OTHER_DOCUMENTS:
        assert kept[name].startswith("<!-- / -->\n<!DOCTYPE html><html>")
        assert "<h1>Your bills</h1>" in kept[name]
    assert "No such meter" in kept["http-1.json"]
    lines = [json.loads(line) for line in kept["browser.log"].splitlines()]
    assert {"console", "error", "request"} == {line["what"] for line in lines}
    (said,) = [line for line in lines if line.get("type") == "warning"]
    assert (said["text"], said["path"]) == ("It is [redacted], see", "/")
    failed = {line["path"]: line for line in lines if line["what"] == "request"}
    assert (failed["/refused"]["status"], failed["/refused"]["method"]) == (404, "POST")
    assert "No such meter" in failed["/refused"]["body"]
    steps = [json.loads(line) for line in kept["visit.log"].splitlines()]
    assert [one["path"] for one in steps if one["step"] == "request.failed"] == ["/refused"]
    for secret in (SECRET, JWT, "unknown"):
        assert not [name for name, text in kept.items() if secret in text], secret
    assert "ticket" not in kept["browser.log"]


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
