"""What follows a press in the real Chromium: signs in place, answers, navigations, the browser's refusal."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from meterfarm.mfa.port import Nobody
from meterfarm.records import Challenge, Factor, Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import Timeouts
from meterfarm.scrapers.outcomes import Sign, Stop
from meterfarm.scrapers.page.sending import AT_ONCE, Sending
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.redact import Secrets
from tests.local_site import Site, local_site
from tests.scale import at_full_scale
from tests.scrapers.answering import CODE, FORM, INSIDE, SHOWN, Corner, CornerThatSignsOut, Counter, routes
from tests.scrapers.raw_page import opened
from tests.storage.ready_home import ready_home

pytestmark = pytest.mark.asyncio(loop_scope="module")
RIGHT, WRONG = "right password", "wrong password"
_OF_EACH_KIND = ("dialog", "shadow", "spoken", "toast", "another_address")
"""How a page shows an error; with ``FARM_SCALE=1`` all the others, too."""
SOON = 20.0
"""Seconds, on a machine that has other work: what waits for a navigation that never comes takes 30."""


@dataclass(frozen=True)
class World:
    portal: Site
    counter: Counter
    chromium: Chromium

    def visit(self, portal: Corner | None = None) -> Visit:
        return Visit(portal or Corner(), self.portal.url, self.chromium, Nobody(), Secrets())


@pytest.fixture(scope="module")
def portal() -> Iterator[tuple[Site, Counter]]:
    counter = Counter()
    with local_site(routes(counter)) as site:
        yield site, counter


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    portal: tuple[Site, Counter], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with Chromium(["127.0.0.1"], tmp_path_factory.mktemp("scratch")) as chromium:
        yield World(*portal, chromium)
    for hung in portal[1].hung:
        hung.set()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(world: World) -> AsyncIterator[Visit]:
    world.counter.posted.clear()
    async with world.visit() as visit:
        yield visit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CompanyStore]:
    ready_home(tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")).of() as store:
        yield store


@pytest.fixture
def sends(store: CompanyStore, visit: Visit) -> Callable[[], int]:
    """The visit's sign-in is watched; how many sendings of the password are in doubt."""
    customer = store.customers.ensure("corner_gas", "me@example.com")
    visit.page.sending = Sending(store, "Corner Gas", customer, WRONG, AT_ONCE)

    def count() -> int:
        doubt = store.logins.unconfirmed(customer, WRONG)
        return doubt.sends if doubt is not None else 0

    return count


async def sign_in(
    visit: Visit,
    path: str,
    password: str = WRONG,
    username: str = "me@example.com",
    more: Sequence[Sign] = (),
) -> Sign:
    """As a script does it, which knows nothing of what follows a press."""
    await visit.page.open(path)
    await visit.page.arrive(FORM)
    await visit.page.fill(visit.page.label("User name"), username, secret=False)
    await visit.page.fill(visit.page.label("Password"), password)
    await visit.page.press(visit.page.button("Sign in"))
    return await visit.page.arrive(INSIDE, CODE, *more)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/shows/{name}" for name in _OF_EACH_KIND),
        "/plain",
        *at_full_scale(
            *(f"/shows/{name}" for name in SHOWN if name not in _OF_EACH_KIND), "/hash", "/slow-button"
        ),
    ],
)
async def test_a_rejection_is_what_the_page_says_at_once_however_it_says_it(
    visit: Visit, world: World, path: str
) -> None:
    began = time.monotonic()
    with pytest.raises(Stop, match="says: “The user name or password is wrong”") as stop:
        await sign_in(visit, path)
    assert stop.value.outcome is Outcome.BAD_CREDENTIALS
    assert time.monotonic() - began < SOON
    assert world.counter.posted == [WRONG]


@pytest.mark.parametrize(
    "path",
    [
        "/in-place?status=500",
        "/plain?late=1.5",
        "/late-submit",
        *at_full_scale("/in-place?late=1.5", "/crunches"),
    ],
)
async def test_a_sign_counts_whatever_the_status_and_however_late(visit: Visit, path: str) -> None:
    if "500" in path:
        path = path.replace("in-place", "plain")
    with pytest.raises(Stop) as stop:
        await sign_in(visit, path)
    assert stop.value.outcome is Outcome.BAD_CREDENTIALS


async def test_a_rejection_is_heard_on_a_page_that_never_loads_to_its_end(visit: Visit) -> None:
    visit.clock.timeouts = Timeouts(navigation=2.5)
    with pytest.raises(Stop) as stop:
        await sign_in(visit, "/plain?loads=1")
    assert stop.value.outcome is Outcome.BAD_CREDENTIALS


async def test_a_rejection_that_comes_up_on_the_sign_in_page_shown_anew_is_heard(world: World) -> None:
    async with world.visit(CornerThatSignsOut()) as visit:
        with pytest.raises(Stop) as stop:
            await sign_in(visit, "/plain?redraws=1")
    assert stop.value.outcome is Outcome.BAD_CREDENTIALS


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/in-place?wait=1500", INSIDE),
        ("/in-place?late=1&code=1", CODE),
        ("/hash", INSIDE),
        ("/beacon", INSIDE),
        ("/slow-button", INSIDE),
        ("/hidden-required-sent", INSIDE),
        ("/stale-crunches", INSIDE),
        ("/other-form", INSIDE),
        *at_full_scale(
            ("/in-place", INSIDE),
            ("/in-place?code=1", CODE),
            ("/crunches", INSIDE),
            ("/stale", INSIDE),
            ("/stale?late=1.5", INSIDE),
        ),
    ],
)
async def test_who_is_let_in_arrives(visit: Visit, world: World, path: str, found: Sign) -> None:
    assert await sign_in(visit, path, RIGHT) is found
    assert world.counter.posted == [RIGHT]


async def test_pages_that_post_themselves_on_are_passed_every_time(visit: Visit) -> None:
    for _ in range(5):
        page = await opened(visit, "/hop/0")
        assert await visit.page.arrive(INSIDE) is INSIDE
        await page.goto("about:blank")


async def test_a_page_that_waits_for_its_scripts_is_not_yet_what_it_will_be(visit: Visit) -> None:
    """It leads on by a script of its own, which comes later than a page at rest is given."""
    assert await sign_in(visit, "/in-place-confirmed", RIGHT) is INSIDE


async def test_a_sign_in_that_posts_itself_on_arrives(visit: Visit) -> None:
    assert await sign_in(visit, "/plain?hops=1", RIGHT) is INSIDE


@pytest.mark.parametrize(
    ("status", "outcome", "more"),
    [
        (503, Outcome.PORTAL_DOWN, []),
        (503, Outcome.PORTAL_DOWN, [FORM]),
        (429, Outcome.RATE_LIMITED, [FORM]),
        (403, Outcome.BLOCKED, []),
        (400, Outcome.UNKNOWN_PAGE, []),
    ],
)
async def test_an_answer_in_place_without_a_sign_is_judged_by_its_status(
    visit: Visit, status: int, outcome: Outcome, more: Sequence[Sign]
) -> None:
    visit.clock.timeouts = Timeouts(in_place=0.5)
    with pytest.raises(Stop) as stop:
        await sign_in(visit, f"/in-place?status={status}", more=more)
    assert stop.value.outcome is outcome


async def test_a_page_that_stays_as_it_was_is_what_it_was(visit: Visit) -> None:
    visit.clock.timeouts = Timeouts(in_place=0.5)
    assert await sign_in(visit, "/in-place?status=400", more=[FORM]) is FORM


@pytest.mark.parametrize("path", ["/window", "/frame"])
async def test_a_rejection_in_a_window_that_was_opened_or_in_a_frame_is_heard(
    visit: Visit, path: str
) -> None:
    visit.clock.timeouts = Timeouts(in_place=0.5)
    with pytest.raises(Stop) as stop:
        await sign_in(visit, path)
    assert stop.value.outcome is Outcome.BAD_CREDENTIALS


async def test_a_press_that_brings_no_document_leaves_the_page_as_it_was(visit: Visit, world: World) -> None:
    visit.clock.timeouts = Timeouts(in_place=0.5)
    with pytest.raises(Stop, match="does not know") as stop:
        await sign_in(visit, "/plain?status=204")
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE
    assert world.counter.posted == [WRONG]


async def test_an_unknown_page_behind_a_redirect_is_called_so_at_once(visit: Visit) -> None:
    began = time.monotonic()
    with pytest.raises(Stop, match="at /survey") as stop:
        await sign_in(visit, "/plain?redirects=1", RIGHT)
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("path", ["/in-place?hangs=1", "/plain?hangs=1", *at_full_scale("/stale?hangs=1")])
async def test_what_is_not_answered_is_an_outage(visit: Visit, path: str) -> None:
    visit.clock.timeouts = Timeouts(navigation=1.5)
    with pytest.raises(Stop, match="did not answer in time while pressing “Sign in”") as stop:
        await sign_in(visit, path)
    assert stop.value.outcome is Outcome.PORTAL_DOWN


async def test_a_press_that_sends_nothing_is_a_changed_layout(visit: Visit, world: World) -> None:
    visit.clock.timeouts = Timeouts(navigation=1.5)
    with pytest.raises(Stop, match="sent nothing; the script needs mending") as stop:
        await sign_in(visit, "/dead")
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED
    assert not world.counter.posted


@pytest.mark.parametrize(
    ("path", "username", "says"),
    [
        ("/email", "name@host.", "“User name”: “'.' is used at a wrong position in 'host.'”"),
        (
            "/email-plain",
            "zoë@example.com",
            "“User name”: “A part followed by '@' should not contain the symbol 'ë'”",
        ),
        ("/email-and-post", "name@host.", "“User name”: “'.' is used at a wrong position in 'host.'”"),
        ("/checked-by-script", "name", "“User name”: “Please include an '@'"),
        ("/long", "me@example.com", "“Password”: “Please lengthen this text to 40 characters or more”"),
        ("/own-password-rule", "me@example.com", "“Password”. Nothing reached the portal"),
        ("/terms", "me@example.com", "“I accept the terms”: “Please check this box"),
        *at_full_scale(
            ("/email-and-beacon", "name@host.", "“User name”: “'.' is used at a wrong position in 'host.'”"),
            ("/email-and-get", "name@host.", "“User name”: “'.' is used at a wrong position in 'host.'”"),
            ("/pattern", "me@example.com", "“User name”: “Please match the requested format"),
            ("/own-rule", "me@example.com", "“User name”: “No account has that name”"),
        ),
    ],
)
async def test_a_form_that_the_browser_refuses_is_the_customers_to_correct(
    visit: Visit, world: World, path: str, username: str, says: str
) -> None:
    began = time.monotonic()
    with pytest.raises(Stop) as stop:
        await sign_in(visit, path, username=username)
    assert says in stop.value.message
    assert stop.value.outcome is Outcome.ACTION_REQUIRED
    assert WRONG not in stop.value.message
    assert str(len(WRONG)) not in stop.value.message
    assert not world.counter.posted
    assert time.monotonic() - began < SOON


async def test_a_refused_form_whose_page_declares_what_that_means_ends_so(visit: Visit, world: World) -> None:
    with pytest.raises(Stop) as stop:
        await sign_in(visit, "/declares-invalid", username="name@host.")
    assert stop.value.outcome is Outcome.BAD_CREDENTIALS
    assert not world.counter.posted


async def test_a_field_that_the_script_does_not_know_is_not_the_customers_fault(visit: Visit) -> None:
    with pytest.raises(Stop, match="it wants “token”, which its script does not fill in") as stop:
        await sign_in(visit, "/hidden-required")
    assert stop.value.outcome is Outcome.LAYOUT_CHANGED


async def test_a_sign_that_stood_there_before_is_no_answer_to_what_comes_later(
    visit: Visit, world: World
) -> None:
    """The page shows an error of its own while the password is typed; the portal lets the customer in."""
    assert await sign_in(visit, "/stale?late=2", RIGHT) is INSIDE
    assert world.counter.posted == [RIGHT]


async def test_one_sign_in_sends_the_password_once_however_the_script_goes_on(
    visit: Visit, world: World, sends: Callable[[], int]
) -> None:
    visit.clock.timeouts = Timeouts(in_place=0.5)
    assert await sign_in(visit, "/in-place?status=400", more=[FORM]) is FORM
    assert sends() == 1
    page = visit.tab.shown
    assert page is not None
    with pytest.raises(Stop, match="wants the password again"):
        await visit.page.press(visit.page.button("Sign in"))
    with pytest.raises(Stop, match="wants the password again") as stop:
        await sign_in(visit, "/in-place", more=[FORM])
    assert stop.value.outcome is Outcome.UNKNOWN_PAGE
    assert world.counter.posted == [WRONG]
    assert sends() == 1


@pytest.mark.parametrize(("path", "username"), [("/email", "name@host."), ("/dead", "me@example.com")])
async def test_what_was_never_sent_is_not_counted(
    visit: Visit, sends: Callable[[], int], path: str, username: str
) -> None:
    visit.clock.timeouts = Timeouts(navigation=2)
    with pytest.raises(Stop):
        await sign_in(visit, path, username=username)
    assert sends() == 0


async def test_a_portal_that_goes_on_to_mfa_took_the_password(
    visit: Visit, world: World, sends: Callable[[], int]
) -> None:
    assert await sign_in(visit, "/in-place?code=1&status=200") is CODE
    assert sends() == 1
    with pytest.raises(Stop):
        await visit.ask(Challenge("Your code?", Factor.SMS))
    assert sends() == 0


async def test_what_a_page_declares_before_anything_was_sent_is_no_word_on_the_password(
    visit: Visit, store: CompanyStore, sends: Callable[[], int]
) -> None:
    """Such as that an account is locked, which the portal knows by a cookie; the password may be right."""
    customer, sending = store.customers.ensure("corner_gas", "me@example.com"), visit.page.sending
    assert isinstance(sending, Sending)
    declared = Stop(Outcome.ACCOUNT_LOCKED, "It says so.")
    await visit.page.open("/in-place")
    await sending.stopped(declared, str)
    assert store.logins.rejection(customer, WRONG) is None
    with pytest.raises(Stop):
        await sign_in(visit, "/in-place")
    await sending.stopped(declared, str)
    assert store.logins.rejection(customer, WRONG) is not None
    assert sends() == 0
