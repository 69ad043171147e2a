"""`bench farm`: all ways to fetch the same accounts, one after the other, in one run."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from meterfarm.bench import plain_store
from meterfarm.bench.child import BenchChild, BenchFailed, Measured, child
from meterfarm.bench.portal import farm_environment, portal_at, today
from meterfarm.bench.queue_way import WARMING
from meterfarm.bench.rows import BenchRow, row, show
from meterfarm.bench.task import BILLS, DAYS, Task, readings_of, username
from meterfarm.console.errors import NotSetUp
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store

WAYS = ("naive", "crawlee", "cold", "refresh", "floor")


async def bench(accounts: int, json_file: Path | None, ways: Sequence[str] = WAYS) -> int:
    """Measure the ways, print the table, write the file."""
    if find_spec("crawlee") is None:
        raise NotSetUp("Crawlee, which is compared with, is not installed; `./run bench farm` installs it.")
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-", ignore_cleanup_errors=True) as scratch:
        try:
            rows = await _Bench(Path(scratch), accounts, ways).run()
        except BenchFailed as exc:
            raise NotSetUp(f"{exc} Nothing was measured.") from exc
    show(rows)
    if json_file:
        figures = json.dumps({"rows": [asdict(row) for row in rows]}, indent=2) + "\n"
        await asyncio.to_thread(json_file.write_text, figures, encoding="utf-8")
    return 0


class _Bench:
    """One run of all ways. The portal's clock stands at today's noon, and a day later for a refresh."""

    def __init__(self, scratch: Path, accounts: int, ways: Sequence[str]) -> None:
        self._scratch = scratch
        self._accounts = accounts
        self._ways = ways
        self._today = today()
        self._home = scratch / "meterfarm"
        self._home.mkdir(mode=0o700)

    async def run(self) -> Sequence[BenchRow]:
        rows = [*await self._from_nothing()]
        if {"refresh", "floor"} & set(self._ways):
            rows += await self._a_day_later()
        return rows

    async def _from_nothing(self) -> Sequence[BenchRow]:
        async with portal_at(self._today, self._scratch, self._names(WARMING)) as url:
            task = Task(url, self._accounts, self._today - timedelta(days=1))
            rows = []
            for way, module in (
                ("naive", "meterfarm.bench.naive"),
                ("crawlee", "meterfarm.bench.with_crawlee"),
            ):
                if way in self._ways:
                    rows.append(await self._plain(way, module, task))
            if {"cold", "refresh", "floor"} & set(self._ways):
                measured = await self._queue("cold", url)
                self._check_store(task.last)
                rows.append(row("cold", self._accounts, measured))
            return rows

    async def _plain(self, way: str, module: str, task: Task) -> BenchRow:
        folder = self._scratch / way
        folder.mkdir()
        async with child(module, *task.arguments(), folder=folder, environment={}) as started:
            measured = await started.measure()
        bills, readings = plain_store.counts(folder)
        expected = readings_of(task.first, task.last) * self._accounts
        _check(way, self._accounts, bills, readings, expected)
        return row(way, self._accounts, measured)

    async def _queue(self, way: str, url: str) -> Measured:
        async with self._child("meterfarm.bench.queue_way", url, way, str(self._accounts)) as farm:
            return await farm.measure()

    def _child(self, module: str, url: str, *arguments: str) -> AbstractAsyncContextManager[BenchChild]:
        """A process that works with Meterfarm's store, on the portal at ``url``."""
        return child(module, *arguments, folder=self._scratch, environment=farm_environment(self._home, url))

    async def _a_day_later(self) -> Sequence[BenchRow]:
        async with portal_at(self._today + timedelta(days=1), self._scratch, ()) as url:
            async with self._child("meterfarm.bench.floor", url, url, str(self._accounts)) as floor:
                async with self._child(
                    "meterfarm.bench.queue_way", url, "refresh", str(self._accounts)
                ) as farm:
                    before = await _requests(url)
                    refreshed = await farm.measure()
                    between = await _requests(url)
                bare = await floor.measure()
            self._check_store(self._today)
            _check_requests(between - before, await _requests(url) - between)
        return [row("refresh", self._accounts, refreshed), row("floor", self._accounts, bare)]

    def _names(self, more: int = 0) -> Sequence[str]:
        return [username(number) for number in range(1, self._accounts + more + 1)]

    def _check_store(self, last: date) -> None:
        """Every measured customer has all bills, and readings of 13 months; a refresh adds a day."""
        first = self._today - timedelta(days=DAYS)
        bills, readings = [], 0
        with Store.open(Settings(home=self._home)).of() as store:
            for name in self._names():
                customer = store.customers.find(name)
                for stored in store.accounts.list(customer) if customer else ():
                    bills.append(sum(bill.bill is not None for bill in store.bills.list(stored.id).values()))
                    readings += sum(
                        covered.readings for covered in store.readings.coverage(stored.id).values()
                    )
        _check("Meterfarm", self._accounts, bills, readings, readings_of(first, last) * self._accounts)


def _check(way: str, accounts: int, bills: Sequence[int], readings: int, expected: int) -> None:
    if len(bills) != accounts or min(bills, default=0) < BILLS:
        raise BenchFailed(
            f"{way}: {len(bills)} of {accounts} accounts have bills, "
            f"the one with the fewest {min(bills, default=0)} of {BILLS}."
        )
    if readings != expected:
        raise BenchFailed(f"{way}: {readings} readings were stored; {expected} were to be had.")


def _check_requests(refresh: int, floor: int) -> None:
    if refresh != floor:
        raise BenchFailed(f"The floor made {floor} requests; the refresh that it repeats made {refresh}.")


async def _requests(url: str) -> int:
    async with httpx.AsyncClient(timeout=30) as client:
        stats: Any = (await client.get(f"{url}/stats.json")).raise_for_status().json()
    return int(stats["requests"])
