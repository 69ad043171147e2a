"""What JSON a page's own scripts were answered: a portal may say there what becomes of a press."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Response

from meterfarm.scrapers.browser.listeners import listener
from meterfarm.scrapers.guard import host_of
from meterfarm.scrapers.http.json_answer import NoJson, is_type_of_json, may_be_json, parsed
from meterfarm.scrapers.http.markup import first_json_sign
from meterfarm.scrapers.outcomes import Sign

_ASKS = frozenset({"document", "fetch", "xhr"})
_MOST = 50
_LARGEST = 1024 * 1024
_SECONDS = 2.0
_LONGEST_NUMBER = 20


class JsonAnswers:
    """Those of one page since ``forget``. They are read only where a sign may be in them."""

    def __init__(self, page: Page, is_allowed: Callable[[str], bool], changed: Callable[[], None]) -> None:
        self._is_allowed = is_allowed
        self._changed = changed
        self._unread: deque[Request] = deque(maxlen=_MOST)
        self._read: deque[tuple[str, object]] = deque(maxlen=_MOST)
        page.on("requestfinished", listener(self._ends))

    def forget(self) -> None:
        """What came up to now says nothing of what comes."""
        self._unread.clear()
        self._read.clear()

    def _ends(self, request: Request) -> None:
        if request.resource_type in _ASKS and self._is_allowed(request.url):
            self._unread.append(request)
            self._changed()

    async def read(self, signs: Sequence[Sign]) -> None:
        """Read those that have come since, if any of ``signs`` may be in them."""
        pointing = [sign for sign in signs if sign.pointer]
        if not pointing:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                while self._unread:
                    request = self._unread.popleft()
                    host, path = host_of(request.url), urlsplit(request.url).path
                    if any(sign.is_at(host=host, path=path) for sign in pointing):
                        with suppress(PlaywrightError, NoJson):  # a page that was left has no bodies any more
                            await self._take(request)

    async def _take(self, request: Request) -> None:
        response = request.existing_response
        if response is None:
            return
        content_type = response.headers.get("content-type", "")
        media_type = content_type.partition(";")[0].strip().lower()
        if not is_type_of_json(media_type) or await _is_too_large(response):
            return
        content = await response.body()
        if may_be_json(content, media_type):
            self._read.append((request.url, parsed(content, content_type)))

    def carry(self, sign: Sign) -> bool:
        """Whether any that was read has the sign."""
        return any(first_json_sign(url, answer, [sign]) for url, answer in self._read)


async def _is_too_large(response: Response) -> bool:
    """Asked of the browser only if the portal does not say, which takes twice as long as the answer."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and "content-encoding" not in response.headers:
        return int(length[:_LONGEST_NUMBER]) > _LARGEST
    return (await response.request.sizes())["responseBodySize"] > _LARGEST
