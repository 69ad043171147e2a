"""Playwright's own page, for what a test does that no script may."""

from __future__ import annotations

from playwright.async_api import Page

from meterfarm.scrapers.visit import Visit


async def opened(visit: Visit, path: str) -> Page:
    """The page at this address of the portal."""
    await visit.page.open(path)
    return await visit.page.raw_playwright_page()
