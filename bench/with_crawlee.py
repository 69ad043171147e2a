"""The same by Crawlee's PlaywrightCrawler, as its documentation advises.

A request an account, each in an incognito page of its own, as many at once as Crawlee's autoscaling finds
right; documents are fetched, side by side, through the request context of the page.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from crawlee import Request, service_locator
from crawlee.configuration import Configuration
from crawlee.crawlers import PlaywrightCrawler, PlaywrightCrawlingContext

from meterfarm.bench.child import Done, StarterLine
from meterfarm.bench.journeys import Journey, load_journey
from meterfarm.bench.plain_store import PlainStore
from meterfarm.bench.task import Task, launch_options, task_from_arguments


class CrawledAccounts:
    """The crawler's handler: an account from signing in to being stored."""

    def __init__(self, task: Task, journey: Journey) -> None:
        self.seconds: list[float] = []
        self._task = task
        self._journey = journey
        self._store = PlainStore(Path.cwd(), journey)

    async def handle(self, context: PlaywrightCrawlingContext) -> None:
        """Sign in as one customer and store what is listed."""
        began = time.perf_counter()
        username = str(context.request.user_data["username"])
        self._store.keep(await self._journey.crawl(context.page, self._task, username))
        self.seconds.append(time.perf_counter() - began)


async def main() -> None:
    """Get ready, then crawl when the starter gives the sign."""
    task, line = task_from_arguments(), StarterLine()
    journey = load_journey(task.utility)
    service_locator.set_configuration(Configuration(storage_dir=str(Path.cwd() / "crawlee")))
    await asyncio.to_thread(line.wait)
    began = time.perf_counter()
    accounts = CrawledAccounts(task, journey)
    crawler = PlaywrightCrawler(
        request_handler=accounts.handle,
        request_handler_timeout=timedelta(minutes=5),
        browser_launch_options=launch_options(),
        use_incognito_pages=True,
    )
    address = journey.sign_in_address(task.base_url)
    await crawler.run(
        [
            Request.from_url(address, unique_key=username, user_data={"username": username})
            for username in map(journey.username, task.numbers)
        ]
    )
    done = Done(time.perf_counter() - began, accounts.seconds)
    await asyncio.to_thread(line.finish, done)


if __name__ == "__main__":
    asyncio.run(main())
