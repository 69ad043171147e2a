"""A customer's pages in a browser: no serious violation, and a plot that is used by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from meterfarm.services.users import add_user, choose_password
from meterfarm.storage.customers import Role
from tests.api.server import served
from tests.browser.accessible import DESK, violations
from tests.web.colleague import PASSWORD
from tests.web.shown_customer import DAYS, ShownCustomer, shown_customer


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A page of somebody who is signed in, and a customer."""

    page: Page
    ada: ShownCustomer
    at: str

    def go(self, below: str = "") -> Page:
        self.page.goto(f"{self.at}{below}")
        return self.page


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[SignedIn]:
    with served(tmp_path_factory.mktemp("dashboard") / "home") as api:
        ada = shown_customer(api.store)
        user, link = add_user(
            api.farm, api.farm.companies.find("default"), "ada@acme.example", Role.MEMBER, is_operator=True
        )
        choose_password(api.farm, link, PASSWORD)
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{api.url}/dashboard/sign_in")
        page.get_by_label("E-mail").fill(user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/customers")
        yield SignedIn(page, ada, f"{api.url}/dashboard{ada.path}")
        context.close()


@pytest.mark.parametrize(
    "below",
    ["", "/bills/{open}", "/bills/{locked}", "/intervals", "/intervals/table", "/runs/{run}", "/remove"],
)
def test_no_page_of_a_customer_has_a_serious_violation(seen: SignedIn, below: str) -> None:
    ada = seen.ada
    page = seen.go(below.format(open=ada.open_bill, locked=ada.locked_bill, run=ada.run))
    assert violations(page) == []


def test_no_text_of_others_becomes_a_part_of_a_page(seen: SignedIn) -> None:
    page = seen.page
    alerts: list[str] = []

    def refuse(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    for below in ("", f"/bills/{seen.ada.open_bill}", "/intervals", f"/runs/{seen.ada.run}"):
        assert seen.go(below).locator("img").count() == 0
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
