"""The portal as a person uses it, in a real browser."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from meterfarm.fake_utility.running import FakeUtility


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with FakeUtility(random_codes=True, now="2026-11-21T09:00", home=tmp_path_factory.mktemp("fake")) as at:
        yield at.http["speculoos_power"]


def sign_in(page: Page, portal: str, email: str) -> None:
    page.goto(portal)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill("anything")
    page.get_by_role("button", name="Sign in").click()


def newest_message(page: Page, portal: str, email: str) -> dict[str, str]:
    messages: list[dict[str, str]] = page.request.get(f"{portal}/outbox.json").json()["messages"]
    return next(message for message in reversed(messages) if message["username"] == email)


def test_a_wrong_address_is_told_and_corrected(page: Page, portal: str) -> None:
    sign_in(page, portal, "iamwrong@bayou.energy")
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or password you entered is incorrect.")
    expect(page.get_by_label("E-mail address")).to_have_value("iamwrong@bayou.energy")
    page.get_by_label("E-mail address").fill("iamvalid@bayou.energy")
    page.get_by_label("Password").fill("anything")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Account ")


def test_all_bills_can_be_leafed_through_and_opened(page: Page, portal: str, tmp_path: Path) -> None:
    sign_in(page, portal, "iamvalid@bayou.energy")
    page.get_by_role("link", name="Billing history").click()
    bills = page.get_by_role("table", name="Bills").locator("tr[data-bill]")
    expect(bills.first).to_be_visible()
    listed: list[str] = []
    while True:
        page.wait_for_load_state("load")
        listed += bills.evaluate_all("rows => rows.map(row => row.dataset.billedOn)")
        older = page.get_by_role("link", name="Older bills")
        if not older.count():
            break
        older.click()
        expect(page.locator(f'tr[data-billed-on="{listed[-1]}"]')).to_have_count(0)
        expect(bills.first).to_be_visible()
    assert len(listed) == 24
    assert sorted(listed, reverse=True) == listed
    with page.expect_download() as download:
        page.get_by_role("link", name="View bill (PDF)").last.click()
    assert download.value.suggested_filename == "bill.pdf"
    download.value.save_as(tmp_path / "bill.pdf")
    document = pypdfium2.PdfDocument(tmp_path / "bill.pdf")
    assert len(document) == 2
    document.close()


def test_usage_is_downloaded_through_the_form(page: Page, portal: str, tmp_path: Path) -> None:
    sign_in(page, portal, "gas-only@bayou.energy")
    page.get_by_role("link", name="Download my data").click()
    expect(page.get_by_text("Up to 13 months at a time.")).to_be_visible()
    expect(page.get_by_label("From")).to_have_attribute("min", "2024-10-01")
    expect(page.get_by_label("To", exact=True)).to_have_attribute("max", "2026-11-20")
    page.get_by_label("From").fill("2026-11-01")
    page.get_by_label("To", exact=True).fill("2026-11-02")
    page.get_by_label("Format").select_option("csv")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "usage.csv")
    rows = (tmp_path / "usage.csv").read_text().splitlines()[6:]
    assert len(rows) == 25 + 24
    assert date.fromisoformat(rows[-1].split(",")[1]) == date(2026, 11, 2)


def test_a_range_that_is_too_long_is_told(page: Page, portal: str) -> None:
    sign_in(page, portal, "gas-only@bayou.energy")
    page.get_by_role("link", name="Download my data").click()
    page.get_by_label("From").fill("2024-10-01")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("alert")).to_contain_text("up to 13 months")


def test_an_account_is_picked_and_switched(page: Page, portal: str) -> None:
    sign_in(page, portal, "multi-account@bayou.energy")
    expect(page.get_by_role("heading", name="Choose an account")).to_be_visible()
    accounts = page.locator("[data-account]")
    expect(accounts).to_have_count(3)
    number = accounts.nth(1).get_attribute("data-account") or ""
    accounts.nth(1).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Account {number}")
    expect(page.get_by_role("table", name="Meters").locator("tr[data-meter]")).to_have_count(2)
    page.get_by_role("link", name="Switch account").click()
    expect(accounts).to_have_count(3)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You have signed out.")


def test_two_challenges_with_a_slip_and_the_device_is_remembered(page: Page, portal: str) -> None:
    email = "two-challenges@speculoos.example"
    sign_in(page, portal, email)
    page.get_by_label("E-mail to t***s@speculoos.example").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Verification code").fill("1234")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("alert")).to_have_text("Your code is invalid. Please try again.")
    page.get_by_role("button", name="Resend code").click()
    expect(page.get_by_role("alert")).to_contain_text("seconds before requesting another code.")
    page.get_by_label("Verification code").fill(newest_message(page, portal, email)["code"])
    page.get_by_label("Remember this device").check()
    page.get_by_role("button", name="Verify").click()
    page.get_by_label("What is your favorite chef's last name?").fill("cook")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Account ")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, portal, email)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Account ")


@pytest.mark.parametrize(
    ("customer", "heading", "text"),
    [
        ("no_accounts", "No accounts", "There are no utility accounts linked to this profile."),
        ("maintenance", "We'll be right back", "down for scheduled maintenance"),
        ("blocked", "Access Denied", "You don't have permission"),
        ("captcha", "Please confirm you are not a robot", "Type the letters"),
        ("action_required", "Our terms of service have changed", "Decline"),
    ],
)
def test_what_some_customers_find_instead(
    page: Page, portal: str, customer: str, heading: str, text: str
) -> None:
    sign_in(page, portal, f"{customer}@speculoos.example")
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("body")).to_contain_text(text)


def test_a_new_customer_has_no_bills_and_no_usage_yet(page: Page, portal: str) -> None:
    sign_in(page, portal, "no_data_yet@speculoos.example")
    page.get_by_role("link", name="Billing history").click()
    expect(page.get_by_text("You have no bills yet.")).to_be_visible()
    page.get_by_role("link", name="Download my data").click()
    expect(page.get_by_text("No usage data is available yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Export")).to_have_count(0)


def test_redesigned_bills_have_neither_table_nor_the_old_links(page: Page, portal: str) -> None:
    sign_in(page, portal, "layout_changed@speculoos.example")
    page.get_by_role("link", name="Billing history").click()
    expect(page.get_by_role("heading", name="Your statements")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)
    expect(page.get_by_role("link", name="View bill (PDF)")).to_have_count(0)


def test_pages_load_nothing_from_elsewhere_and_report_no_errors(page: Page, portal: str) -> None:
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, portal, "solar@speculoos.example")
    page.get_by_role("link", name="Billing history").click()
    page.goto(f"{portal}/outbox")
    assert asked
    assert all(url.startswith(portal) for url in asked)
    assert errors == []


def test_a_phone_shows_a_page_without_scrolling_sideways(page: Page, portal: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    sign_in(page, portal, "multi-account@bayou.energy")
    page.locator("[data-account]").first.click()
    for link in ("Billing history", "Download my data"):
        page.get_by_role("link", name=link).click()
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
