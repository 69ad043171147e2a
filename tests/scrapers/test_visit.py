"""A visit with the real Chromium to a real server: where it goes, what it touches, what it sees."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Nobody
from meterfarm.records import Challenge, Factor, Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import Timeouts
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.outcomes import SIGNED_OUT, SessionEnded, Sign, Stop
from meterfarm.scrapers.script_calls import SIGNING_IN
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.visit import Visit
from meterfarm.support.redact import Secrets
from tests.local_site import Site, closed_site, local_site, silent_site
from tests.scrapers.raw_page import opened
from tests.scrapers.village import BILLS, BUTTONS, CODE, Village, pages

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class World:
    portal: Site
    foreign: Site
    chromium: Chromium

    def visit(
        self, url: str = "", session: PortalSession | None = None, *, trace_snapshots: bool = True
    ) -> Visit:
        address = url or self.portal.url
        return Visit(
            Village(), address, self.chromium, Nobody(), Secrets(), session, trace_snapshots=trace_snapshots
        )


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Site, Site]]:
    async def stolen(_: Request) -> Response:
        return PlainTextResponse("yours")

    with local_site([Route("/{path}", stolen)], "127.0.0.2") as foreign:
        with local_site(pages(foreign.url)) as portal:
            yield portal, foreign


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(sites: tuple[Site, Site], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with Chromium(["127.0.0.1"], tmp_path_factory.mktemp("scratch")) as chromium:
        yield World(*sites, chromium)


@pytest_asyncio.fixture(loop_scope="module")
async def visit(world: World) -> AsyncIterator[Visit]:
    world.foreign.requested.clear()
    async with world.visit() as visit:
        yield visit


@pytest.mark.parametrize("path", ["/bills", "/late", "/sub", "/moving"])
async def test_a_page_is_found_by_its_sign_also_when_a_script_makes_it_late(visit: Visit, path: str) -> None:
    await visit.page.open(path)
    assert await visit.page.arrive(CODE, BILLS) is BILLS


async def test_a_heading_is_known_however_it_is_styled(visit: Visit) -> None:
    await visit.page.open("/shouted")
    assert await visit.page.arrive(BILLS) is BILLS


async def test_the_scripts_own_signs_go_first_and_a_path_is_enough(visit: Visit) -> None:
    await visit.page.open("/code")
    assert await visit.page.arrive(BILLS, CODE) is CODE


@pytest.mark.parametrize(
    ("path", "outcome", "says"),
    [
        ("/locked", Outcome.ACCOUNT_LOCKED, "says: “Your account has been locked”"),
        ("/soon", Outcome.MAINTENANCE, "says: “Back soon”"),
        ("/unknown", Outcome.UNKNOWN_PAGE, "“Hm” at /unknown"),
        ("/code", Outcome.UNKNOWN_PAGE, "at /code"),
        ("/status/403", Outcome.BLOCKED, "HTTP 403"),
        ("/status/429", Outcome.RATE_LIMITED, "9 seconds"),
        ("/status/500", Outcome.PORTAL_DOWN, "HTTP 500"),
        ("/status/404", Outcome.UNKNOWN_PAGE, "at /status/404"),
    ],
)
async def test_any_other_page_stops_the_run(visit: Visit, path: str, outcome: Outcome, says: str) -> None:
    await visit.page.open(path)
    with pytest.raises(Stop, match=says) as stop:
        await visit.page.arrive(BILLS)
    assert stop.value.outcome is outcome
    assert stop.value.retry_after == (9 if path in {"/status/429", "/status/500"} else None)


@pytest.mark.parametrize("path", ["/to-503", "/refreshes-to-503", "/scripted-to-503", "/posts-to-503"])
async def test_the_status_of_the_page_that_is_shown_counts(visit: Visit, path: str) -> None:
    """However the portal led there, by its answers or by what its pages do."""
    page = await opened(visit, path)
    await page.wait_for_url("**/status/503")
    with pytest.raises(Stop, match="HTTP 503") as stop:
        await visit.page.arrive(BILLS)
    assert (stop.value.outcome, stop.value.retry_after) == (Outcome.PORTAL_DOWN, 9)


async def test_the_status_counts_also_after_a_press_and_after_going_back(visit: Visit) -> None:
    page = await opened(visit, "/form-to-503")
    await visit.page.press(visit.page.button("Continue"))
    await page.wait_for_url("**/status/503")
    with pytest.raises(Stop, match="HTTP 503"):
        await visit.page.arrive(BILLS)
    await page.goto(page.url.replace("/status/503", "/unknown"))
    with pytest.raises(Stop, match="at /unknown"):
        await visit.page.arrive(BILLS)
    await page.go_back(wait_until="domcontentloaded")
    with pytest.raises(Stop, match="HTTP 503"):
        await visit.page.arrive(BILLS)


async def test_an_address_that_a_script_changes_has_the_status_of_its_document(visit: Visit) -> None:
    await visit.page.open("/renames")
    with pytest.raises(Stop, match="“Hm” at /status/500") as stop:
        await visit.page.arrive(BILLS)
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE


@pytest.mark.parametrize("path", ["/file", "/nothing"])
async def test_an_address_without_a_page_leaves_the_page_that_was_shown(visit: Visit, path: str) -> None:
    await visit.page.open("/bills")
    await visit.page.open(path)
    assert await visit.page.arrive(BILLS) is BILLS


async def test_a_file_where_a_page_was_to_come_is_no_fault_of_the_portal(visit: Visit) -> None:
    """The script may fetch it; one that awaits a page says what came."""
    await visit.page.open("/file")
    with pytest.raises(Stop, match=r"sends a file \(/file\) where its script awaits a page") as stop:
        await visit.page.arrive(BILLS)
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE
    assert (await visit.http.document(visit.page.downloaded)).name == "bill.pdf"


async def test_a_press_that_leads_to_a_file_does_not_end_the_run(visit: Visit) -> None:
    page = await opened(visit, "/downloads")
    await visit.page.press(visit.page.button("Continue"))
    assert visit.page.downloaded.partition("?")[0] == f"{page.url.rpartition('/')[0]}/file"


class Gated(Village):
    """Sends the signed out to a page of its own."""

    signs: ClassVar[Sequence[Sign]] = (*Village.signs, Sign(SIGNED_OUT, path="^/form$"))


async def test_the_page_of_the_signed_out_ends_the_session_but_not_while_signing_in(world: World) -> None:
    """Also where the script goes on without looking, and a control is missing; what the page says counts."""
    impatient = Timeouts(action=0.3)
    async with Visit(
        Gated(), world.portal.url, world.chromium, Nobody(), Secrets(), timeouts=impatient
    ) as visit:
        page = visit.page
        async with visit.script_call(SIGNING_IN):
            await page.open("/form")
            assert (await page.arrive(BILLS)).means == SIGNED_OUT
            with pytest.raises(Stop, match="shows no"):
                await page.label("Meter").text()
        async with visit.script_call("bills"):
            with pytest.raises(SessionEnded):
                await page.arrive(BILLS)
            with pytest.raises(SessionEnded):
                await page.label("Meter").text()
            await page.open("/locked")
            with pytest.raises(Stop, match="has been locked") as caught:
                await page.label("Meter").text()
            assert caught.value.outcome is Outcome.ACCOUNT_LOCKED


@pytest.mark.parametrize("path", ["/away", "/near-then-away"])
async def test_a_redirect_to_a_foreign_host_is_not_followed(world: World, visit: Visit, path: str) -> None:
    with pytest.raises(Stop):
        await visit.page.open(path)
    assert not world.foreign.requested


@pytest.mark.parametrize("path", ["/away", "/near-then-away"])
async def test_a_redirect_to_a_foreign_host_is_called_so(visit: Visit, path: str) -> None:
    with pytest.raises(Stop, match="host that is not its own") as stop:
        await visit.page.open(path)
    assert stop.value.outcome is Outcome.BLOCKED


@pytest.mark.parametrize("path", ["/sub", "/hop"])
async def test_nothing_is_fetched_from_a_foreign_host(world: World, visit: Visit, path: str) -> None:
    page = await opened(visit, path)
    await page.wait_for_load_state()
    assert {step["host"] for step in visit.steps if step["step"] == "request.refused"} == {"127.0.0.2"}
    assert not world.foreign.requested


@pytest.mark.parametrize("kind", BUTTONS)
async def test_a_control_that_pays_is_never_pressed(world: World, visit: Visit, kind: str) -> None:
    await visit.page.open(f"/pay/{kind}")
    with pytest.raises(Stop, match="only the customer may do that") as stop:
        await visit.page.press(visit.page.css("button, input"))
    assert stop.value.outcome is Outcome.ACTION_REQUIRED
    assert "/paid" not in world.portal.requested


async def test_a_form_is_filled_in_and_sent(visit: Visit) -> None:
    await visit.page.open("/form")
    await visit.page.fill(visit.page.css("input"), "open sesame")
    await visit.page.press(visit.page.button("Continue"))
    assert await visit.page.arrive(BILLS) is BILLS
    assert visit.secrets.scrub("q=open+sesame") == "q=[redacted]"
    assert "sesame" not in str(visit.steps)


async def test_digits_typed_box_by_box_are_a_secret_together_and_none_by_themselves(visit: Visit) -> None:
    await visit.page.open("/boxes")
    for box, digit in zip(await visit.page.role("textbox").all(), "271828", strict=True):
        await visit.page.fill(box, digit)
    with pytest.raises(Stop, match="at /boxes"):
        await visit.page.arrive(BILLS)
    assert visit.secrets.scrub("8 of 12 bills, 2026-11-08, $8.20") == "8 of 12 bills, 2026-11-08, $8.20"
    assert visit.secrets.scrub("code=271828") == "code=[redacted]"


async def test_a_control_that_is_gone_is_a_changed_layout(visit: Visit) -> None:
    visit.clock.timeouts = Timeouts(action=0.1)
    await visit.page.open("/bills")
    with pytest.raises(Stop, match="no such control") as stop:
        await visit.page.press(visit.page.button("Continue"))
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED
    [failed] = [step for step in visit.steps if step["step"] == "action.failed"]
    assert 'get_by_role("button", name="Continue")' in str(failed["reason"])


async def test_a_button_that_leads_nowhere_stops_the_run(visit: Visit) -> None:
    visit.clock.timeouts = Timeouts(navigation=0.2)
    await visit.page.open("/dead")
    with pytest.raises(Stop, match="did not answer in time while pressing “Continue”"):
        await visit.page.press(visit.page.button("Continue"))


async def test_a_page_that_never_answers_means_that_the_portal_is_down(world: World) -> None:
    with silent_site() as url:
        async with world.visit(url) as visit:
            visit.clock.timeouts = Timeouts(navigation=0.2)
            with pytest.raises(Stop, match="did not answer in time") as stop:
                await visit.page.open("/login")
    assert stop.value.outcome is Outcome.PORTAL_DOWN


async def test_a_portal_that_refuses_connections_is_down(world: World) -> None:
    async with world.visit(closed_site()) as visit:
        with pytest.raises(Stop, match="could not be reached") as stop:
            await visit.page.open("/login")
    assert stop.value.outcome is Outcome.PORTAL_DOWN


async def test_evidence_is_kept_also_when_no_page_came(world: World, tmp_path: Path) -> None:
    async with world.visit(closed_site()) as visit:
        with pytest.raises(Stop):
            await visit.page.open("/login")
        assert await keep_evidence(visit, tmp_path / "1") == tmp_path / "1"
    assert (tmp_path / "1" / "trace.zip").is_file()
    assert '"/login"' in (tmp_path / "1" / "visit.log").read_text()


async def test_evidence_holds_no_secret(visit: Visit, tmp_path: Path) -> None:
    await visit.page.open("/form")
    await visit.page.fill(visit.page.css("input"), "open *sesame!")
    await visit.page.press(visit.page.button("Continue"))
    assert await keep_evidence(visit, tmp_path / "1") == tmp_path / "1"
    kept = {file.name for file in (tmp_path / "1").iterdir()}
    assert kept == {"trace.zip", "page.png", "page.html", "visit.log"}
    assert not [file for file in (tmp_path / "1").iterdir() if file.stat().st_mode & 0o077]


@pytest.mark.parametrize("trace_snapshots", [True, False])
async def test_a_trace_has_each_step_and_if_looked_at_closely_each_page(
    trace_snapshots: bool, world: World, tmp_path: Path
) -> None:
    async with world.visit(trace_snapshots=trace_snapshots) as visit:
        await visit.page.open("/form")
        await visit.page.press(visit.page.button("Continue"))
        await keep_evidence(visit, tmp_path / "1")
    with zipfile.ZipFile(tmp_path / "1" / "trace.zip") as trace:
        steps = trace.read("trace.trace").decode()
    assert '"method":"goto"' in steps
    assert '"method":"click"' in steps
    assert ('"type":"frame-snapshot"' in steps) is trace_snapshots


async def test_a_saved_session_brings_everything_back(world: World) -> None:
    async with world.visit() as first:
        await first.page.open("/cookie")
        await first.page.open("/keep")
        session = await first.session()
    assert session is not None
    copy = PortalSession.from_bytes(session.to_bytes())
    assert copy == session
    async with world.visit(session=copy) as second:
        assert (await second.http.get("/bills")).status == 200
        assert world.portal.cookies[-1] == "device=well-known"
        page = await opened(second, "/show")
        assert await page.locator("#kept").inner_text() == "kept long / kept now / device=well-known"
        assert second.secrets.scrub("kept long, kept now, well-known") == "[redacted], [redacted], [redacted]"


async def test_a_session_used_over_http_alone_can_be_saved_again(world: World) -> None:
    async with world.visit() as first:
        await first.page.open("/keep")
        session = await first.session()
    async with world.visit(session=session) as second:
        await second.http.get("/cookie")
        again = await second.session()
    assert again is not None
    assert session is not None
    assert again.session_storage == session.session_storage
    assert [origin["localStorage"] for origin in again.storage_state["origins"]] == [
        [{"name": "kept", "value": "kept long"}]
    ]
    assert [cookie["name"] for cookie in again.storage_state["cookies"]] == ["device"]


async def test_two_visits_in_one_browser_share_nothing(world: World) -> None:
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(world.visit()) for _ in range(2)]
        await first.page.open("/cookie")
        await first.page.open("/keep")
        page = await opened(second, "/show")
        assert await page.locator("#kept").inner_text() == "/ /"


async def test_a_visit_that_opened_nothing_has_nothing_to_save(visit: Visit) -> None:
    assert await visit.session() is None


async def test_no_code_is_sent_for_when_nobody_could_enter_it(visit: Visit) -> None:
    with pytest.raises(Stop, match=r"asks: a code\. Nobody is there") as stop:
        await visit.must_be_answerable(Factor.SMS, "a code.")
    assert stop.value.outcome is Outcome.MFA_REQUIRED
    with pytest.raises(Stop, match=r"asks: Your code\? Nobody is there") as stop:
        await visit.ask(Challenge("Your code?", Factor.SMS), unanswered=Outcome.MFA_EXPIRED)
    assert stop.value.outcome is Outcome.MFA_EXPIRED
    assert visit.challenged
