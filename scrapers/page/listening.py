"""What the portal answers a page itself, while something is done with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from playwright.async_api import Response

from meterfarm.records import Outcome
from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.access import Access

_MIB = 1024 * 1024


class Listening:
    """To one page."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._shared = access.shared

    async def response(
        self, path: str, during: Callable[[], Awaitable[object]], limit: Limit
    ) -> HttpResponse:
        """See ``BrowserPage``."""
        portal = self._shared.portal.name
        async with self._access.turn():
            window = await self._access.window()
            coming: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

            def answers(response: Response) -> None:
                leads_on = 300 <= response.status < 400
                fits = window.rules.allows(response.url) and re.search(path, urlsplit(response.url).path)
                if fits and not leads_on and response.request.method != "OPTIONS" and not coming.done():
                    coming.set_result(response)

            window.page.on("response", answers)
            try:
                await during()
                with window.rules.errors(f"waiting for an answer from {path}"):
                    await asyncio.wait({coming}, timeout=self._shared.clock.timeouts.navigation)
                    if not coming.done():
                        raise Stop(
                            Outcome.LAYOUT_CHANGED,
                            f"{portal}'s page got no answer from “{path}”; the script needs mending.",
                        )
                    return await self._taken(coming.result(), limit)
            finally:
                window.page.remove_listener("response", answers)

    async def _taken(self, response: Response, limit: Limit) -> HttpResponse:
        """The answer with its body, which the browser holds already."""
        where = f"{self._shared.portal.name}'s answer from {urlsplit(response.url).path}"
        headers = await response.all_headers()
        announced = headers.get("content-length", "")
        content = b""
        is_large = announced.isdecimal() and int(announced) > limit.size
        if not is_large:
            try:
                async with asyncio.timeout(limit.seconds):
                    content = await response.body()
            except TimeoutError as exc:
                raise Stop(Outcome.PORTAL_DOWN, f"{where} was not whole in time.") from exc
        if is_large or len(content) > limit.size:
            raise Stop(
                Outcome.LAYOUT_CHANGED,
                f"{where} is larger than the {limit.size / _MIB:,.0f} MiB that {limit.what} may have.",
            )
        return HttpResponse(response.url, response.status, headers, content, self._shared.portal.name)
