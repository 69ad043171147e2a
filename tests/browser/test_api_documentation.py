"""The documentation as a developer opens it, on a desk and on a phone: it asks no other host for anything."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.api.server import ApiServer, served

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
PATIENCE = 30_000


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with served(tmp_path_factory.mktemp("api") / "home") as server:
        yield server


@pytest.fixture
def opened(page: Page, api: ApiServer) -> Iterator[Page]:
    """A window that must ask no host but the API's, and have nothing to complain of."""
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda failed: complaints.append(f"{failed.url}: {failed.failure}"))
    page.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {
        urlsplit(api.url).netloc
    }
    assert not complaints


def _must_fit(page: Page) -> None:
    """On no screen is anything to be scrolled sideways."""
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_every_call_is_documented_and_one_is_tried_with_a_key(opened: Page, api: ApiServer) -> None:
    """By the classes of the page's parts: it has so many that to find them by their roles takes seconds."""
    document = api.client.get("/openapi.json").json()
    documented = [*document["paths"].values(), *document["webhooks"].values()]
    calls = [method for operations in documented for method in operations]
    opened.goto(f"{api.url}/docs")
    expect(opened.locator(".opblock")).to_have_count(len(calls), timeout=PATIENCE)
    expect(opened.locator("h1")).to_contain_text("Meterfarm")
    _must_fit(opened)
    made = api.client.post("/api/v2/customers", json={}).json()
    opened.locator(".btn.authorize").click()
    opened.locator("#auth-basic-username").fill(api.key)
    opened.locator(".modal-btn.authorize").click()
    opened.locator(".modal-btn.btn-done").click()
    call = opened.locator("#operations-Customers-get_customers")
    call.locator(".opblock-summary-control").click()
    call.locator(".try-out__btn").click()
    call.locator(".execute").click()
    answer = call.locator(".live-responses-table")
    expect(answer).to_contain_text(made["onboarding_link"].partition("?")[0], timeout=PATIENCE)


def test_each_error_code_has_its_place(opened: Page, api: ApiServer) -> None:
    opened.goto(f"{api.url}/docs/error-codes#limit_invalid")
    expect(opened.get_by_role("heading", name="limit_invalid")).to_be_in_viewport()
    _must_fit(opened)
