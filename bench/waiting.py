"""One worker process with many customers who wait for a code: its memory, and data runs beside them."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Collection, Sequence

import httpx

from meterfarm.bench.child import BenchFailed, StarterLine, run_until_stopped
from meterfarm.bench.journeys.speculoos_power import JOURNEY
from meterfarm.bench.process_tree import memory_mib
from meterfarm.bench.queue_way import QueueFarm, serving
from meterfarm.bench.rows import percentile
from meterfarm.farm.codes.answer_codec import encode_code
from meterfarm.farm.workers.supervisor import workers_zygote
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.records import Outcome, RunKind, RunState
from meterfarm.storage.runs import RunInfo

WARMING = 3
RESUMED = 5
_LOOK = 0.1
_RESUME_SECONDS = 120.0


async def collect(farm: QueueFarm, usernames: Sequence[str]) -> dict[str, float]:
    """Have new customers' data collected; how long the data runs took."""
    runs = await farm.ended(await farm.add(JOURNEY.utility, usernames))
    seconds = [
        (run.ended_at - run.started_at).total_seconds()
        for run in runs
        if run.kind is RunKind.COLLECT and run.started_at and run.ended_at
    ]
    return {"p50": percentile(seconds, 0.5), "p95": percentile(seconds, 0.95)}


async def let_wait(farm: QueueFarm, count: int) -> None:
    """Have so many customers wait for a code, all at once. Raises BenchFailed if one does not."""
    names = [f"ineedmfa+text_message.{number}@bayou.energy" for number in range(1, count + 1)]
    await farm.add(JOURNEY.utility, names)
    await farm.quiet()
    waiting = (await asyncio.to_thread(farm.store.runs.counts)).get(RunState.WAITING, 0)
    if waiting != count:
        raise BenchFailed(f"{waiting} of {count} customers wait for a code.")


async def resume(farm: QueueFarm, base_url: str) -> int:
    """Answer for a few of those who wait; how many came through, with all their data."""
    asked = (await asyncio.to_thread(farm.store.challenges.list, only_open=True))[:RESUMED]
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
        for challenge in asked:
            outbox = (await client.get("/outbox.json", params={"username": challenge.username})).json()
            answer = encode_code(str(outbox["messages"][-1]["code"]))
            await asyncio.to_thread(farm.store.challenges.answer, challenge.id, answer)
            await farm.notifier.announce_answer(challenge.id)
    return await _all_collected(farm, {challenge.customer_id for challenge in asked})


async def _all_collected(farm: QueueFarm, customer_ids: Collection[int]) -> int:
    """Until each of them was collected; how many that are."""
    try:
        async with asyncio.timeout(_RESUME_SECONDS):
            while True:
                runs = await asyncio.to_thread(farm.store.runs.list, limit=10 * RESUMED)
                ended = {run.customer_id for run in runs if _is_collected(run)}
                if ended >= set(customer_ids):
                    return len(customer_ids)
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        raise BenchFailed(f"Not all of {len(customer_ids)} who answered were collected.") from None


def _is_collected(run: RunInfo) -> bool:
    return run.kind is RunKind.COLLECT and run.outcome is Outcome.COMPLETE


async def measure(zygote: Zygote, line: StarterLine, base_url: str, waiting: int, data: int) -> None:
    """Measure how customers are collected while others wait for a code."""
    async with serving(zygote, 1) as farm:
        await collect(farm, [JOURNEY.username(2 * data + number) for number in range(1, WARMING + 1)])
        await asyncio.to_thread(line.wait)
        before = await asyncio.to_thread(memory_mib, os.getpid())
        alone = await collect(farm, [JOURNEY.username(number) for number in range(1, data + 1)])
        line.send({"waiting": 0, "data": data, **alone, "memory_mib": before})
        await let_wait(farm, waiting)
        with_all = await asyncio.to_thread(memory_mib, os.getpid())
        beside = await collect(farm, [JOURNEY.username(data + number) for number in range(1, data + 1)])
        line.send({"waiting": waiting, "data": data, **beside, "memory_mib": with_all})
        line.send({"resumed": await resume(farm, base_url)})


def main() -> None:
    """Get ready, then measure when the starter gives the sign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base_url")
    parser.add_argument("waiting", type=int)
    parser.add_argument("data", type=int)
    given = parser.parse_args()
    line = StarterLine()
    with workers_zygote() as zygote:
        run_until_stopped(measure(zygote, line, given.base_url, given.waiting, given.data))


if __name__ == "__main__":
    main()
