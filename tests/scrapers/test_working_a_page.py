"""What a script does with a page's controls, in the real Chromium: boxes, masks, lists, overlays, frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import Timeouts
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.outcomes import Sign, Stop
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.village import Village

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOXES = "<div role=group aria-label=Code>" + "<input maxlength=1 inputmode=numeric>" * 6 + "</div>"
_EACH = "const boxes = [...document.querySelectorAll('input')]; boxes.forEach((box, at) => {{ {} }});"
MOVES_ON = _EACH.format("box.oninput = () => boxes[at + 1] && boxes[at + 1].focus()")
KEYS_ALONE = _EACH.format(
    "box.readOnly = true; box.onpaste = event => event.preventDefault(); box.onkeydown = event => {"
    " if (/^\\d$/.test(event.key)) { box.value = event.key; boxes[at + 1] && boxes[at + 1].focus() } }"
)
ONE_AFTER_THE_OTHER = _EACH.format(
    "box.disabled = at > 0; box.oninput = () => { const next = boxes[at + 1];"
    " if (next) { next.disabled = false; next.focus() } }"
)
SENDS_ITSELF = _EACH.format(
    "box.oninput = async () => { if (boxes[at + 1]) boxes[at + 1].focus(); else {"
    " const code = boxes.map(box => box.value).join(''); boxes.forEach(box => { box.value = '' });"
    " await fetch('/code?' + code); const says = document.body.appendChild(document.createElement('p'));"
    " says.textContent = 'That code is wrong.' } }"
)
OVERLAY = "<div id=over style='position:fixed;inset:0;background:#fff'><button {}>{}</button></div>"
PAGES = {
    "/moves-on": BOXES + f"<script>{MOVES_ON}</script>",
    "/keys-alone": BOXES + f"<script>{KEYS_ALONE}</script>",
    "/one-after-the-other": BOXES + f"<script>{ONE_AFTER_THE_OTHER}</script>",
    "/autofilled": BOXES.replace("maxlength", "value=9 maxlength"),
    "/one-box": "<label>Code <input></label>",
    "/stuck": "<button disabled>Send</button><label>Slow <input onfocus='const began = Date.now();"
    " while (Date.now() - began < 1500);'></label>",
    "/sends-itself": BOXES + f"<script>{SENDS_ITSELF}</script>",
    "/fields": """<label>Phone <input id=phone></label><label>Never <input id=never></label>
      <label>Keys <input id=keys></label><p id=heard></p>
      <label><input type=checkbox> I agree to the terms</label><label><input type=checkbox> Trust this</label>
      <style>.made input {position: absolute; opacity: 0; pointer-events: none; width: 0}</style>
      <div class=made><input type=checkbox id=styled><label for=styled>Keep me</label></div>
      <div role=combobox aria-label=Period tabindex=0 onclick="list.hidden = false">None</div>
      <div id=list hidden role=listbox><div role=option onclick="document.querySelector('[role=combobox]')
        .textContent = 'Last month'; list.hidden = true">Last month</div></div>
      <label>Year <select><option value=a>This  year</option><option value=b>Pay now</option></select></label>
      <script>phone.oninput = () => { phone.value = phone.value.replace(/\\D/g, '')
        .replace(/^(\\d{3})(\\d+)/, '($1) $2') };
      never.oninput = () => { never.value = '' };
      keys.onkeydown = event => { heard.textContent += event.key };</script>""",
    "/over": "<h1>Bills</h1><button onclick='more.textContent = \"There\"'>More</button><p id=more></p>"
    + OVERLAY.format("onclick='over.remove()'", "Not now"),
    "/later": """<button onclick='more.textContent = "There"'>More</button><p id=more></p><script>
      document.querySelector("button").onmousemove = null;
      const over = () => document.body.insertAdjacentHTML("beforeend",
        `<div style="position:fixed;inset:0;background:#fff"><button onclick="this.parentNode.remove()">`
        + `Not now</button></div>`);</script>""",
    "/asks": "<h1>Bills</h1>" + OVERLAY.format("", "Go paperless"),
    "/parts": """<div id=host></div><iframe title=Usage src=/inner></iframe>
      <table><tr><td>May</td><td><button>View</button></td></tr><tr><td>June</td><td><button>View</button>
      </td></tr></table><p>one</p><p>two  words</p><script>
      host.attachShadow({mode: 'open'}).innerHTML = '<label>Deep <input value=found></label>'</script>""",
    "/inner": "<button>Export</button><div id=host></div><script>"
    "host.attachShadow({mode: 'open'}).innerHTML = '<b data-meter=M1>Meter</b>'</script>",
    "/steps": """<button onclick="fetch('/code?a').then(() => setTimeout(() => {
        document.body.insertAdjacentHTML('beforeend', '<h1>Done</h1>') }, 400))">Next</button>""",
    "/code": "",
    "/opens": """<button onclick="const w = window.open('about:blank');
        setTimeout(() => { w.location = '/inside?ticket=1' }, 300)">Bill history</button>
      <button onclick="window.open('http://127.0.0.2:9/there')">Elsewhere</button>
      <button onclick="more.textContent = 'There'">Nothing</button><p id=more></p>""",
    "/inside": """<h1>Bills</h1><p id=says></p>
      <button onclick="fetch('/code?b').then(answer => answer.json()).then(answer => {
        says.textContent = answer.total })">Total</button><button>Pay now</button>""",
}
DONE = Sign("done", heading="Done")


@pytest.fixture(scope="module")
def portal() -> Iterator[Site]:
    async def page(request: Request) -> Response:
        if request.url.path == "/code":
            return JSONResponse({"total": 12})
        return HTMLResponse(f"<!doctype html><title>x</title><body>{PAGES[request.url.path]}")

    with local_site([Route(path, page) for path in PAGES]) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def visit(portal: Site, chromium: Chromium) -> AsyncIterator[Visit]:
    timeouts = Timeouts(navigation=3.0, action=1.0, in_place=0.5)
    async with Visit(Village(), portal.url, chromium, Nobody(), Secrets(), timeouts=timeouts) as visit:
        yield visit


@pytest.mark.parametrize(
    "path", ["/moves-on", "/keys-alone", "/one-after-the-other", "/autofilled", "/one-box"]
)
async def test_a_code_is_typed_into_whatever_boxes_there_are(visit: Visit, path: str) -> None:
    await visit.page.open(path)
    boxes = visit.page.label("Code") if path == "/one-box" else visit.page.role("group", "Code")
    await visit.page.fill_boxes(boxes, "271828")
    values = [await box.value() for box in await visit.page.css("input").all()]
    assert "".join(values) == "271828"
    assert visit.secrets.scrub("code=271828, 8 of 12") == "code=[redacted], 8 of 12"


async def test_a_code_that_the_page_sends_by_itself_is_sent_once_and_what_it_says_is_heard(
    visit: Visit, portal: Site
) -> None:
    await visit.page.open("/sends-itself")
    wrong = Sign("wrong", text="That code is wrong.")
    for number in range(2):
        await visit.page.fill_boxes(visit.page.css("input"), "271828")
        assert await visit.page.arrive(wrong) is wrong
        assert [path for path in portal.requested if path.startswith("/code")] == ["/code"] * (number + 1)


async def test_a_field_that_a_mask_changes_is_filled_in_and_one_that_takes_nothing_is_not(
    visit: Visit,
) -> None:
    page = visit.page
    await page.open("/fields")
    await page.fill(page.label("Phone"), "5551234", secret=False)
    assert await page.label("Phone").value() == "(555) 1234"
    await page.fill(page.label("Keys"), "ab", typed=True)
    assert await page.css("#heard").text() == "ab"
    with pytest.raises(Stop, match="does not take what is typed into the field “Never”") as stop:
        await page.fill(page.label("Never"), "open sesame")
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED
    assert "sesame" not in str(visit.steps)


async def test_boxes_and_lists_are_as_guarded_as_buttons(visit: Visit) -> None:
    page = visit.page
    await page.open("/fields")
    await page.check(page.label("Trust this"))
    assert await page.label("Trust this").is_checked()
    await page.check(page.label("Keep me"))
    assert await page.label("Keep me").is_checked()
    await page.choose(page.role("combobox", "Period"), "Last month")
    assert await page.role("combobox", "Period").text() == "Last month"
    await page.choose(page.label("Year"), "This year")
    assert await page.label("Year").value() == "a"
    for refused in (page.check(page.label("I agree")), page.choose(page.label("Year"), "b")):
        with pytest.raises(Stop, match="only the customer may do that"):
            await refused
    with pytest.raises(Stop, match="offers no “Last year” in the field “Year”"):
        await page.choose(page.label("Year"), "Last year")
    assert await page.label("Year").value() == "a"


async def test_an_overlay_is_dismissed_when_it_is_there_and_when_it_comes(visit: Visit) -> None:
    page = visit.page
    await page.open("/over")
    assert await page.dismiss(page.button("Only necessary cookies"), page.button("Not now"))
    assert not await page.dismiss(page.button("Not now"))
    await page.open("/later")
    raw = await page.raw_playwright_page()
    await raw.evaluate("over()")
    await page.press(page.button("More"), until=Sign("there", text="There"))
    await page.open("/asks")
    with pytest.raises(Stop, match="only the customer may do that"):
        await page.dismiss(page.button("Go paperless"))


async def test_controls_are_found_and_read_in_frames_shadow_trees_and_rows(visit: Visit) -> None:
    page = visit.page
    await page.open("/parts")
    frame = page.frame("iframe[title=Usage]")
    assert await page.label("Deep").value() == "found"
    assert await frame.button("Export").is_shown()
    assert await frame.css("[data-meter]").attribute("data-meter") == "M1"
    assert await page.css("p").texts() == ["one", "two words"]
    assert await page.css("tr").containing("June").button("View").count() == 1
    with pytest.raises(Stop, match="2 such controls where one is meant while pressing button “View”"):
        await page.press(page.button("View"))
    with pytest.raises(Stop, match="no such control while reading the element “b” in the frame “iframe”"):
        await page.frame("iframe").css("b").first.nth(1).text()


async def test_a_press_may_last_until_a_sign_is_there(visit: Visit) -> None:
    await visit.page.open("/steps")
    assert await visit.page.press(visit.page.button("Next"), until=DONE) is DONE
    visit.clock.timeouts = Timeouts(navigation=0.8)
    with pytest.raises(Stop, match=r"does not know|did not answer in time"):
        await visit.page.press(visit.page.button("Next"), until=Sign("more", heading="More"))


async def test_a_window_is_a_page_like_any_other_and_ends_with_its_block(
    visit: Visit, tmp_path: Path
) -> None:
    """What it showed is kept as evidence if something in it failed."""
    await visit.page.open("/opens")
    bills = Sign("bills", heading="Bills", path="^/inside$")
    async with visit.page.popup(visit.page.button("Bill history")) as window:
        assert await window.arrive(bills) is bills
        answer = await window.response("^/code$", lambda: window.press(window.button("Total")))
        assert answer.at("/total", int) == 12
        with pytest.raises(Stop, match="only the customer may do that"):
            await window.press(window.button("Pay now"))
        raw = await window.raw_playwright_page()
    assert raw.is_closed()
    with pytest.raises(Stop, match="only the customer may do that"):
        async with visit.page.popup(visit.page.button("Bill history")) as window:
            await window.press(window.button("Pay now"))
    await keep_evidence(visit, tmp_path / "1")
    assert "<h1>Bills</h1>" in (tmp_path / "1" / "closed-1.html").read_text()
    assert not (tmp_path / "1" / "closed-2.html").exists()
    with pytest.raises(Stop, match=r"led to 127\.0\.0\.2, a host that is not its own") as stop:
        async with visit.page.popup(visit.page.button("Elsewhere")):
            raise AssertionError("it is not followed")
    assert stop.value.outcome is Outcome.BLOCKED
    visit.clock.timeouts = Timeouts(navigation=0.3)
    with pytest.raises(Stop):
        async with visit.page.popup(visit.page.button("Nothing")):
            raise AssertionError("none opens")


async def test_one_call_of_a_script_drives_the_page_at_a_time(visit: Visit) -> None:
    """Another waits with its first step on the page until that call is over."""
    steps: list[str] = []

    async def call(name: str) -> None:
        async with visit.script_call("bill_pdf"):
            await visit.page.open("/parts")
            steps.append(f"{name} begins")
            assert await visit.page.label("Deep").value() == "found"
            steps.append(f"{name} ends")

    await asyncio.gather(call("one"), call("other"))
    assert steps == ["one begins", "one ends", "other begins", "other ends"]


async def test_a_control_that_cannot_be_used_is_not_called_missing(visit: Visit) -> None:
    visit.clock.timeouts = Timeouts(action=0.5)
    await visit.page.open("/stuck")
    with pytest.raises(Stop, match="shows the control, but it cannot be used, while pressing") as stop:
        await visit.page.press(visit.page.button("Send"))
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED


async def test_a_page_that_is_too_slow_for_a_control_is_not_called_changed(visit: Visit) -> None:
    visit.clock.timeouts = Timeouts(action=0.5)
    await visit.page.open("/stuck")
    with pytest.raises(Stop, match="page did not react in time while filling in") as stop:
        await visit.page.fill(visit.page.label("Slow"), "anything")
    assert stop.value.outcome is Outcome.PORTAL_DOWN
