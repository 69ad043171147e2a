"""Redis as the bell: it tells workers to look into the database, and carries nothing but numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix

from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.records import RunKind
from meterfarm.storage.work import QUEUES, Ring

FUNCTION = "work"
_SILENT_SECONDS = 15.0
_LONGEST_NUMBER = 18


class Heard(StrEnum):
    """What a process is told of, each by a channel of its own."""

    RING = "rings"
    ANSWER = "answers"
    CANCELLED = "cancelled"


class Bell:
    """Rings for queued runs, answers and cancellations of one ``farm``, whatever else is on its Redis."""

    def __init__(self, redis: ArqRedis, farm: str) -> None:
        self.redis = redis
        self.farm = farm
        self._missed: frozenset[Ring] = frozenset()

    async def ring(self, rings: Sequence[Ring]) -> None:
        """Tell workers of queued runs. One that they were told of already changes nothing."""
        for count, one in enumerate(rings):
            await self.redis.enqueue_job(
                FUNCTION,
                one.run_id,
                one.attempt,
                _job_id=self.job_id(one),
                _queue_name=self.queue(one.kind),
            )
            if count in {0, len(rings) - 1}:
                await self.redis.publish(self._channel(Heard.RING), str(one.run_id))

    async def lost(self, unheard: Sequence[Ring]) -> Sequence[Ring]:
        """Those of the runs that no process has in line whose job was gone at the last look, too.

        A process that has just taken a job says by its own next look that it has the run in line.
        """
        missed = await self._taken_or_lost(unheard) if unheard else ()
        lost = [one for one in missed if one in self._missed]
        self._missed = frozenset(missed)
        return lost

    async def _taken_or_lost(self, rings: Sequence[Ring]) -> Sequence[Ring]:
        """Those that do not wait in Redis any more: some process has taken the job, or it is gone.

        A job that was taken stays marked for an hour if its process is killed before it took the run.
        """
        async with self.redis.pipeline(transaction=False) as pipe:
            for one in rings:
                pipe.zscore(self.queue(one.kind), self.job_id(one))
                pipe.exists(in_progress_key_prefix + self.job_id(one))
            answers = await pipe.execute()
        waits = [
            score is not None and not in_progress
            for score, in_progress in zip(answers[::2], answers[1::2], strict=True)
        ]
        return [one for one, still in zip(rings, waits, strict=True) if not still]

    async def has_forgotten(self) -> bool:
        """Whether Redis has lost what it was told since the last look."""
        return bool(await self.redis.set(self._named("rung"), 1, nx=True))

    async def answer(self, challenge_id: int) -> None:
        """Tell the worker that waits that there is an answer; it would look by itself soon."""
        await self.redis.publish(self._channel(Heard.ANSWER), str(challenge_id))

    async def cancel(self, run_id: int) -> None:
        """Tell the worker that holds the run that it is cancelled; it would notice at its next beat."""
        await self.redis.publish(self._channel(Heard.CANCELLED), str(run_id))

    async def heard(self) -> AsyncIterator[tuple[Heard, int]]:
        """Every one, with its run's or challenge's number. Ends with a RedisError."""
        channels = {self._channel(what).encode(): what for what in Heard}
        async with self.redis.pubsub() as listening:
            await listening.subscribe(*channels)
            asked = False
            while True:
                message = await listening.get_message(timeout=_SILENT_SECONDS)
                if message is None and asked:
                    raise TimeoutError("Redis has fallen silent")
                asked = message is None
                if message is None:
                    await listening.ping()
                    continue
                if message["type"] != "message":
                    continue
                what, number = channels.get(message["channel"]), message["data"]
                if what is not None and number.isdigit() and len(number) <= _LONGEST_NUMBER:
                    yield what, int(number)

    def queue(self, kind: RunKind) -> str:
        """The queue of such runs, as arq knows it."""
        return self._named(QUEUES[kind])

    def job_id(self, one: Ring) -> str:
        return f"{self.farm}:{one.run_id}:{one.attempt}"

    def _channel(self, what: Heard) -> str:
        return self._named(what.value)

    def _named(self, what: str) -> str:
        return f"meterfarm:{self.farm}:{what}"


@asynccontextmanager
async def bell_at(redis_url: str, farm: str) -> AsyncIterator[Bell]:
    """A bell on the Redis there. Raises RedisUnusable, RedisError or OSError if there is none."""
    redis = parse_redis_url(redis_url).connect()
    try:
        await redis.ping()
        yield Bell(redis, farm)
    finally:
        await redis.aclose()
