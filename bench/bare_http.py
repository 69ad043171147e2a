"""The yardstick: the same requests as a scrape, by bare HTTP, nothing read, checked or stored."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

import httpx

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_LINK = re.compile(r'href="([^"]+\.pdf)"')
_METER = re.compile(r'<option value="([EG]\d+)"')
_RANGE = re.compile(r'min="([\d-]+)" max="([\d-]+)"')


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long signing in and collecting took."""

    sign_in: float
    collect: float


class BareClient:
    """An HTTP client that keeps cookies itself: a plain jar drops Secure cookies on an http loopback."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.AsyncClient(base_url=base_url, follow_redirects=False, timeout=30)
        self._cookies: dict[str, str] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def sign_in(self, username: str) -> str:
        """Sign in; the path of the customer's account."""
        token = _TOKEN.findall((await self.request("GET", "/login")).text)[0]
        form = {"csrf_token": token, "email": username, "password": "x"}
        return (await self.request("POST", "/login", form)).url.path

    async def request(self, method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """One request of the portal, followed wherever it redirects."""
        while True:
            cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            headers = {"cookie": cookie} if cookie else {}
            response = await self._client.request(method, path, data=data, headers=headers)
            self._keep(response)
            if not response.is_redirect:
                return response
            method, path, data = "GET", response.headers["location"], None

    def _keep(self, response: httpx.Response) -> None:
        for header in response.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            self._cookies[name] = rest.partition(";")[0]


async def visit(base_url: str, username: str, spans: list[tuple[str, str]], parallel: int) -> Seconds:
    """Sign in, list and fetch all documents of a single-account customer; exports as given in ``spans``."""
    client = BareClient(base_url)
    try:
        began = time.perf_counter()
        account = await client.sign_in(username)
        entered = time.perf_counter()
        await _collect(client, account, spans, asyncio.Semaphore(parallel))
        return Seconds(entered - began, time.perf_counter() - entered)
    finally:
        await client.close()


async def _collect(
    client: BareClient, account: str, spans: list[tuple[str, str]], slots: asyncio.Semaphore
) -> None:
    async def get(path: str) -> str:
        async with slots:
            return (await client.request("GET", path)).text

    await get("/accounts")
    links: list[str] = []
    page = 1
    while True:
        text = await get(f"{account}/bills?page={page}")
        links += _LINK.findall(text)
        if 'rel="next"' not in text:
            break
        page += 1
    meters = _METER.findall(await get(f"{account}/usage"))
    exports = [
        f"{account}/usage/export?meter={meter}&from={first}&to={last}&format=xml"
        for meter in meters
        for first, last in spans
    ]
    await asyncio.gather(*(get(path) for path in [*links, *exports]))


def available_range(usage_page: str) -> tuple[str, str]:
    """The first and the last day that the export dialog offers."""
    first, last = _RANGE.findall(usage_page)[0]
    return first, last
