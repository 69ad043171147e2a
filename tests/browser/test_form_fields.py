"""The form's fields and what it announces, with JavaScript and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from meterfarm.records import Outcome
from tests.api.server import served
from tests.browser.form_states import REFUSED, TOTP, FormStates
from tests.console.asked import CHOICE, SMS, WAIT

PASTE = """(text) => {
  const data = new DataTransfer();
  data.setData("text", text);
  const options = { clipboardData: data, bubbles: true, cancelable: true };
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
}"""


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FormStates]:
    with served(tmp_path_factory.mktemp("fields") / "home") as server:
        yield FormStates(server)


def test_a_password_is_shown_only_while_it_is_wanted(page: Page, states: FormStates) -> None:
    page.goto(states.link(states.chosen()))
    password = page.get_by_label("Password", exact=True)
    password.fill("a password")
    show = page.get_by_role("button", name="Show password")
    expect(password).to_have_attribute("type", "password")
    show.click()
    expect(password).to_have_attribute("type", "text")
    expect(show).to_have_attribute("aria-pressed", "true")
    show.click()
    expect(password).to_have_attribute("type", "password")
    expect(password).to_have_value("a password")


def test_a_code_is_one_field_that_takes_a_pasted_message(page: Page, states: FormStates) -> None:
    """Its boxes are drawn: as many as the portal has digits, for eyes alone."""
    page.goto(states.link(states.asked(TOTP)))
    code = page.get_by_role("textbox")
    expect(code).to_have_count(1)
    expect(code).to_have_attribute("autocomplete", "one-time-code")
    boxes = page.locator(".boxes[aria-hidden=true] > span")
    expect(boxes).to_have_count(6)
    code.press_sequentially("12 3")
    expect(code).to_have_value("123")
    expect(boxes).to_have_text(["1", "2", "3", "", "", ""])
    page.evaluate(PASTE, "Your code is 123-456. It is good for 10 minutes.")
    expect(code).to_have_value("123456")
    expect(boxes).to_have_text(list("123456"))
    page.evaluate(PASTE, "Call 1-800-555-0199. 2026 is not it; G-482 913 is your code.")
    expect(code).to_have_value("482913")
    code.fill("")
    code.press_sequentially("G-123456")
    expect(code).to_have_value("123456")
    boxes.nth(1).click(force=True)
    page.keyboard.type("9")
    expect(code).to_have_value("193456")
    page.evaluate("document.querySelector('.code').value = ''")
    code.press_sequentially("12345678")
    expect(boxes).to_have_count(8)


def test_a_code_may_have_letters_where_the_portal_says_so(page: Page, states: FormStates) -> None:
    asked = replace(SMS, prompt="Enter the 8-character code.")
    page.goto(states.link(states.asked(asked)))
    code = page.get_by_role("textbox")
    expect(page.locator(".boxes > span")).to_have_count(8)
    code.press_sequentially("k7F3-99")
    expect(code).to_have_value("k7F399")
    page.evaluate(PASTE, "Acme Energy: your code is K7F3-99QX. It is good for 10 minutes.")
    expect(code).to_have_value("K7F399QX")


def test_another_code_can_be_wanted_after_a_while(page: Page, states: FormStates) -> None:
    page.clock.install()
    page.goto(states.link(states.asked(SMS)))
    another = page.get_by_role("button", name="Send another code")
    expect(another).to_be_disabled()
    expect(another).to_have_text(re.compile(r"Send another code in \d+ s"))
    expect(page.locator("#left")).to_have_text("10 minutes left")
    page.clock.run_for(31_000)
    expect(another).to_be_enabled()
    expect(another).to_have_text("Send another code")
    page.clock.run_for(9 * 60_000)
    expect(page.locator("#left")).to_have_text(re.compile(r"\d\d seconds left"))


def test_the_focus_goes_where_something_is_wanted(page: Page, states: FormStates) -> None:
    """Of a sign-in that goes on, what is done now is announced, and the focus stays."""
    customer = states.queued()
    page.goto(states.link(customer))
    expect(page.get_by_role("listitem").filter(has_text="Getting ready")).to_have_attribute(
        "aria-current", "step"
    )
    claim = states.take(customer)
    expect(page.get_by_role("status")).to_have_text("Signing in at Speculoos Power")
    number = states.store.challenges.open(claim.lease, SMS, WAIT)
    code = page.get_by_label("Your code")
    expect(code).to_be_focused()
    expect(code).to_have_accessible_description(re.compile(re.escape(SMS.prompt)))
    code.fill("1234")
    code.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Connecting to Speculoos Power")
    assert states.store.challenges.take_answer(claim.lease, number) is not None
    states.end(claim, Outcome.BAD_CREDENTIALS, REFUSED)
    refused = page.get_by_role("heading", name="Speculoos Power did not accept this login")
    expect(refused).to_be_focused()
    quoted = page.get_by_role("blockquote")
    expect(quoted).to_have_text("“The e-mail address or password you entered is incorrect”")
    expect(page.get_by_text("Give another one")).to_have_count(0)


def test_while_somebody_types_the_search_finds(page: Page, states: FormStates) -> None:
    page.goto(states.link(states.agreed()))
    page.get_by_label("Name of your utility").press_sequentially("specul")
    expect(page.get_by_role("status")).to_have_text(re.compile("found for “specul”"))
    page.get_by_role("button", name="Speculoos Power").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Speculoos Power")


def test_a_choice_is_made_by_keyboard(page: Page, states: FormStates) -> None:
    customer = states.asked(CHOICE)
    page.goto(states.link(customer))
    page.get_by_role("radio", name="Text message").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="E-mail")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="Checking your answer")).to_be_visible()


def test_without_javascript_the_form_goes_on_by_itself(browser: Browser, states: FormStates) -> None:
    context = browser.new_context(java_script_enabled=False, reduced_motion="reduce")
    page = context.new_page()
    customer = states.new()
    page.goto(states.link(customer))
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Agree and continue").click()
    page.get_by_role("button", name="Speculoos Power").click()
    page.get_by_label("User name or e-mail").fill("nojs@bayou.energy")
    page.get_by_label("Password").fill("a password")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connecting to Speculoos Power")
    claim = states.take(customer)
    number = states.store.challenges.open(claim.lease, SMS, WAIT)
    page.get_by_label("Your code").fill("1234", timeout=20_000)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Checking your answer")).to_be_visible()
    assert states.store.challenges.take_answer(claim.lease, number) is not None
    states.end(claim, Outcome.COMPLETE, "Signed in.")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are connected", timeout=20_000)
    context.close()
