"""Each way in which a visit sends its requests, to ask the same of all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.client import Http
from meterfarm.scrapers.http.own_client import OwnClient
from meterfarm.scrapers.http.transport import InBrowser, WithoutBrowser
from meterfarm.scrapers.state import PortalSession

KINDS = ("in browser", "without browser")
AGENT = "Mozilla/5.0 (a browser)"


@asynccontextmanager
async def asking(kind: str, chromium: Chromium, url: str, *, parallel: int = 4) -> AsyncIterator[Http]:
    """A client of the portal at ``url``."""
    http = Http("The Portal", url, (), (), parallel, lambda *_, **__: None)
    async with OwnClient(AGENT) as exchange:
        if kind == "without browser":
            session = PortalSession({"cookies": [], "origins": []}, user_agent=AGENT)
            http.transport = WithoutBrowser(session, exchange)
            yield http
            return
        context = await (await chromium.browser()).new_context()
        http.transport = InBrowser(context, exchange)
        yield http
        await context.close()
