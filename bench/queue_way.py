"""Meterfarm through queue, workers and database: from nothing (``cold``), or what is new (``refresh``).

The workers are up before it begins, and have worked a little, as workers in service have: for other
customers than those measured.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from meterfarm.bench.child import BenchFailed, Done, StarterLine, run_until_stopped
from meterfarm.bench.journeys import Journey, load_journey
from meterfarm.bench.task import PASSWORD
from meterfarm.farm.redis.notifier import Notifier, notifier_at
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.workers.supervisor import Workers, redis_at_hand, workers_zygote
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.records import Outcome, RunKind, RunState, SecretKind
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store

PROCESSES = 2
WARMING = 12
_LOOK = 0.05
_LOOK_QUIET = 0.25
"""The end of a run is in the database: looking for it more often only takes time from the workers."""
_UP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class QueueFarm:
    """Workers that serve, and their store."""

    store: CompanyStore
    notifier: Notifier

    async def ring(self) -> None:
        """Tell the workers what is queued, as the commands do that queue something."""
        await self.notifier.notify(await asyncio.to_thread(self.store.farm.runs.to_notify))

    async def add(self, utility: str, usernames: Sequence[str]) -> Sequence[int]:
        """Add customers of a utility one by one, each with a run; their ids."""
        secrets = {SecretKind.PASSWORD: PASSWORD}
        added = []
        for name in usernames:
            customer = await asyncio.to_thread(self.store.customers.add, utility, name, secrets=secrets)
            added.append(customer.id)
            await self.ring()
        return added

    async def refresh(self, customer_ids: Sequence[int]) -> Sequence[int]:
        """Queue a refresh of these; the runs."""
        runs = await asyncio.to_thread(self.store.runs.refresh, customer_ids)
        await self.ring()
        return runs

    async def quiet(self) -> None:
        """Until nothing is to be done but what waits for a person."""
        while True:
            counts = await asyncio.to_thread(self.store.runs.counts)
            if not sum(counts.get(state, 0) for state in (RunState.QUEUED, RunState.RUNNING)):
                return
            await asyncio.sleep(_LOOK_QUIET)

    async def ended(self, customer_ids: Collection[int], since: int = 0) -> Sequence[RunInfo]:
        """The runs after ``since`` of these customers, when each has collected. Raises BenchFailed."""
        await self.quiet()
        listed = await asyncio.to_thread(self.store.runs.list, limit=10_000)
        runs = [run for run in listed if run.id > since and run.customer_id in customer_ids]
        for run in runs:
            if run.outcome is not Outcome.COMPLETE:
                raise BenchFailed(
                    f"A measured run ended {run.outcome or run.state}: {run.username}: {run.message}"
                )
        collected = {run.customer_id for run in runs if run.kind is RunKind.COLLECT}
        if collected != set(customer_ids):
            raise BenchFailed(f"Of {len(customer_ids)} customers only {len(collected)} were collected.")
        return runs


@asynccontextmanager
async def serving(zygote: Zygote, processes: int, queue: str | None = None) -> AsyncIterator[QueueFarm]:
    """So many workers on a Redis of their own, once all of them listen."""
    settings = Settings()
    with await asyncio.to_thread(lambda: Store.open(settings).of()) as store:
        farm = store.farm.workforce.key()
        async with redis_at_hand(FarmSettings(), settings.home) as url, notifier_at(url, farm) as notifier:
            working = asyncio.create_task(Workers(zygote, url, processes, queue).run())
            try:
                async with asyncio.timeout(_UP_SECONDS):
                    await _all_listen(notifier, processes)
                yield QueueFarm(store, notifier)
            finally:
                working.cancel()
                await asyncio.wait({working})


async def _all_listen(notifier: Notifier, processes: int) -> None:
    """Until so many workers listen for what concerns runs under way: then all else of them is up."""
    while True:
        channels = await notifier.redis.pubsub_channels()
        listening = await notifier.redis.pubsub_numsub(*channels) if channels else []
        if min((count for _, count in listening), default=0) >= processes:
            return
        await asyncio.sleep(_LOOK)


def done(runs: Sequence[RunInfo]) -> Done:
    """From the first run queued to the last one's end; for each customer, how long their runs took."""
    seconds: dict[int, float] = {}
    ends = []
    for run in runs:
        if run.started_at is None or run.ended_at is None:
            raise BenchFailed(f"The run {run.id} has no end.")
        worked = (run.ended_at - run.started_at).total_seconds()
        seconds[run.customer_id] = seconds.get(run.customer_id, 0) + worked
        ends.append(run.ended_at)
    elapsed = (max(ends) - min(run.requested_at for run in runs)).total_seconds()
    return Done(elapsed, list(seconds.values()))


async def cold(zygote: Zygote, line: StarterLine, journey: Journey, accounts: int) -> None:
    """Measure customers without data in store."""
    async with serving(zygote, PROCESSES) as farm:
        names = [journey.username(number) for number in range(1, accounts + WARMING + 1)]
        await farm.ended(await farm.add(journey.utility, names[accounts:]))
        await asyncio.to_thread(line.wait)
        customers = await farm.add(journey.utility, names[:accounts])
        runs = await farm.ended(customers)
        await asyncio.to_thread(line.finish, done(runs))


async def refresh(zygote: Zygote, line: StarterLine, journey: Journey, accounts: int) -> None:
    """Measure the refresh of customers with data in store."""
    async with serving(zygote, PROCESSES) as farm:
        ids = {info.username: info.id for info in await asyncio.to_thread(farm.store.customers.list)}
        measured = [ids[journey.username(number)] for number in range(1, accounts + 1)]
        warming = sorted(set(ids.values()) - set(measured))
        last = max(await farm.refresh(warming))
        await farm.ended(warming, last - len(warming))
        await asyncio.to_thread(line.wait)
        await farm.refresh(measured)
        runs = await farm.ended(measured, last)
        pages = sum(run.pages for run in runs)
        if pages:
            raise BenchFailed(f"The refresh opened {pages} browser pages; it should open none.")
        await asyncio.to_thread(line.finish, done(runs))


def main() -> None:
    """Get ready, then measure when the starter gives the sign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("utility")
    parser.add_argument("way", choices=("cold", "refresh"))
    parser.add_argument("accounts", type=int)
    given = parser.parse_args()
    way = {"cold": cold, "refresh": refresh}[given.way]
    line, journey = StarterLine(), load_journey(given.utility)
    with workers_zygote() as zygote:
        run_until_stopped(way(zygote, line, journey, given.accounts))


if __name__ == "__main__":
    main()
