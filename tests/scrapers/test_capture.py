"""A file is captured however a portal hands it over, byte for byte, asked for once, and never too large.

With ``METERFARM_BROWSER`` naming a full Chromium, which shows a PDF in a viewer, the same holds there.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import Timeouts
from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import ItemFailed, Stop
from meterfarm.scrapers.rate_limiter import Permit
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.village import Village

pytestmark = pytest.mark.asyncio(loop_scope="module")

PDF = b"%PDF-1.4\n" + os.urandom(200_000) + b"\n%%EOF"
SMALL = Limit("a document", 1024 * 1024)
_FETCHED = "fetch('/bill.pdf?of=script').then(answer => answer.blob())"
WAYS: Mapping[str, str] = {
    "attachment": "location = '/saved'",
    "link": "Object.assign(document.createElement('a'), {href: '/bill.pdf', download: 'x'}).click()",
    "viewer": "location = '/bill.pdf'",
    "window": "window.open('/bill.pdf')",
    "noopener": "window.open('/bill.pdf', '_blank', 'noopener')",
    "blank_then_signed": "const tab = window.open('about:blank');"
    " setTimeout(() => { tab.location = '/bill.pdf?signed' }, 200)",
    "blank_then_saved": "const tab = window.open(''); setTimeout(() => { tab.location = '/saved' }, 200)",
    "blank_then_at_once": "window.open('about:blank').location = '/bill.pdf?signed'",
    "redirected": "window.open('/leads-on')",
    "wrapped": "window.open('/wrapper')",
    "posted": "const form = document.forms[0]; form.target = '_blank'; form.submit()",
    "blob_tab": f"{_FETCHED}.then(blob => window.open(window.URL.createObjectURL(blob)))",
    "blob_tab_revoked": f"const tab = window.open(''); {_FETCHED}.then(blob => {{"
    " const made = window.URL.createObjectURL(blob); tab.location = made;"
    " setTimeout(() => window.URL.revokeObjectURL(made), 0) })",
    "blob_made": "const made = window.URL.createObjectURL(new Blob([bytes()],"
    " {type: 'application/pdf'})); window.open(made)",
    "blob_saved": f"{_FETCHED}.then(blob => Object.assign(document.createElement('a'),"
    " {href: window.URL.createObjectURL(blob), download: '../../etc/May bill.pdf'}).click())",
    "data_saved": "Object.assign(document.createElement('a'),"
    " {href: 'data:application/pdf;base64,' + document.body.dataset.pdf, download: 'bill.pdf'}).click()",
    "iframe": "document.body.insertAdjacentHTML('beforeend', '<iframe src=/bill.pdf></iframe>')",
    "embed": "document.body.insertAdjacentHTML('beforeend',"
    " '<embed type=application/pdf src=/bill.pdf></embed>')",
    "embedded_late": "setTimeout(() => document.body.insertAdjacentHTML('beforeend',"
    " '<embed type=application/pdf src=/bill.pdf?late></embed>'), 3000)",
    "object_of_a_blob": "document.body.insertAdjacentHTML('beforeend', `<object type=application/pdf data=${"
    "window.URL.createObjectURL(new Blob([bytes()], {type: 'application/pdf'}))}></object>`)",
    "made_of_what_was_fetched": "fetch('/packed').then(answer => answer.blob()).then(() =>"
    " document.body.insertAdjacentHTML('beforeend', `<object type=application/pdf data=${"
    "window.URL.createObjectURL(new Blob([bytes()], {type: 'application/pdf'}))}></object>`))",
    "drawn_by_a_script": f"{_FETCHED}.then(blob => {{ document.title = blob.size }})",
}
PAGE = """<!doctype html><title>Bills</title><body data-pdf="{pdf}"><h1>Your bills</h1>
<form action=/posted method=post><input name=bill value=12></form>{buttons}
<script>
const bytes = () => Uint8Array.from(atob(document.body.dataset.pdf), one => one.charCodeAt(0));
</script>"""
OTHERS = {
    "nothing": "document.title = 'pressed'",
    "gone": "window.open('/gone')",
    "error_page": "window.open('/locked')",
    "too_large": "location = '/large'",
    "too_large_fetched": "fetch('/large-inline')",
    "elsewhere": "window.open('http://127.0.0.2:9/bill.pdf')",
    "pay": "location = '/saved'",
}


class Willing:
    """A limiter, as there is in the farm, that lets everything go."""

    @asynccontextmanager
    async def request(self, cost: int = 1, *, of_page: bool = False) -> AsyncIterator[Permit]:
        yield self

    def extra(self) -> None:
        pass


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    async def page(_: Request) -> Response:
        named = {**WAYS, **OTHERS}
        buttons = "".join(
            f'<button id={name} onclick="{script}">{"Pay now" if name == "pay" else name}</button>'
            for name, script in named.items()
        )
        return HTMLResponse(PAGE.format(pdf=base64.b64encode(PDF).decode(), buttons=buttons))

    async def bill(_: Request) -> Response:
        return Response(PDF, media_type="application/pdf")

    async def saved(_: Request) -> Response:
        head = {"Content-Disposition": 'attachment; filename="../../../May bill.pdf"'}
        return Response(PDF, media_type="application/octet-stream", headers=head)

    async def packed(_: Request) -> Response:
        return Response(base64.b64encode(PDF), media_type="application/octet-stream")

    async def large(_: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(80):
                yield bytes(1024 * 1024)

        return StreamingResponse(pieces(), media_type="application/pdf")

    async def leads_on(_: Request) -> Response:
        return Response(status_code=302, headers={"Location": "/bill.pdf?signed"})

    async def other(request: Request) -> Response:
        texts = {
            "/wrapper": "<title>Bill</title><iframe src=/bill.pdf></iframe>",
            "/locked": "<h1>Sorry</h1><p>Your account has been locked.</p>",
            "/gone": "Gone",
        }
        status = 404 if request.url.path == "/gone" else 200
        return HTMLResponse(f"<!doctype html>{texts[request.url.path]}", status)

    routes = [
        Route("/", page),
        Route("/bill.pdf", bill),
        Route("/posted", bill, methods=["POST"]),
        Route("/saved", saved),
        Route("/packed", packed),
        Route("/large", large),
        Route("/large-inline", large),
        Route("/leads-on", leads_on),
        *(Route(path, other) for path in ("/wrapper", "/locked", "/gone")),
    ]
    with local_site(routes) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visit(portal: Site, chromium: Chromium) -> AsyncIterator[Visit]:
    timeouts = Timeouts(in_place=2.5)
    async with Visit(
        Village(), portal.url, chromium, Nobody(), Secrets(), limiter=Willing(), timeouts=timeouts
    ) as visit:
        await visit.page.open("/")
        yield visit


@pytest.mark.parametrize("way", WAYS)
async def test_a_file_is_captured_however_it_is_handed_over(visit: Visit, portal: Site, way: str) -> None:
    portal.requested.clear()
    captured = await visit.capture(visit.page.css(f"#{way}"))
    assert captured.content == PDF
    assert "/" not in captured.name
    assert captured.name.removeprefix("_.._etc_") in {"May bill.pdf", "bill.pdf", "posted", "x", ""}
    files = [path for path in portal.requested if path.startswith(("/bill.pdf", "/saved", "/posted"))]
    made = {"blob_made", "data_saved", "object_of_a_blob", "made_of_what_was_fetched"}
    assert len(files) == (0 if way in made else 1)
    raw = await visit.page.raw_playwright_page()
    assert raw.context.pages == [raw]
    assert raw.url.rstrip("/") == portal.url


@pytest.mark.parametrize(
    ("way", "kind", "says"),
    [
        ("nothing", ItemFailed, "hands over no file after the element “#nothing” was pressed"),
        ("gone", ItemFailed, "answers HTTP 404 to /gone"),
        ("too_large", ItemFailed, "sends too much"),
        ("too_large_fetched", ItemFailed, "sends too much"),
        ("error_page", Stop, "says: “Your account has been locked”"),
        ("elsewhere", (ItemFailed, Stop), "Village Light"),
        ("pay", Stop, "only the customer may do that"),
    ],
)
async def test_what_is_no_file_is_none(
    visit: Visit, portal: Site, way: str, kind: type[Exception], says: str
) -> None:
    portal.requested.clear()
    visit.clock.timeouts = Timeouts(in_place=0.8, navigation=5.0)
    began = time.monotonic()
    with pytest.raises(kind, match=says):
        await visit.capture(visit.page.css(f"#{way}"), replace(SMALL, seconds=6.0))
    assert time.monotonic() - began < 12
    assert way != "pay" or "/saved" not in portal.requested


def _answer(value: str) -> HttpResponse:
    return HttpResponse("https://x.example/", 200, {}, f'{{"file": "{value}"}}'.encode(), "Village Light")


@pytest.mark.parametrize(
    "written",
    [
        base64.b64encode(PDF).decode(),
        base64.urlsafe_b64encode(PDF).decode().rstrip("="),
        base64.encodebytes(PDF).decode().replace("\n", "\\r\\n"),
        f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}",
        PDF.hex(),
        f"0x{PDF.hex().upper()}",
    ],
)
async def test_a_file_is_read_from_json_however_it_is_written(visit: Visit, written: str) -> None:
    found = visit.capture_from(_answer(written), "/file", "a/../bill.pdf")
    assert (found.content, found.name) == (PDF, "bill.pdf")


async def test_what_is_no_file_in_json_is_a_changed_layout(visit: Visit) -> None:
    for value in ("", "not found!", "{}"):
        with pytest.raises(Stop, match="at /file that is no file") as stop:
            visit.capture_from(_answer(value), "/file")
        assert stop.value.outcome is Outcome.LAYOUT_CHANGED
