"""How a request goes out: through the browser whose page is open, or without any browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import aiohttp
from playwright.async_api import APIRequestContext
from yarl import URL

from scrapers.answer import Answer
from scrapers.cookies import Cookies
from scrapers.state import PortalSession

_SECONDS = 30.0
_AS_IT_STANDS = "!#$%&'()*+,/:;=?@[]~"
_LONGEST_HEADER = 64 * 1024
_AT_A_TIME = 4 * 1024 * 1024
"""An export of a year is as much; in smaller pieces it costs twice the time."""


class NoAnswer(Exception):
    """No answer came; ``in_time`` is false if that was because time was up."""

    def __init__(self, reason: str, *, in_time: bool) -> None:
        super().__init__(reason)
        self.in_time = in_time


class Transport(Protocol):
    """Sends GET requests with a visit's cookies, and keeps the cookies that come back."""

    async def get(self, url: str, params: Mapping[str, str] | None) -> Answer:
        """One exchange; a redirect is an answer.

        Raises:
            NoAnswer, playwright.async_api.Error: none came.
        """

    async def storage_state(self) -> Any:
        """Cookies and local storage, as Playwright saves them."""


class InBrowser:
    """Through the request context of an open page, which shares its cookies."""

    def __init__(self, request: APIRequestContext) -> None:
        self._request = request

    async def get(self, url: str, params: Mapping[str, str] | None) -> Answer:
        response = await self._request.get(
            url, params=dict(params or {}), max_redirects=0, timeout=_SECONDS * 1000
        )
        try:
            return Answer(response.url, response.status, response.headers, await response.body())
        finally:
            await response.dispose()

    async def storage_state(self) -> Any:
        return await self._request.storage_state()


class WithoutBrowser:
    """From a saved session, by itself. Use ``async with``; the connections are this visit's alone."""

    def __init__(self, session: PortalSession) -> None:
        self._cookies = Cookies(session.storage_state.get("cookies", ()))
        self._origins = session.storage_state.get("origins", [])
        self._user_agent = session.user_agent
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> WithoutBrowser:
        self._client = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent} if self._user_agent else None,
            read_bufsize=_AT_A_TIME,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def get(self, url: str, params: Mapping[str, str] | None) -> Answer:
        if self._client is None:
            raise RuntimeError("the visit has not started")
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        url = quote(url, safe=_AS_IT_STANDS)
        cookie = self._cookies.header(url)
        try:
            async with self._client.get(
                URL(url, encoded=True),
                headers={"Cookie": cookie} if cookie else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
            ) as response:
                content = await response.read()
        except TimeoutError as exc:
            raise NoAnswer("no answer in time", in_time=False) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise NoAnswer(type(exc).__name__, in_time=True) from exc
        self._cookies.take(url, response.headers.getall("Set-Cookie", ()))
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(url, response.status, headers, content)

    def cookies(self) -> Any:
        """As Playwright saves them."""
        return self._cookies.as_browser()

    async def storage_state(self) -> Any:
        return {"cookies": self.cookies(), "origins": self._origins}
