"""The onboarding form in a company's own page, which is of another origin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meterfarm.records import Outcome
from meterfarm.storage.customers import CompanyBrand, Customer
from meterfarm.storage.runs import Claim, FollowUp
from tests.api.server import ApiServer, served
from tests.console.asked import SMS, UTILITY, WAIT
from tests.local_site import local_site
from tests.storage.made import claimed

_PAGE = """<!doctype html><title>Acme</title><script src="{api}/v1"></script><h1>Acme</h1>
<div id="form"></div><script>window.got = [];
window.load = (...given) => Meterfarm.loadOnboardingForm(...given, (event) => got.push(event));</script>"""
_FILLED = "customerHasAuthenticated"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with served(tmp_path_factory.mktemp("component") / "home") as server:
        yield server


@pytest.fixture(scope="module")
def acme(api: ApiServer) -> Iterator[str]:
    """The company's page, of an origin that it allows."""
    with local_site([_page_of(api)]) as site:
        api.farm.companies.set_brand(api.store.company_id, CompanyBrand(origins=(site.url,)))
        yield site.url


def _page_of(api: ApiServer) -> Route:
    def page(_request: Any) -> Response:
        return HTMLResponse(_PAGE.format(api=api.url))

    return Route("/", page)


def _customer(api: ApiServer) -> tuple[Customer, str]:
    made = api.client.post("/api/v2/customers", json={"utility": UTILITY}).json()
    customer = api.store.customers.by_id(made["id"])
    assert customer is not None
    return customer, made["onboarding_token"]


def _loaded(page: Page, api: ApiServer, at: str, token: str) -> Any:
    """The form's frame."""
    page.goto(at)
    page.evaluate(
        "([id, token]) => load(document.getElementById('form'), id, token)", [api.store.company_id, token]
    )
    return page.frame_locator("#form iframe")


def _given(form: Any, name: str) -> None:
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="Continue").click()
    _login(form, name)


def _login(form: Any, name: str) -> None:
    form.get_by_label("User name or e-mail").fill(f"{name}@bayou.energy")
    form.get_by_label("Password", exact=True).fill("a password")
    form.get_by_role("button", name="Connect").click()
    expect(form.get_by_role("heading", level=1)).to_have_text("Connecting to Speculoos Power")


def _taken(api: ApiServer, customer: Customer) -> Claim:
    """The run that is queued of the customer, as a worker takes it."""
    run = api.store.runs.list(customer_id=customer.id, active=True)[0]
    claim = claimed(api.store, run.id, 1)
    assert claim is not None
    return claim


def _ended(api: ApiServer, claim: Claim, outcome: Outcome) -> None:
    message = "Signed in." if outcome is Outcome.COMPLETE else "The portal refused it."
    follow = FollowUp(is_back=True)
    if outcome is not Outcome.COMPLETE:
        follow = FollowUp(must_reauthenticate=f"{outcome}: {message}")
    api.store.runs.finish(claim.lease, outcome, message, follow=follow)


def test_the_page_gets_each_event_once_until_the_customer_is_connected(
    page: Page, api: ApiServer, acme: str
) -> None:
    customer, token = _customer(api)
    form = _loaded(page, api, acme, token)
    _given(form, "ann")
    _ended(api, _taken(api, customer), Outcome.BAD_CREDENTIALS)
    expect(form.get_by_role("alert")).to_contain_text("did not accept this login")
    page.wait_for_function("got.length === 1")
    _login(form, "ann")
    claim = _taken(api, customer)
    first = api.store.challenges.open(claim.lease, SMS, WAIT)
    form.get_by_label("Code").fill("9999")
    form.get_by_role("button", name="Continue").click()
    expect(form.get_by_role("heading", level=1)).to_have_text("Connecting to Speculoos Power")
    assert api.store.challenges.take_answer(claim.lease, first) is not None
    second = api.store.challenges.open(claim.lease, SMS.asked_again("That is not the code."), WAIT)
    expect(form.get_by_role("alert")).to_contain_text("That is not the code.")
    form.get_by_label("Code").fill("1234")
    form.get_by_role("button", name="Continue").click()
    expect(form.get_by_role("heading", level=1)).to_have_text("Connecting to Speculoos Power")
    assert api.store.challenges.take_answer(claim.lease, second) is not None
    _ended(api, claim, Outcome.COMPLETE)
    expect(form.get_by_role("heading", level=1)).to_have_text("You are connected")
    page.wait_for_function("got.length >= 4")
    assert page.evaluate("got.map(event => event.type)") == [
        "customerEnteredInvalidCredentials",
        "customerEnteredInvalidMFAChallenge",
        _FILLED,
        "bayouCustomerFinishedOnboarding",
    ]
    height = page.locator("#form iframe").evaluate("frame => frame.getBoundingClientRect().height")
    assert height == form.locator("html").evaluate("page => page.offsetHeight")


def test_a_sign_in_is_an_event_once_in_a_browser(
    page: Page, browser: Browser, api: ApiServer, acme: str
) -> None:
    """Whoever came back after it gets it then, and may look at the end again without being sent on."""
    customer, token = _customer(api)
    _given(_loaded(page, api, acme, token), "once")
    page.goto("about:blank")
    _ended(api, _taken(api, customer), Outcome.COMPLETE)
    with browser.new_context() as elsewhere:
        for opened, events in ((page, 2), (page, 0), (elsewhere.new_page(), 2)):
            form = _loaded(opened, api, acme, token)
            expect(form.get_by_role("heading", level=1)).to_have_text("You are connected")
            opened.wait_for_function("document.querySelector('iframe').style.height !== '40rem'")
            assert opened.evaluate("got.length") == events, "its height comes after what is an event"


def test_an_origin_that_is_not_allowed_gets_nothing(page: Page, api: ApiServer, acme: str) -> None:
    _, token = _customer(api)
    with local_site([_page_of(api)], "127.0.0.2") as site:
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(site.url)
        page.evaluate("window.heard = []; addEventListener('message', (event) => heard.push(event.data))")
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.evaluate(
                "([id, token]) => load(document.getElementById('form'), id, token)",
                [api.store.company_id, token],
            )
        page.wait_for_function("document.querySelector('iframe').contentDocument === null")
        assert page.evaluate("[...got, ...heard]") == []
        lied = api.client.get(
            f"/companies/{api.store.company_id}/sign_up", params={"key": token, "origin": site.url}
        )
    assert (lied.status_code, 'data-parent=""' in lied.text) == (200, True)
    assert lied.headers["content-security-policy"].endswith(f"frame-ancestors {acme}")


def test_messages_of_others_are_not_believed(page: Page, api: ApiServer, acme: str) -> None:
    _, token = _customer(api)
    form = _loaded(page, api, acme, token)
    expect(form.get_by_role("checkbox")).to_be_visible()
    forged = {"from": "meterfarm", "event": _FILLED, "id": "forged"}
    page.evaluate(
        """async (forged) => {
            const frame = document.body.appendChild(document.createElement("iframe"));
            frame.srcdoc = `<script>parent.postMessage(${JSON.stringify(forged)}, "*")</script>`;
            const isForged = (event) => event.data.id === "forged";
            await new Promise((done) => addEventListener("message", (event) => isForged(event) && done()));
            postMessage(forged, "*");
            await new Promise((done) => addEventListener("message", done));
        }""",
        forged,
    )
    assert page.evaluate("got") == []


def test_each_wrong_argument_is_an_error_of_its_own(page: Page, api: ApiServer, acme: str) -> None:
    page.goto(acme)
    good = "'1_2_3'"
    wrong = {
        f"null, 1, {good}": "InvalidElementError",
        f"'form', 1, {good}": "InvalidElementError",
        f"div, null, {good}": "CompanyIdMissingError",
        f"div, undefined, {good}": "CompanyIdMissingError",
        f"div, 'acme', {good}": "CompanyIdNotAnInteger",
        f"div, 1.5, {good}": "CompanyIdNotAnInteger",
        f"div, [1], {good}": "CompanyIdNotAnInteger",
        "div, '1', undefined": "OnboardingTokenMissingError",
        "div, '1', ''": "OnboardingTokenMissingError",
        "div, '1', 7": "InvalidOnboardingTokenError",
        "div, '1', 'https://x.example/companies/1/sign_up?key=1_2_3'": "InvalidOnboardingTokenError",
        "div, '1', 'nonsense'": "InvalidOnboardingTokenFormatError",
        "div, '1', '1_2'": "InvalidOnboardingTokenFormatError",
    }
    thrown = page.evaluate(
        """(calls) => calls.map((call) => {
            const div = document.getElementById("form");
            try { new Function("div", `Bayou.loadOnboardingForm(${call}, () => {})`)(div); return "nothing"; }
            catch (error) { return error.name; }
        })""",
        list(wrong),
    )
    assert dict(zip(wrong, thrown, strict=True)) == wrong
    assert page.locator("iframe").count() == 0
    assert page.evaluate("Bayou === Meterfarm")
