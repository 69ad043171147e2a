"""The script people write: a browser for each account, one after the other, every document by a click."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from meterfarm.bench.child import Done, serve
from meterfarm.bench.journeys import load_journey
from meterfarm.bench.plain_store import PlainStore
from meterfarm.bench.task import Task, launch_options, task_from_arguments


def main() -> None:
    """Get ready, then scrape when the starter gives the sign."""
    task = task_from_arguments()
    serve(lambda: scrape_all(task))


def scrape_all(task: Task) -> Done:
    """One customer after the other."""
    began = time.perf_counter()
    seconds = []
    journey = load_journey(task.utility)
    store = PlainStore(Path.cwd(), journey)
    with sync_playwright() as playwright:
        for number in task.numbers:
            started = time.perf_counter()
            browser = playwright.chromium.launch(**launch_options())
            store.keep(journey.click(browser.new_page(), task, journey.username(number)))
            browser.close()
            seconds.append(time.perf_counter() - started)
    store.close()
    return Done(time.perf_counter() - began, seconds)


if __name__ == "__main__":
    main()
