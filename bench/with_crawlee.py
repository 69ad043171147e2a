"""The same by Crawlee's PlaywrightCrawler, as its documentation advises.

A request an account, each in an incognito page of its own, as many at once as Crawlee's autoscaling finds
right; documents are fetched, side by side, through the request context of the page.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from crawlee import Request, service_locator
from crawlee.configuration import Configuration
from crawlee.crawlers import PlaywrightCrawler, PlaywrightCrawlingContext
from playwright.async_api import Page

from meterfarm.bench.child import Done, StarterLine
from meterfarm.bench.plain_store import PlainStore
from meterfarm.bench.task import PASSWORD, Task, launch_options, task_from_arguments


class CrawledAccounts:
    """The crawler's handler: an account from signing in to being stored."""

    def __init__(self, task: Task) -> None:
        self.seconds: list[float] = []
        self._task = task
        self._store = PlainStore(Path.cwd())

    async def handle(self, context: PlaywrightCrawlingContext) -> None:
        """Sign in as one customer and store what is listed."""
        began = time.perf_counter()
        page = context.page
        await page.get_by_label("E-mail address").fill(str(context.request.user_data["username"]))
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/accounts/*")
        account = urlsplit(page.url).path
        pdfs = await self._bills(page, account)
        exports = await self._exports(page, account)
        self._store.keep(pdfs, exports)
        self.seconds.append(time.perf_counter() - began)

    async def _bills(self, page: Page, account: str) -> list[bytes]:
        pdfs: list[bytes] = []
        number = 1
        while True:
            await page.goto(f"{self._task.base_url}{account}/bills?page={number}")
            links = page.get_by_role("link", name="View bill (PDF)")
            addresses = await links.evaluate_all("all => all.map(one => one.href)")
            pdfs += await asyncio.gather(*(fetched(page, address) for address in addresses))
            if not await page.get_by_role("link", name="Older bills").count():
                return pdfs
            number += 1

    async def _exports(self, page: Page, account: str) -> list[bytes]:
        task = self._task
        await page.goto(f"{task.base_url}{account}/usage")
        options = page.get_by_label("Meter").locator("option")
        meters = await options.evaluate_all("all => all.map(one => one.value)")
        export = f"{task.base_url}{account}/usage/export?from={task.first}&to={task.last}&format=xml"
        return await asyncio.gather(*(fetched(page, f"{export}&meter={meter}") for meter in meters))


async def fetched(page: Page, address: str) -> bytes:
    """The bytes at an address, with the cookies of the page."""
    response = await page.context.request.get(address, fail_on_status_code=True)
    return await response.body()


async def main() -> None:
    """Get ready, then crawl when the starter gives the sign."""
    task, line = task_from_arguments(), StarterLine()
    service_locator.set_configuration(Configuration(storage_dir=str(Path.cwd() / "crawlee")))
    await asyncio.to_thread(line.wait)
    began = time.perf_counter()
    accounts = CrawledAccounts(task)
    crawler = PlaywrightCrawler(
        request_handler=accounts.handle,
        request_handler_timeout=timedelta(minutes=5),
        browser_launch_options=launch_options(),
        use_incognito_pages=True,
    )
    sign_in = f"{task.base_url}/login"
    await crawler.run(
        [
            Request.from_url(sign_in, unique_key=username, user_data={"username": username})
            for username in task.usernames
        ]
    )
    done = Done(time.perf_counter() - began, accounts.seconds)
    await asyncio.to_thread(line.finish, done)


if __name__ == "__main__":
    asyncio.run(main())
