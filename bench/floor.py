"""The floor under a refresh: its requests by bare HTTP, with the saved sessions, nothing parsed or stored.

Before it begins it finds out what the refresh will ask for and asks for it once, so that the portal has made
everything when the refresh, and then this, are measured. Each of two processes visits as many customers at
once as a worker does.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import httpx

from meterfarm.bench.child import BenchFailed, Done, StarterLine
from meterfarm.bench.queue_way import PROCESSES
from meterfarm.bench.task import UTILITY, username
from meterfarm.farm.settings import FarmSettings
from meterfarm.scrapers.runs.intervals import to_ask
from meterfarm.scrapers.runs.spans import days, spans
from meterfarm.scrapers.state import PortalSession
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.utilities import load_utility
from meterfarm.utilities.speculoos_power import pages

_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """What a customer's refresh asks for: pages one after the other, documents side by side."""

    cookie: str = field(repr=False)
    bill_pages: Sequence[str]
    pdfs: Sequence[str]
    usage_page: str
    exports: Sequence[str]


async def visit(client: httpx.AsyncClient, plan: FloorPlan) -> float:
    """All the requests of a refresh; how many seconds they took."""
    began = time.perf_counter()

    async def get(path: str) -> None:
        headers = {"cookie": plan.cookie}  # which httpx would not send on when it follows a redirect
        response = await client.get(path, headers=headers)
        while response.has_redirect_location:
            path = response.headers["location"]
            response = await client.get(path, headers=headers)
        if response.status_code != httpx.codes.OK or path == "/login":
            raise BenchFailed(f"The portal answers {response.status_code} to {path}.")

    async def bills() -> None:
        for path in plan.bill_pages:
            await get(path)
        await asyncio.gather(*map(get, plan.pdfs))

    async def intervals() -> None:
        await get(plan.usage_page)
        await asyncio.gather(*map(get, plan.exports))

    await get("/accounts")
    await asyncio.gather(bills(), intervals())
    return time.perf_counter() - began


async def visit_all(base_url: str, plans: Sequence[FloorPlan], at_once: int) -> list[float]:
    """Seconds that each visit took, with so many at once."""
    slots = asyncio.Semaphore(at_once)

    async def in_slot(client: httpx.AsyncClient, plan: FloorPlan) -> float:
        async with slots:
            return await visit(client, plan)

    async with httpx.AsyncClient(base_url=base_url, timeout=_TIMEOUT) as client:
        return await asyncio.gather(*(in_slot(client, plan) for plan in plans))


def part(base_url: str, plans: Sequence[FloorPlan], at_once: int) -> list[float]:
    """What one of the processes does."""
    return asyncio.run(visit_all(base_url, plans, at_once))


def planned(base_url: str, store: CompanyStore, name: str) -> FloorPlan:
    """What a refresh of this customer will ask for, found out as it does."""
    customer = store.customers.find(name)
    saved = store.credentials.run_context(customer).session if customer else None
    session = PortalSession.from_bytes(saved.state) if saved else None
    if customer is None or session is None:
        raise BenchFailed(f"{name} has no saved session to refresh with.")
    cookies = session.storage_state["cookies"]
    cookie = "; ".join(f"{kept['name']}={kept['value']}" for kept in cookies)
    (stored,) = store.accounts.list(customer)
    utility = load_utility(UTILITY)
    account = f"/accounts/{stored.account.number}"
    with httpx.Client(base_url=base_url, headers={"cookie": cookie}, timeout=_TIMEOUT) as client:
        bill_pages: list[str] = []
        pdfs: list[str] = []
        address = f"{account}/bills"
        had = store.bills.list(stored.id)
        while address:
            found = pages.bills_page(client.get(address).text)
            bill_pages.append(address)
            pdfs += [bill.url for bill in found.bills if bill.key not in had]
            address = f"{account}/bills{found.older}" if found.older else ""
        offered = pages.available_intervals(client.get(f"{account}/usage").text)
    exports = []
    for meter in offered:
        in_store = store.readings.whole_days(stored.id, meter.meter_id, utility.zone)
        wanted = frozenset(days(min(in_store), meter.last))
        zeros = store.readings.zero_days(stored.id, meter.meter_id, utility.zone)
        asked_for = to_ask(wanted, in_store, utility.restated_days, zeros)
        for first, last in spans(asked_for, utility.capabilities.export_days(meter.granularity)):
            query = f"meter={meter.meter_id}&from={first}&to={last}&format=xml"
            exports.append(f"{account}/usage/export?{query}")
    return FloorPlan(cookie, bill_pages, pdfs, f"{account}/usage", exports)


def main() -> None:
    """Get ready, then repeat the requests when the starter gives the sign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base_url")
    parser.add_argument("accounts", type=int)
    given = parser.parse_args()
    line, at_once = StarterLine(), FarmSettings().data_slots
    with Store.open(Settings()).of() as store:
        names = [username(number) for number in range(1, given.accounts + 1)]
        plans = [planned(given.base_url, store, name) for name in names]
    parts = [plans[start::PROCESSES] for start in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as processes:

        def go() -> Done:
            began = time.perf_counter()
            working = [processes.submit(part, given.base_url, plans, at_once) for plans in parts]
            seconds = [second for work in working for second in work.result()]
            return Done(time.perf_counter() - began, seconds)

        go()
        line.wait()
        line.finish(go())


if __name__ == "__main__":
    main()
