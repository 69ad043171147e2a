"""`bench farm`: all ways to fetch the same accounts, one after the other, in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from meterfarm.bench import plain_store
from meterfarm.bench.child import BenchChild, BenchFailed, child
from meterfarm.bench.journeys import Journey, load_journey
from meterfarm.bench.portal import MeasuredPortal, farm_environment, portal_at, today
from meterfarm.bench.queue_way import WARMING
from meterfarm.bench.rows import BenchRow, row, show
from meterfarm.bench.task import DAYS, Task
from meterfarm.console.errors import NotSetUp
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.utilities import load_utility

WAYS = ("naive", "crawlee", "cold", "refresh", "floor")


async def bench(utility: str, accounts: int, ways: Sequence[str] = WAYS) -> object:
    """Measure the ways at a utility's portal, print the table; its figures as JSON has them."""
    load_utility(utility)
    journey = load_journey(utility)
    if find_spec("crawlee") is None:
        raise NotSetUp("Crawlee, which is compared with, is not installed; `./run bench farm` installs it.")
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-", ignore_cleanup_errors=True) as scratch:
        try:
            rows = await _Bench(Path(scratch), journey, accounts, ways).run()
        except BenchFailed as exc:
            raise NotSetUp(f"{exc} Nothing was measured.") from exc
    show(rows)
    return {"rows": [asdict(row) for row in rows]}


class _Bench:
    """One run of all ways. The portal's clock stands at today's noon, and a day later for a refresh."""

    def __init__(self, scratch: Path, journey: Journey, accounts: int, ways: Sequence[str]) -> None:
        self._scratch = scratch
        self._journey = journey
        self._accounts = accounts
        self._ways = ways
        self._today = today(journey.utility)
        self._home = scratch / "meterfarm"
        self._home.mkdir(mode=0o700)

    async def run(self) -> Sequence[BenchRow]:
        rows = [*await self._from_nothing()]
        if {"refresh", "floor"} & set(self._ways):
            rows += await self._a_day_later()
        return rows

    async def _from_nothing(self) -> Sequence[BenchRow]:
        async with self._portal(self._today, self._names(WARMING)) as portal:
            utility = self._journey.utility
            task = Task(utility, portal.base_url, self._accounts, self._today - timedelta(days=1))
            rows = []
            for way, module in (
                ("naive", "meterfarm.bench.naive"),
                ("crawlee", "meterfarm.bench.with_crawlee"),
            ):
                if way in self._ways:
                    rows.append(await self._plain(way, module, task, portal))
            if {"cold", "refresh", "floor"} & set(self._ways):
                async with self._queue("cold", portal) as farm:
                    measured = await farm.measure()
                self._check_store(task.last)
                rows.append(row("cold", self._accounts, measured))
            return rows

    async def _plain(self, way: str, module: str, task: Task, portal: MeasuredPortal) -> BenchRow:
        folder = self._scratch / way
        folder.mkdir()
        async with child(module, *task.arguments(), folder=folder, environment=portal.settings) as started:
            measured = await started.measure()
        self._check(way, *plain_store.counts(folder), task.first, task.last)
        return row(way, self._accounts, measured)

    async def _a_day_later(self) -> Sequence[BenchRow]:
        async with self._portal(self._today + timedelta(days=1), ()) as portal:
            async with self._child("meterfarm.bench.floor", portal, portal.base_url) as floor:
                async with self._queue("refresh", portal) as farm:
                    before = await portal.requests()
                    refreshed = await farm.measure()
                    between = await portal.requests()
                bare = await floor.measure()
            self._check_store(self._today)
            _check_requests(between - before, await portal.requests() - between)
        return [row("refresh", self._accounts, refreshed), row("floor", self._accounts, bare)]

    def _portal(self, day: date, prerendered: Sequence[str]) -> AbstractAsyncContextManager[MeasuredPortal]:
        return portal_at(self._journey.utility, day, self._scratch, prerendered)

    def _queue(self, way: str, portal: MeasuredPortal) -> AbstractAsyncContextManager[BenchChild]:
        return self._child("meterfarm.bench.queue_way", portal, way)

    def _child(
        self, module: str, portal: MeasuredPortal, argument: str
    ) -> AbstractAsyncContextManager[BenchChild]:
        """A process that works with Meterfarm's store, on a portal."""
        return child(
            module,
            *(self._journey.utility, argument, str(self._accounts)),
            folder=self._scratch,
            environment=farm_environment(self._home, portal),
        )

    def _names(self, more: int = 0) -> Sequence[str]:
        return [self._journey.username(number) for number in range(1, self._accounts + more + 1)]

    def _check_store(self, last: date) -> None:
        """Every measured customer has all bills, and readings of 13 months; a refresh adds a day."""
        first = self._today - timedelta(days=DAYS)
        bills, readings = [], 0
        with Store.open(Settings(home=self._home)).of() as store:
            for name in self._names():
                customer = store.customers.find(name)
                for stored in store.accounts.list(customer) if customer else ():
                    bills.append(
                        sum(bill.bill is not None for bill in store.bills.of_account(stored.id).values())
                    )
                    readings += sum(
                        covered.readings for covered in store.readings.coverage(stored.id).values()
                    )
        self._check("Meterfarm", bills, readings, first, last)

    def _check(self, way: str, bills: Sequence[int], readings: int, first: date, last: date) -> None:
        least, wanted = min(bills, default=0), self._journey.bills
        if len(bills) != self._accounts or least < wanted:
            raise BenchFailed(
                f"{way}: {len(bills)} of {self._accounts} accounts have bills, "
                f"the one with the fewest {least} of {wanted}."
            )
        expected = readings_of(self._journey, first, last) * self._accounts
        if readings != expected:
            raise BenchFailed(f"{way}: {readings} readings were stored; {expected} were to be had.")


def readings_of(journey: Journey, first: date, last: date) -> int:
    """How many readings an account's meters have in these days, which may have 23 or 25 hours."""
    zone = load_utility(journey.utility).zone
    start, end = (
        datetime.combine(day, datetime.min.time(), zone) for day in (first, last + timedelta(days=1))
    )
    minutes = int(end.timestamp() - start.timestamp()) // 60
    return sum(minutes // length for length in journey.minutes)


def _check_requests(refresh: int, floor: int) -> None:
    if refresh != floor:
        raise BenchFailed(f"The floor made {floor} requests; the refresh that it repeats made {refresh}.")
