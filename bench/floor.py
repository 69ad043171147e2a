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
from datetime import date

import httpx

from meterfarm.bench.child import BenchFailed, Done, StarterLine
from meterfarm.bench.journeys import FloorPlan, Journey, Lacking, load_journey
from meterfarm.bench.queue_way import PROCESSES
from meterfarm.bench.task import local_hosts
from meterfarm.farm.settings import FarmSettings
from meterfarm.scrapers.runs.intervals import to_ask
from meterfarm.scrapers.runs.spans import days, spans
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.utility import AvailableIntervals
from meterfarm.storage.customers import Customer
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.local_hosts import LocalHosts
from meterfarm.utilities import load_utility

_TIMEOUT = 30
Visits = Sequence[tuple[FloorPlan, PortalSession]]


class LocalTransport(httpx.AsyncBaseTransport):
    """Finds the host names that stand for this machine, and trusts their authority for them."""

    def __init__(self, hosts: LocalHosts) -> None:
        self._hosts = hosts
        self._there = httpx.AsyncHTTPTransport(verify=hosts.tls())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request where its host is."""
        name = request.url.host
        target = self._hosts.target(name)
        if target is None:
            raise BenchFailed(f"{name} is not on this machine.")
        host, port = target
        there = httpx.Request(
            request.method,
            request.url.copy_with(host=host, port=port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": name},
        )
        return await self._there.handle_async_request(there)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._there.aclose()


def client_of(base_url: str) -> httpx.AsyncClient:
    """A client for the portal, by its names if it has any."""
    hosts = local_hosts()
    transport = LocalTransport(hosts) if hosts.addresses else None
    return httpx.AsyncClient(base_url=base_url, timeout=_TIMEOUT, transport=transport)


async def visit_all(base_url: str, visits: Visits, at_once: int) -> list[float]:
    """Seconds that each visit took, with so many at once."""
    slots = asyncio.Semaphore(at_once)

    async def in_slot(client: httpx.AsyncClient, plan: FloorPlan, session: PortalSession) -> float:
        async with slots:
            began = time.perf_counter()
            await plan.repeat(client, session)
            return time.perf_counter() - began

    async with client_of(base_url) as client:
        return await asyncio.gather(*(in_slot(client, plan, session) for plan, session in visits))


def part(base_url: str, visits: Visits, at_once: int) -> list[float]:
    """What one of the processes does."""
    return asyncio.run(visit_all(base_url, visits, at_once))


class Saved:
    """What Meterfarm's store has of the customers who are measured."""

    def __init__(self, store: CompanyStore, journey: Journey, accounts: int) -> None:
        self._store = store
        self._journey = journey
        self._utility = load_utility(journey.utility)
        self._names = [journey.username(number) for number in range(1, accounts + 1)]

    def sessions(self) -> Sequence[PortalSession]:
        """Each one's session as it is saved now."""
        return [self._session(name) for name in self._names]

    async def plans(self, base_url: str) -> Sequence[FloorPlan]:
        """What each one's refresh will ask for."""
        async with client_of(base_url) as client:
            return [
                await self._journey.plan(client, name, self._session(name), self._lacking(name))
                for name in self._names
            ]

    def _customer(self, name: str) -> Customer:
        customer = self._store.customers.find(name)
        if customer is None:
            raise BenchFailed(f"{name} is not in store.")
        return customer

    def _session(self, name: str) -> PortalSession:
        saved = self._store.credentials.run_context(self._customer(name)).session
        session = PortalSession.from_bytes(saved.state) if saved else None
        if session is None:
            raise BenchFailed(f"{name} has no saved session to refresh with.")
        return session

    def _lacking(self, name: str) -> Lacking:
        (stored,) = self._store.accounts.list(self._customer(name))
        readings, utility = self._store.readings, self._utility

        def lacking(offer: AvailableIntervals) -> Sequence[tuple[date, date]]:
            in_store = readings.whole_days(stored.id, offer.meter_id, utility.zone)
            wanted = frozenset(days(min(in_store), offer.last))
            zeros = readings.zero_days(stored.id, offer.meter_id, utility.zone)
            asked_for = to_ask(wanted, in_store, utility.restated_days, zeros)
            return list(spans(asked_for, utility.capabilities.export_days(offer.granularity)))

        return Lacking(stored.account, self._store.bills.of_account(stored.id), lacking)


def main() -> None:
    """Get ready, then repeat the requests when the starter gives the sign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("utility")
    parser.add_argument("base_url")
    parser.add_argument("accounts", type=int)
    given = parser.parse_args()
    line, at_once = StarterLine(), FarmSettings().data_slots
    with (
        Store.open(Settings()).of() as store,
        ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as processes,
    ):
        saved = Saved(store, load_journey(given.utility), given.accounts)
        plans = asyncio.run(saved.plans(given.base_url))

        def go(sessions: Sequence[PortalSession]) -> Done:
            visits = list(zip(plans, sessions, strict=True))
            parts = [visits[start::PROCESSES] for start in range(PROCESSES)]
            began = time.perf_counter()
            working = [processes.submit(part, given.base_url, each, at_once) for each in parts]
            seconds = [second for work in working for second in work.result()]
            return Done(time.perf_counter() - began, seconds)

        go([plan.rehearsal for plan in plans])
        line.wait()
        line.finish(go(saved.sessions()))


if __name__ == "__main__":
    main()
