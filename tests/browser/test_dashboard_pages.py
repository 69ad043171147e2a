"""The dashboard's pages in a browser: no serious violation, and a plot for mouse and keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyotp
import pytest
from playwright.sync_api import Browser, Dialog, Page, expect
from pydantic import SecretStr

from meterfarm.farm.mail.message import composed
from meterfarm.farm.settings import FarmSettings
from meterfarm.services.troubles import post_trouble
from meterfarm.services.users import add_user, choose_password
from meterfarm.storage.customers import Role
from tests.api.server import ApiServer, served
from tests.browser.accessible import DESK, violations
from tests.services.printed import PDF
from tests.storage.made import UTILITY
from tests.web.colleague import PASSWORD
from tests.web.shown_customer import DAYS, ShownCustomer, shown_customer

OWNER, INVITED = "ada@acme.example", "bea@acme.example"
SETTINGS_OF_FARM = FarmSettings(
    smtp_url=SecretStr("smtp+plain://127.0.0.1:9"),
    mail_from="noreply@farm.example",
    open_sign_up=True,
    webhooks_private=True,
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A page of an owner who is signed in and an operator, and a customer. ``link`` leads to a password."""

    page: Page
    ada: ShownCustomer
    url: str
    link: str

    def go(self, below: str = "") -> Page:
        """A page of the customer."""
        return self.at(f"{self.ada.path}{below}")

    def at(self, path: str) -> Page:
        """A page of the dashboard."""
        self.page.goto(f"{self.url}/dashboard{path}")
        return self.page


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[SignedIn]:
    with served(tmp_path_factory.mktemp("dashboard") / "home", SETTINGS_OF_FARM) as api:
        ada = shown_customer(api.store)
        context = browser.new_context()
        page = context.new_page()
        yield SignedIn(page, ada, api.url, _signed_in(page, api))
        context.close()


def _signed_in(page: Page, api: ApiServer) -> str:
    """The link of somebody who is invited."""
    company = api.farm.companies.find("default")
    _, link = add_user(api.farm, company, OWNER, Role.OWNER, is_operator=True)
    choose_password(api.farm, link, PASSWORD)
    post_trouble(api.farm, UTILITY, "Its bills come a day late.", OWNER, None, None)
    _sign_in(page, api.url)
    page.wait_for_url("**/customers")
    return add_user(api.farm, company, INVITED, Role.READER)[1]


def _sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/dashboard/sign_in")
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


CUSTOMERS = (
    "",
    "/bills/{open}",
    "/bills/{locked}",
    "/intervals",
    "/intervals/table",
    "/runs",
    "/runs/{run}",
    "/remove",
)
SIDES = (
    "/live/customers",
    "/test/customers",
    "/test/customers/new",
    "/test/utilities",
    "/test/utilities?q=pacific+power",
)
SETTINGS = ("", "/users", "/keys", "/webhooks", "/statement")
OUTSIDE = ("/sign_in", "/sign_up", "/forgot", "/password?link={link}", "/password?link=none")


@pytest.mark.parametrize("below", CUSTOMERS)
def test_no_page_of_a_customer_has_a_serious_violation(seen: SignedIn, below: str) -> None:
    ada = seen.ada
    page = seen.go(below.format(open=ada.open_bill, locked=ada.locked_bill, run=ada.run))
    assert violations(page) == []


@pytest.mark.parametrize(
    "path", [*SIDES, *(f"/test/settings{each}" for each in SETTINGS), *OUTSIDE, "/account"]
)
def test_no_other_page_has_one(seen: SignedIn, path: str) -> None:
    assert violations(seen.at(path.format(link=seen.link))) == []


def test_no_text_of_others_becomes_a_part_of_a_page(seen: SignedIn) -> None:
    page = seen.page
    alerts: list[str] = []

    def refuse(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    for below in ("", f"/bills/{seen.ada.open_bill}", "/intervals", f"/runs/{seen.ada.run}"):
        assert seen.go(below).locator("img:not(.paper img)").count() == 0
    assert alerts == []


def test_the_plot_goes_from_all_to_a_day_and_back(seen: SignedIn) -> None:
    page = seen.page
    page.set_viewport_size({"width": DESK, "height": 900})
    seen.go("/intervals")
    says, title = page.locator("#plot-says"), page.locator("#plot-title")
    expect(title).to_have_text(re.compile("kWh a day"))
    plot = page.locator("#plot-frame")
    plot.focus()
    page.keyboard.press("Home")
    expect(says).to_have_text(re.compile("^Sat,? 7 Mar 2026: 24 kWh$"))
    page.keyboard.press("ArrowRight")
    expect(says).to_have_text(re.compile("^Sun,? 8 Mar 2026: 23 kWh$"))
    page.keyboard.press("Enter")
    expect(title).to_have_text(re.compile("kWh a reading, 8 Mar 2026$"))
    page.keyboard.press("End")
    expect(says).to_have_text(re.compile("^Sun,? 8 Mar 2026, 23:45 to 00:00: 0.25 kWh$"))
    page.keyboard.press("Escape")
    expect(title).to_have_text(re.compile("kWh an hour"))
    page.get_by_role("button", name="All").click()
    expect(says).to_contain_text(f"In all {24 * DAYS:,} kWh")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 50)
    expect(title).to_have_text(re.compile("kWh a reading"))
    page.get_by_role("link", name="As a table").click()
    expect(page.get_by_role("row")).to_have_count(97)


def _new_key(seen: SignedIn) -> None:
    seen.at("/test/settings/keys").get_by_role("button", name="Create a key").click()
    seen.page.get_by_role("link", name="I have kept it").click()
    seen.page.get_by_role("button", name="Rotate").first.click()


def _new_endpoint(seen: SignedIn) -> None:
    seen.at("/test/settings/webhooks").get_by_label("Address").fill(f"{seen.url}/nobody")
    seen.page.get_by_role("button", name="Add").click()


def _tried_endpoint(seen: SignedIn) -> None:
    seen.at("/test/settings/webhooks").get_by_role("link", name="/nobody").click()
    seen.page.get_by_role("button", name="Send a test").click()


def _uploaded(seen: SignedIn) -> None:
    page = seen.at("/test/uploads")
    files = [{"name": name, "mimeType": "application/pdf", "buffer": content} for name, content in _FILES]
    page.get_by_label("Choose PDFs").set_input_files(files)  # type: ignore[arg-type]
    expect(page.locator(".given .badge")).to_have_count(2)


_FILES = (("january.pdf", PDF), ("torn.pdf", PDF[:400]))


def _refused_password(seen: SignedIn) -> None:
    page = seen.at("/account")
    page.get_by_label("Present password").fill("not this one")
    page.get_by_label("New password").fill("a phrase of some words")
    page.get_by_role("button", name="Change the password").click()


def _mail_on_its_way(seen: SignedIn) -> None:
    seen.at("/forgot").get_by_label("E-mail address").fill("nobody@acme.example")
    seen.page.get_by_role("button", name="Send the link").click()


def _factor(seen: SignedIn) -> None:
    seen.at("/account").get_by_role("link", name="Turn it on").click()


def _recovery_codes(seen: SignedIn) -> None:
    seen.page.get_by_label("The code").fill(pyotp.TOTP(seen.page.locator(".secret").inner_text()).now())
    seen.page.get_by_role("button", name="Turn it on").click()


def _asked_for_a_code(seen: SignedIn) -> None:
    """In a browser that is signed in, too: the password alone opens nothing there."""
    _sign_in(seen.page, seen.url)


def _mail(seen: SignedIn) -> None:
    seen.page.goto("about:blank")
    mail = composed(
        OWNER, "Your account", ["You are invited."], button=("Create my account", f"{seen.url}/x")
    )
    seen.page.set_content(mail.html)


STEPS: tuple[tuple[Callable[[SignedIn], None], str], ...] = (
    (_new_key, "The new key"),
    (_new_endpoint, "The endpoint is added"),
    (_tried_endpoint, "was not delivered"),
    (_uploaded, "It is read"),
    (_refused_password, "not your present password"),
    (_mail_on_its_way, "is on its way"),
    (_mail, "You are invited"),
    (_factor, "Scan this"),
    (_recovery_codes, "Keep these codes"),
    (_asked_for_a_code, "Enter a code"),
)


def test_nor_what_an_answer_shows(seen: SignedIn) -> None:
    """What is there only after something was done. The last step signs the browser out."""
    for step, words in STEPS:
        step(seen)
        expect(seen.page.get_by_text(words).first).to_be_visible()
        assert (step.__name__, violations(seen.page)) == (step.__name__, [])
