"""Signs in the real Chromium: in frames and shadow roots, and known from what stood there before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import ClassVar

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import Timeouts
from meterfarm.scrapers.outcomes import SIGNED_OUT, Sign, Stop
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.village import TwoHosts

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG = "That code is wrong."
INSIDE = Sign("inside", heading="Your bills")
CODE = Sign("code", heading="Enter your code")
REFUSED = Sign("refused", text=WRONG)
ENDED = ("dialog", "Your session has ended")
SOON = 20.0
LONG = Timeouts(in_place=60.0)
"""So long is waited for something else before what stood there before counts."""

HIDDEN = ("hidden", "style='visibility: hidden'", "style='width: 0; height: 0; border: 0'")
ROOT = "<p id=p></p><script>p.attachShadow({{mode: 'open'}}).innerHTML = `{}`</script>"
EXPORT = "Download my data"
SHOWN = f"<h2>{EXPORT}</h2>"
BUSY = f"""const busy = () => {{
  const until = performance.now() + 300;
  while (performance.now() < until);
  if (left--) setTimeout(busy); else document.body.innerHTML = '{SHOWN}';
}}"""
PAGES = {
    "/usage": SHOWN,
    "/shadow": ROOT.format(SHOWN),
    "/nested": "<iframe src=/shadow></iframe>",
    "/late": f"<p>Loading…</p><script>setTimeout(() => document.body.innerHTML = '{SHOWN}', 300)</script>",
    "/busy": f"<p>Loading…</p><script>let left = 8; {BUSY}; busy()</script>",
    "/never": f"{SHOWN}<p>Loading…</p>",
    "/hash": "<p>x<script>setTimeout(() => location.hash = '#/usage/1', 100)</script>",
    "/dialog": f"<dialog id=d aria-labelledby=t><b id=t>{ENDED[1]}</b></dialog><button>Stay</button>"
    "<script>setTimeout(() => d.showModal(), 100)</script>",
    "/silent": "<p role=alert style='padding: 9px'> </p><output></output>",
    "/closed": f"<dialog aria-label='{ENDED[1]}'></dialog>",
}


class Widgets(TwoHosts):
    """Has no signs but those that a test looks for. Frames on a busy machine take a moment."""

    settle_seconds: ClassVar[float] = 1.2
    signs: ClassVar[Sequence[Sign]] = ()


def _page(body: str) -> str:
    return f"<!doctype html><title>Usage</title><body>{body}"


WAYS = {
    "text": "error.textContent = text",
    "node": "error.firstChild ? error.firstChild.data = text : error.append(text)",
    "parts": "error.innerHTML = text.replace('wrong', '<b>wrong</b>')",
    "form": "place.innerHTML = place.innerHTML.replace(/<p id=.error.*?<.p>/, `<p id=error>${text}</p>`)",
    "cleared": "error.textContent = text",
    "shown": "error.textContent ||= text; form.classList.remove('busy')",
}
BEFORE = {"cleared": "window.error.textContent = ''", "shown": "form.classList.add('busy')"}
FORM = """<style>.busy #error { display: none }</style><h1>Enter your code</h1>
<div id=form><div id=place><p id=error></p></div><button onclick='send()'>Verify</button></div>
<script>
  const form = window.form, place = window.place;
  const send = async () => {
    BEFORE;
    const answer = await (await fetch('/code?way=WAY', {method: 'POST'})).json();
    await new Promise(done => setTimeout(done, answer.wait));
    const error = document.getElementById('error'), text = answer.text;
    if (text) { WRITE } else document.body.innerHTML = '<h1>Your bills</h1>';
  };
</script>"""


def _form(way: str) -> str:
    form = FORM.replace("BEFORE", BEFORE.get(way, "")).replace("WRITE", WAYS.get(way, WAYS["text"]))
    return _page(form.replace("WAY", way))


class Answers:
    """What the portal answers next to a code: a text, "" for being let in; how late, in seconds."""

    def __init__(self) -> None:
        self.text = WRONG
        self.late = 0.0
        self.wait = 0

    async def answer(self, _: Request) -> Response:
        await asyncio.sleep(self.late)
        error = {"code": "E17"} if self.text else None
        return JSONResponse({"text": self.text, "wait": self.wait, "error": error})


@pytest.fixture(scope="module")
def answers() -> Answers:
    return Answers()


@pytest.fixture(scope="module")
def portal(answers: Answers) -> Iterator[Site]:
    async def page(request: Request) -> Response:
        return HTMLResponse(_page(PAGES[request.url.path]))

    async def framed(request: Request) -> Response:
        asked = request.query_params
        host = str(request.base_url).replace("127.0.0.1", asked.get("host", "127.0.0.1")).rstrip("/")
        return HTMLResponse(_page(f"<iframe {asked.get('more', '')} src='{host}{asked['src']}'></iframe>"))

    async def form(request: Request) -> Response:
        return HTMLResponse(_form(request.query_params["way"]))

    routes = [
        Route("/framed", framed),
        Route("/form", form),
        Route("/code", answers.answer, methods=["POST"]),
    ]
    with local_site([*(Route(path, page) for path in PAGES), *routes]) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with Chromium(["127.0.0.1", "localhost"], tmp_path_factory.mktemp("scratch")) as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="module")
async def visit(portal: Site, chromium: Chromium, answers: Answers) -> AsyncIterator[Visit]:
    answers.text, answers.late, answers.wait = WRONG, 0.0, 0
    async with Visit(Widgets(), portal.url, chromium, Nobody(), Secrets()) as visit:
        yield visit


@pytest.mark.parametrize(
    ("path", "sign"),
    [
        ("/framed?src=/usage", Sign("x", heading=EXPORT)),
        ("/framed?src=/usage&host=localhost", Sign("x", heading=EXPORT, path="^/usage$", host="localhost")),
        ("/framed?src=/late&host=localhost", Sign("x", heading=EXPORT, path="^/framed$", host="127.0.0.1")),
        ("/framed?src=/nested&host=localhost", Sign("x", heading=EXPORT, gone="Loading")),
        ("/framed?src=/closed&host=localhost", Sign("x", host="localhost", path="^/closed$")),
        ("/framed?src=/dialog&host=localhost", Sign("x", role=ENDED)),
        ("/dialog", Sign("x", role=("dialog", ""))),
        ("/dialog", Sign("x", role=("button", "Stay"))),
        ("/shadow", Sign("x", role=("heading", EXPORT))),
        ("/hash", Sign("x", hash="^#/usage/[0-9]$")),
        ("/late", Sign("x", text="data", gone="Loading")),
        ("/busy", Sign("x", heading=EXPORT)),
    ],
)
async def test_what_a_person_sees_is_seen_wherever_it_is(visit: Visit, path: str, sign: Sign) -> None:
    await visit.page.open(path)
    assert await visit.page.arrive(sign) is sign


@pytest.mark.parametrize(
    ("path", "sign"),
    [
        *((f"/framed?src=/usage&host=localhost&more={how}", Sign("x", heading=EXPORT)) for how in HIDDEN),
        ("/framed?src=/usage", Sign("x", path="^/usage$")),
        ("/framed?src=/usage", Sign("x", heading=EXPORT, path="^/elsewhere$")),
        ("/never", Sign("x", heading=EXPORT, gone="Loading")),
        ("/closed", Sign("x", role=ENDED)),
        ("/silent", Sign("x", role=("alert", ""))),
        ("/usage", Sign("x", pointer="/heading")),
    ],
)
async def test_what_nobody_sees_is_no_sign(visit: Visit, path: str, sign: Sign) -> None:
    """Such as in the hidden frame by which a portal finds that the session has ended, and renews it."""
    await visit.page.open(path)
    with pytest.raises(Stop, match=r"(does not know|an empty page).* at /[a-z]+, not “x”") as stop:
        await visit.page.arrive(sign)
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE
    (step,) = [step for step in visit.steps if step["step"] == "page.unknown"]
    assert step["looked_for"] == [sign.look]


async def enter(visit: Visit) -> Sign:
    await visit.page.press(visit.page.button("Verify"))
    return await visit.page.arrive(INSIDE, REFUSED, CODE)


@pytest.mark.parametrize("way", WAYS)
async def test_a_code_refused_again_in_place_is_told_from_the_first_time(visit: Visit, way: str) -> None:
    """However the same words are written again; nobody waits for something else to come."""
    visit.clock.timeouts = LONG
    await visit.page.open(f"/form?way={way}")
    assert await visit.page.arrive(CODE) is CODE
    for _ in range(2):
        began = time.monotonic()
        assert await enter(visit) is REFUSED
        assert time.monotonic() - began < SOON


async def test_so_it_is_in_a_frame_of_another_host(visit: Visit) -> None:
    visit.clock.timeouts = LONG
    await visit.page.open("/framed?src=/form?way=text&host=localhost")
    await visit.page.arrive(CODE)
    for _ in range(2):
        await visit.page.press(visit.page.frame("iframe").button("Verify"))
        assert await visit.page.arrive(INSIDE, REFUSED, CODE) is REFUSED


@pytest.mark.parametrize("way", ["stays", "form", "shown"])
async def test_a_refusal_that_stood_there_before_does_not_hide_who_is_let_in(
    visit: Visit, answers: Answers, way: str
) -> None:
    visit.clock.timeouts = Timeouts(in_place=5.0)
    await visit.page.open(f"/form?way={way}")
    await visit.page.arrive(CODE)
    assert await enter(visit) is REFUSED
    answers.text, answers.late, answers.wait = "", 0.5, 2000
    assert await enter(visit) is INSIDE


async def test_what_a_pages_own_scripts_are_answered_counts_since_the_press(
    visit: Visit, answers: Answers
) -> None:
    visit.clock.timeouts = LONG
    said = Sign("said", pointer="/error/code", value="E17", path="^/code$")
    other = Sign("other", pointer="/error/code", value="E18")
    ended = Sign(SIGNED_OUT, pointer="/error/code")
    await visit.page.open("/form?way=stays")
    await visit.page.arrive(CODE)
    await visit.page.press(visit.page.button("Verify"))
    assert await visit.page.arrive(ended, other, said) is said
    answers.text = ""
    await visit.page.press(visit.page.button("Verify"))
    assert await visit.page.arrive(other, said, INSIDE) is INSIDE
