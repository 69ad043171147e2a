"""A portal in this process, with clocks that the test moves, and a visitor who keeps cookies."""

import re
from datetime import timedelta
from html import unescape
from types import TracebackType

import httpx

from meterfarm.fake_utility.kit.clock import Clock, parse_time
from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.delivery import Delivery
from meterfarm.fake_utility.kit.state import PortalContext
from meterfarm.fake_utility.speculoos_power.app import make_app
from meterfarm.fake_utility.speculoos_power.customers import find_customer
from meterfarm.fake_utility.speculoos_power.portal import Portal

KEY = b"k" * 32


class House:
    """A portal and its clocks. Two with the same key are one utility, started twice."""

    def __init__(
        self,
        now: str = "2026-11-21T10:00",
        *,
        key: bytes = KEY,
        random_codes: bool = False,
        delivery: Delivery | None = None,
        prerender: int = 0,
    ) -> None:
        self.seconds = 0.0
        self.app_seconds = 1_800_000_000.0
        clock = Clock(parse_time(now), lambda: self.seconds)
        codes = Codes(random=random_codes, app_time=lambda: self.app_seconds)
        self.portal = Portal(PortalContext(key, clock, codes, delivery or Delivery(), prerender))

    def move(self, **by: float) -> None:
        """Move the portal's clock, by `timedelta`'s arguments."""
        self.seconds += timedelta(**by).total_seconds()

    def visitor(self) -> "Visitor":
        return Visitor(self)

    def newest_code(self) -> str:
        return self.portal.outbox.messages[-1].code


class Visitor:
    """A browser without a window: keeps cookies, fills in the CSRF token, follows no redirect by itself."""

    def __init__(self, house: House) -> None:
        transport = httpx.ASGITransport(make_app(house.portal))
        self.client = httpx.AsyncClient(transport=transport, base_url="https://speculoos.test")

    async def __aenter__(self) -> "Visitor":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        token = self.client.cookies.get("__Host-csrf", "")
        return await self.client.post(path, data={"csrf_token": token, **fields})

    async def sign_in(self, email: str, password: str = "pass", *, keep: bool = False) -> httpx.Response:
        """The answer to the password; `keep` ticks "Keep me signed in"."""
        await self.get("/login")
        ticked = {"keep": "yes"} if keep else {}
        return await self.post("/login", email=email, password=password, **ticked)

    async def account(self, email: str, *, keep: bool = False) -> str:
        """Sign in; the path of the first account."""
        await self.sign_in(email, keep=keep)
        customer = find_customer(email)
        assert customer is not None
        return f"/accounts/{customer.accounts[0].number}"


def alert(page: httpx.Response) -> str | None:
    found = re.search(r'role="alert">(.*?)<', page.text)
    return unescape(found[1]) if found else None


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    return unescape(found[1]) if found else ""


def where(page: httpx.Response) -> tuple[int, str | None]:
    return page.status_code, page.headers.get("location")
