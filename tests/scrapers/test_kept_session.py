"""What is kept of a session in the middle of things: a token that has changed, a device that is trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import Request as WebRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

import meterfarm.scrapers.runs.keeping
from meterfarm.mfa.port import Answer, Code, Nobody
from meterfarm.records import Challenge, Factor, Outcome, RunKind
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.runs.authenticator import save_session
from meterfarm.scrapers.runs.keeping import session_kept
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunExecutor, RunRequest, RunResult
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.utility import Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.customers import Customer
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scrapers.trusting import Behind, Posting, Trusting, routes

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Phone(Nobody):
    """Somebody who has the code at hand."""

    def can_answer(self, factor: Factor) -> bool:
        return True

    async def answer(self, challenge: Challenge) -> Answer:
        return Code("123456")


@dataclass(frozen=True)
class World:
    portal: Site
    behind: Behind
    chromium: Chromium
    store: CompanyStore
    evidence: Path

    async def run(
        self, customer: Customer, *, kind: RunKind = RunKind.CONNECT, utility: Utility | None = None
    ) -> RunResult:
        async def password() -> SecretStr:
            return SecretStr("correct horse")

        claim = self.store.runs.begin(customer, kind)
        if claim is None:
            raise AssertionError("nobody else has it")
        held = self.store.holding(claim.lease)
        request = RunRequest(
            utility or Trusting(), self.portal.url, customer.username, password, Phone(), kind=kind
        )
        executor = RunExecutor(request, customer, held, self.chromium, Secrets(), NoProgress(), self.evidence)
        result = await executor.run()
        held.runs.finish(claim.lease, result.outcome, result.message, state=result.state)
        return result

    def saved(self, customer: Customer) -> PortalSession | None:
        kept = self.store.credentials.run_context(customer).session
        return PortalSession.from_bytes(kept.state) if kept else None

    def cookies(self, customer: Customer) -> dict[str, str]:
        saved = self.saved(customer)
        return {one["name"]: one["value"] for one in saved.storage_state["cookies"]} if saved else {}


@pytest.fixture(scope="module")
def behind() -> Behind:
    return Behind()


@pytest.fixture(scope="module")
def portal(behind: Behind) -> Iterator[Site]:
    with local_site(routes(behind)) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    portal: Site, behind: Behind, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    scratch = tmp_path_factory.mktemp("scratch")
    with Store.open(Settings(home=scratch / "home")).of() as store:
        async with Chromium(["127.0.0.1"], scratch) as chromium:
            yield World(portal, behind, chromium, store, scratch / "evidence")


def _customer(world: World, name: str) -> Customer:
    return world.store.customers.ensure("speculoos_power", f"{name}@village.example")


TERMS = HTMLResponse("<h1>New terms</h1>")
SURVEY = HTMLResponse("<h1>A survey</h1>")
DOWN = HTMLResponse("<h1>Oh no</h1>", 503)
INSIDE = HTMLResponse("<h1>Accounts</h1>")


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [(TERMS, Outcome.ACTION_REQUIRED), (SURVEY, Outcome.UNKNOWN_PAGE), (DOWN, Outcome.PORTAL_DOWN)],
    ids=["terms", "survey", "down"],
)
async def test_who_passed_mfa_is_not_asked_again_whatever_came_behind_it(
    world: World, shown: Response, outcome: Outcome
) -> None:
    customer = _customer(world, outcome.value)
    world.behind.shown, world.behind.codes_asked = shown, 0
    world.portal.requested.clear()
    first = await world.run(customer)
    world.behind.shown = INSIDE
    second = await world.run(customer, kind=RunKind.COLLECT)
    assert (first.outcome, second.outcome.who_acts) == (outcome, Outcome.COMPLETE.who_acts)
    assert world.behind.codes_asked == 1


async def test_a_token_that_was_rotated_before_the_first_list_failed_is_kept(world: World) -> None:
    """The stored one is spent: whoever had to answer MFA would have to come back for a portal's blip."""
    customer = _customer(world, "blip")
    world.behind.shown = INSIDE
    await world.run(customer)
    world.behind.shown = HTMLResponse("<h1>Oh no</h1>", 500, {"set-cookie": "token=next"})
    assert (await world.run(customer, kind=RunKind.COLLECT)).outcome is Outcome.PORTAL_DOWN
    assert world.cookies(customer)["token"] == "next"
    saved = world.saved(customer)
    assert saved is not None
    assert saved.signed_in


async def test_a_sign_in_left_half_way_is_not_taken_for_a_session(world: World) -> None:
    """Of its cookies only what outlives the day is kept, and the next run signs in."""
    customer = _customer(world, "half")
    world.behind.shown = TERMS
    await world.run(customer)
    assert world.cookies(customer) == {"device": "known"}
    saved = world.saved(customer)
    assert saved is not None
    assert not saved.signed_in
    world.behind.shown = INSIDE
    world.portal.requested.clear()
    await world.run(customer, kind=RunKind.COLLECT)
    assert world.portal.requested[:2] == ["/login", "/login"]


async def test_a_device_that_leads_to_an_unknown_page_is_forgotten(world: World) -> None:
    customer = _customer(world, "astray")
    world.behind.shown = TERMS
    await world.run(customer)
    with local_site([Route("/login", _nothing_known)]) as other:
        astray = World(other, world.behind, world.chromium, world.store, world.evidence)
        assert (await astray.run(customer)).outcome is Outcome.UNKNOWN_PAGE
    assert world.saved(customer) is None


async def _nothing_known(_: WebRequest) -> Response:
    return HTMLResponse("<h1>Welcome back</h1>")


@pytest.mark.parametrize("with_page", [True, False], ids=["in browser", "without browser"])
async def test_a_token_that_changed_is_saved_before_the_visit_ends(
    world: World, monkeypatch: pytest.MonkeyPatch, with_page: bool
) -> None:
    """What a killed worker leaves is the token that the portal gave last."""
    monkeypatch.setattr(meterfarm.scrapers.runs.keeping, "_EVERY_SECONDS", 0.02)
    customer = _customer(world, f"turn{with_page}")
    session = PortalSession({"cookies": [], "origins": []})
    visit = Visit(Trusting(), world.portal.url, world.chromium, Nobody(), Secrets(), session)
    async with visit, session_kept(visit, world.store, customer, lambda: True):
        if with_page:
            await visit.page.open("/turn")
        for _ in range(2):
            await visit.http.get("/turn")
            await _until_saved(world, customer, str(world.behind.turn))


@pytest.mark.parametrize("with_page", [True, False], ids=["in browser", "without browser"])
async def test_a_session_that_was_saved_is_saved_again_only_when_something_changed(
    world: World, with_page: bool
) -> None:
    """Neither the one that a visit came with nor the one that a sign-in has just saved is asked for again."""
    customer = _customer(world, f"same{with_page}")
    session = PortalSession({"cookies": [], "origins": []})
    visit = Visit(Trusting(), world.portal.url, world.chromium, Nobody(), Secrets(), session)
    async with visit, session_kept(visit, world.store, customer, lambda: False):
        assert await visit.session_mark() == visit.saved_mark
        if with_page:
            await visit.page.open("/turn")
        await visit.http.get("/turn")
        assert await visit.session_mark() != visit.saved_mark
        await save_session(visit, world.store, customer)
        assert await visit.session_mark() == visit.saved_mark
        await visit.http.get("/turn")
        assert await visit.session_mark() != visit.saved_mark


async def test_a_password_that_is_posted_without_a_page_is_written_down_before_like_any(world: World) -> None:
    """Refused, it is not sent again; in doubt, it is sent twice at most."""
    customer, other = _customer(world, "posting"), _customer(world, "doubtful")
    for shown, whom, outcomes in (
        (JSONResponse({"error": "wrong"}, 400), customer, [Outcome.BAD_CREDENTIALS] * 2),
        (DOWN, other, [Outcome.PORTAL_DOWN, Outcome.PORTAL_DOWN, Outcome.ACTION_REQUIRED]),
    ):
        world.behind.shown = shown
        world.portal.requested.clear()
        assert [(await world.run(whom, utility=Posting())).outcome for _ in outcomes] == outcomes
        assert world.portal.requested.count("/session") == len(outcomes) - 1
    world.behind.shown = JSONResponse({})
    assert (await world.run(_customer(world, "posted"), utility=Posting())).outcome is Outcome.COMPLETE


async def _until_saved(world: World, customer: Customer, token: str) -> None:
    async with asyncio.timeout(10):
        while world.cookies(customer).get("token") != token:  # noqa: ASYNC110 - the database sets no event of ours
            await asyncio.sleep(0.01)
