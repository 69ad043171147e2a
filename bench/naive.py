"""The script people write: a browser for each account, one after the other, every document by a click."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, Playwright, sync_playwright

from meterfarm.bench.child import Done, serve
from meterfarm.bench.plain_store import PlainStore
from meterfarm.bench.task import PASSWORD, Task, launch_options, task_from_arguments


def main() -> None:
    """Get ready, then scrape when the starter gives the sign."""
    task = task_from_arguments()
    serve(lambda: scrape_all(task))


def scrape_all(task: Task) -> Done:
    """One customer after the other."""
    began = time.perf_counter()
    seconds = []
    store = PlainStore(Path.cwd())
    with sync_playwright() as playwright:
        for username in task.usernames:
            started = time.perf_counter()
            scrape(playwright, task, username, store)
            seconds.append(time.perf_counter() - started)
    store.close()
    return Done(time.perf_counter() - began, seconds)


def scrape(playwright: Playwright, task: Task, username: str, store: PlainStore) -> None:
    """Sign in as one customer and store what is listed."""
    browser = playwright.chromium.launch(**launch_options())
    page = browser.new_page()
    page.goto(f"{task.base_url}/login")
    page.get_by_label("E-mail address").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Billing history").click()
    pdfs = list(bills(page))
    page.get_by_role("link", name="Download my data").click()
    store.keep(pdfs, list(exports(page, task)))
    browser.close()


def bills(page: Page) -> Iterator[bytes]:
    """The PDF of each listed bill."""
    number = 1
    while True:
        page.get_by_text(f"page {number}").wait_for()
        for link in page.get_by_role("link", name="View bill (PDF)").all():
            yield downloaded(page, link)
        older = page.get_by_role("link", name="Older bills")
        if not older.count():
            return
        older.click()
        number += 1


def exports(page: Page, task: Task) -> Iterator[bytes]:
    """An export of each meter's readings."""
    meters = page.get_by_label("Meter").locator("option").evaluate_all("all => all.map(one => one.value)")
    for meter in meters:
        page.get_by_label("Meter").select_option(meter)
        page.get_by_label("From").fill(str(task.first))
        page.get_by_label("To", exact=True).fill(str(task.last))
        yield downloaded(page, page.get_by_role("button", name="Export"))


def downloaded(page: Page, control: Locator) -> bytes:
    """What the browser downloads when the control is clicked."""
    with page.expect_download() as download:
        control.click()
    return download.value.path().read_bytes()


if __name__ == "__main__":
    main()
