"""Somebody who has never seen Meterfarm gets from signing up to a customer's data, by the dashboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pydantic import SecretStr
from python_calamine import CalamineWorkbook

from meterfarm.farm.settings import FarmSettings
from meterfarm.formats.bills.pages_child import WIDTH
from tests import asking
from tests.api.server import served
from tests.fake_portal import fake_portal
from tests.farm.smtp_sink import Sink, smtp_sink
from tests.farm.whole import Farm, farm_at

PASSWORD = "a phrase of some words"
FOUNDER, COLLEAGUE, CUSTOMER = "ada@acme.example", "bea@acme.example", "cleo@home.example"
PORTAL_LOGIN = "iamvalid@bayou.energy"
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
SOON = 60_000
"""Milliseconds until what workers do is shown, on a machine that does other things, too."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the dashboard is, the farm behind it, and what its mail server has taken."""

    url: str
    farm: Farm
    sink: Sink

    def mailed_link(self, to: str) -> str:
        """The link in the mail to somebody, once it came."""

        def found() -> str:
            text = [mail.message.get_body(["plain"]) for mail in self.sink.taken if to in mail.recipients]
            link = re.search(r"https?://\S+", text[0].get_content()) if text and text[0] else None
            return link[0] if link else ""

        return self.farm.wait(found, what=f"a mail to {to}")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with smtp_sink() as sink, fake_portal(tmp_path / "portal") as portal:
        mail = {"smtp_url": f"smtp+plain://127.0.0.1:{sink.port}", "mail_from": "noreply@farm.example"}
        settings = FarmSettings(
            smtp_url=SecretStr(mail["smtp_url"]), mail_from=mail["mail_from"], open_sign_up=True
        )
        named = {f"METERFARM_{name.upper()}": value for name, value in mail.items()}
        home = tmp_path / "home"
        with (
            served(home, settings) as api,
            farm_at(home, portal, METERFARM_PUBLIC_URL=api.url, METERFARM_HISTORY_DAYS="70", **named) as farm,
        ):
            farm.start(processes=1)
            yield Place(api.url, farm, sink)


def test_from_signing_up_to_a_customers_data(place: Place, browser: Browser, tmp_path: Path) -> None:
    desk = browser.new_context(viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    phone = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)
    colleague = browser.new_context(viewport=DESK)
    with desk, phone, colleague:
        page = desk.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        _signs_up(page, place)
        _invites(page, colleague.new_page(), place)
        link = _creates_customer(page)
        _connects(phone.new_page(), link)
        _unlocks_the_newest_bill(page)
        _downloads(page, tmp_path / "cleo.xlsx")
        _rotates_a_key(page, place.url)


def _signs_up(page: Page, place: Place) -> None:
    page.goto(f"{place.url}/dashboard")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Name of your company").fill("Acme Solar")
    page.get_by_label("Your e-mail address").fill(FOUNDER)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
    _chooses_password(page, place.mailed_link(FOUNDER))


def _chooses_password(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    expect(page.get_by_role("banner")).to_contain_text("Acme Solar")


def _invites(page: Page, colleague: Page, place: Place) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Users").click()
    page.get_by_label("E-mail address").fill(COLLEAGUE)
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status").first).to_have_text("The invitation is on its way.")
    _chooses_password(colleague, place.mailed_link(COLLEAGUE))
    colleague.get_by_role("link", name="Settings").click()
    expect(colleague.get_by_text("An owner of your company changes them.")).to_be_visible()


def _creates_customer(page: Page) -> str:
    """The onboarding link, from the clipboard. Bills are to stay locked, so that one is there to unlock."""
    page.get_by_role("link", name="Company").click()
    page.get_by_label("stay locked until you unlock them").check()
    page.locator("#data").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_have_text("Your changes are saved.")
    page.get_by_role("link", name="Customers").click()
    page.get_by_role("link", name="Create a customer").first.click()
    page.get_by_label("E-mail address").fill(CUSTOMER)
    page.get_by_label("Utility").select_option("Speculoos Power")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(CUSTOMER)
    page.get_by_role("button", name="Copy onboarding link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    return copied


def _connects(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Continue").tap()
    page.get_by_label("User name or e-mail").fill(PORTAL_LOGIN)
    page.get_by_label("Password", exact=True).fill("anything")
    page.get_by_role("button", name="Connect").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are connected", timeout=SOON)


def _unlocks_the_newest_bill(page: Page) -> None:
    """The page of the customer is open since before they connected: it shows by itself what came."""
    expect(page.get_by_text("latest run: everything is here")).to_be_visible(timeout=SOON)
    bills = page.get_by_role("table", name="Bills").get_by_role("row")
    assert bills.count() >= 3
    expect(bills.nth(1)).to_contain_text("locked")
    bills.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", name="This bill is locked")).to_be_visible()
    assert page.get_by_role("img").count() == 0
    page.get_by_role("button", name="Unlock this bill").click()
    expect(page.get_by_role("status").first).to_have_text("The bill is unlocked.")
    expect(page.get_by_role("row", name="Total")).to_contain_text("$")
    pages = page.get_by_role("img", name="pages of the bill")
    pages.scroll_into_view_if_needed()
    expect(pages).to_have_js_property("naturalWidth", WIDTH)
    read, drawn = page.get_by_role("table", name="Amounts").bounding_box(), pages.bounding_box()
    assert read is not None
    assert drawn is not None
    assert read["x"] + read["width"] < drawn["x"], "they stand side by side"
    file = page.get_by_role("link", name="Open the PDF", exact=True).get_attribute("href")
    assert page.request.get(f"{page.url.partition('/dashboard')[0]}{file}").body().startswith(b"%PDF")


def _downloads(page: Page, target: Path) -> None:
    page.get_by_role("link", name=CUSTOMER).click()
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel").click()
    assert download.value.suggested_filename == f"{CUSTOMER}.xlsx"
    download.value.save_as(target)
    book = CalamineWorkbook.from_path(str(target))
    assert book.sheet_names == ["Customer", "Bills", "Intervals"]
    heads, *rows = book.get_sheet_by_name("Bills").to_python()
    bills = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [each["status"] for each in bills].count("unlocked") == 1
    assert {bool(each["total"]) for each in bills if each["status"] == "locked"} == {False}
    assert all(float(str(each["total"])) > 0 for each in bills if each["status"] == "unlocked")
    assert len(book.get_sheet_by_name("Intervals").to_python()) > 1000


def _rotates_a_key(page: Page, url: str) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Keys").click()
    page.get_by_label("Name").fill("The nightly import")
    page.get_by_role("button", name="Create a key").click()
    first = page.locator("#once").inner_text()
    page.get_by_role("link", name="I have kept it").click()
    page.get_by_role("button", name="Rotate").click()
    second = page.locator("#once").inner_text()

    def statuses() -> list[int]:
        asked = f"{url}/api/v2/customers"
        return [asking.get(asked, auth=(key, ""), timeout=30).status_code for key in (first, second)]

    assert statuses() == [200, 200]
    page.get_by_role("button", name="Revoke the old key").click()
    expect(page.get_by_role("status").first).to_contain_text("The key is revoked.")
    assert statuses() == [401, 200]
