"""Speculoos Power: pages rendered by the server, a session cookie, an address for each document."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from playwright import async_api, sync_api

from meterfarm.bench.child import BenchFailed
from meterfarm.bench.journeys import Fetched, FloorPlan, Lacking
from meterfarm.bench.task import PASSWORD, Task, downloaded
from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.records import Bill, Series
from meterfarm.scrapers.state import PortalSession
from meterfarm.utilities.speculoos_power import pages
from meterfarm.utilities.speculoos_power.bill import read_bill


class SpeculoosJourney:
    """See ``Journey``."""

    utility = "speculoos_power"
    bills = 24
    minutes = (15, 60)

    def username(self, number: int) -> str:
        """See ``Journey``."""
        return f"iamvalid.{number}@bayou.energy"

    def sign_in_address(self, base_url: str) -> str:
        """See ``Journey``."""
        return f"{base_url}/login"

    def click(self, page: sync_api.Page, task: Task, username: str) -> Fetched:
        """See ``Journey``."""
        page.goto(self.sign_in_address(task.base_url))
        page.get_by_label("E-mail address").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Billing history").click()
        pdfs = list(_bills(page))
        page.get_by_role("link", name="Download my data").click()
        return Fetched(pdfs, list(_exports(page, task)))

    async def crawl(self, page: async_api.Page, task: Task, username: str) -> Fetched:
        """See ``Journey``."""
        await page.get_by_label("E-mail address").fill(username)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/accounts/*")
        account = f"{task.base_url}{urlsplit(page.url).path}"
        return Fetched(await _crawled_bills(page, account), await _crawled_exports(page, account, task))

    def read_bill(self, pages: Sequence[str]) -> Bill:
        """See ``Journey``."""
        return read_bill(pages)

    def read_readings(self, export: bytes) -> Sequence[Series]:
        """See ``Journey``."""
        return read_green_button(export).series

    async def plan(
        self, client: httpx.AsyncClient, username: str, saved: PortalSession, lacking: Lacking
    ) -> FloorPlan:
        """See ``Journey``."""
        cookie = {"cookie": _cookie(saved)}
        account = f"/accounts/{lacking.account.number}"
        bill_pages: list[str] = []
        pdfs: list[str] = []
        address = f"{account}/bills"
        while address:
            found = pages.bills_page((await client.get(address, headers=cookie)).text)
            bill_pages.append(address)
            pdfs += [bill.url for bill in found.bills if bill.key not in lacking.had]
            address = f"{account}/bills{found.older}" if found.older else ""
        dialog = await client.get(f"{account}/usage", headers=cookie)
        exports = [
            f"{account}/usage/export?meter={offer.meter_id}&from={first}&to={last}&format=xml"
            for offer in pages.available_intervals(dialog.text)
            for first, last in lacking.spans(offer)
        ]
        return SpeculoosPlan(saved, bill_pages, pdfs, f"{account}/usage", exports)


@dataclass(frozen=True, slots=True)
class SpeculoosPlan:
    """See ``FloorPlan``: pages one after the other, documents side by side."""

    rehearsal: PortalSession
    bill_pages: Sequence[str]
    pdfs: Sequence[str]
    usage_page: str
    exports: Sequence[str]

    async def repeat(self, client: httpx.AsyncClient, session: PortalSession) -> None:
        """See ``FloorPlan``."""
        headers = {"cookie": _cookie(session)}  # which httpx would not send on when it follows a redirect

        async def get(path: str) -> None:
            response = await client.get(path, headers=headers)
            while response.has_redirect_location:
                path = response.headers["location"]
                response = await client.get(path, headers=headers)
            if response.status_code != httpx.codes.OK or path == "/login":
                raise BenchFailed(f"The portal answers {response.status_code} to {path}.")

        async def bills() -> None:
            for path in self.bill_pages:
                await get(path)
            await asyncio.gather(*map(get, self.pdfs))

        async def intervals() -> None:
            await get(self.usage_page)
            await asyncio.gather(*map(get, self.exports))

        await get("/accounts")
        await asyncio.gather(bills(), intervals())


def _cookie(session: PortalSession) -> str:
    return "; ".join(f"{kept['name']}={kept['value']}" for kept in session.storage_state["cookies"])


def _bills(page: sync_api.Page) -> Iterator[bytes]:
    """The PDF of each listed bill."""
    number = 1
    while True:
        page.get_by_text(f"page {number}").wait_for()
        for link in page.get_by_role("link", name="View bill (PDF)").all():
            yield downloaded(page, link)
        older = page.get_by_role("link", name="Older bills")
        if not older.count():
            return
        older.click()
        number += 1


def _exports(page: sync_api.Page, task: Task) -> Iterator[bytes]:
    """An export of each meter's readings."""
    meters = page.get_by_label("Meter").locator("option").evaluate_all("all => all.map(one => one.value)")
    for meter in meters:
        page.get_by_label("Meter").select_option(meter)
        page.get_by_label("From").fill(str(task.first))
        page.get_by_label("To", exact=True).fill(str(task.last))
        yield downloaded(page, page.get_by_role("button", name="Export"))


async def _crawled_bills(page: async_api.Page, account: str) -> Sequence[bytes]:
    pdfs: list[bytes] = []
    number = 1
    while True:
        await page.goto(f"{account}/bills?page={number}")
        links = page.get_by_role("link", name="View bill (PDF)")
        addresses = await links.evaluate_all("all => all.map(one => one.href)")
        pdfs += await asyncio.gather(*(_fetched(page, address) for address in addresses))
        if not await page.get_by_role("link", name="Older bills").count():
            return pdfs
        number += 1


async def _crawled_exports(page: async_api.Page, account: str, task: Task) -> Sequence[bytes]:
    await page.goto(f"{account}/usage")
    options = page.get_by_label("Meter").locator("option")
    meters = await options.evaluate_all("all => all.map(one => one.value)")
    export = f"{account}/usage/export?from={task.first}&to={task.last}&format=xml"
    return await asyncio.gather(*(_fetched(page, f"{export}&meter={meter}") for meter in meters))


async def _fetched(page: async_api.Page, address: str) -> bytes:
    """The bytes at an address, with the cookies of the page."""
    response = await page.context.request.get(address, fail_on_status_code=True)
    return await response.body()


JOURNEY = SpeculoosJourney()
