"""Redis as the bell: it tells workers to look into the database, and carries nothing but numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import in_progress_key_prefix

from records import RunKind
from storage.work import Ring

FUNCTION = "work"
INTERACTIVE = "meterfarm:interactive"
DATA = "meterfarm:data"
QUEUES = {RunKind.CONNECT: INTERACTIVE, RunKind.COLLECT: DATA}
_MARK = "meterfarm:rung"


class Heard(StrEnum):
    """What a process is told of, each by a channel of its own."""

    RING = "meterfarm:rings"
    ANSWER = "meterfarm:answers"
    CANCELLED = "meterfarm:cancelled"


class Bell:
    """Rings for queued runs, answers and cancellations."""

    def __init__(self, redis: ArqRedis) -> None:
        self.redis = redis
        self._missed: frozenset[Ring] = frozenset()

    async def ring(self, rings: Sequence[Ring]) -> None:
        """Tell workers of queued runs. One that they were told of already changes nothing."""
        for count, one in enumerate(rings):
            await self.redis.enqueue_job(
                FUNCTION,
                one.run_id,
                one.attempt,
                _job_id=_job_id(one),
                _queue_name=QUEUES[one.kind],
            )
            if count in {0, len(rings) - 1}:
                await self.redis.publish(Heard.RING, str(one.run_id))

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
                pipe.zscore(QUEUES[one.kind], _job_id(one))
                pipe.exists(in_progress_key_prefix + _job_id(one))
            answers = await pipe.execute()
        waits = [
            score is not None and not in_progress
            for score, in_progress in zip(answers[::2], answers[1::2], strict=True)
        ]
        return [one for one, still in zip(rings, waits, strict=True) if not still]

    async def has_forgotten(self) -> bool:
        """Whether Redis has lost what it was told since the last look."""
        return bool(await self.redis.set(_MARK, 1, nx=True))

    async def answer(self, challenge_id: int) -> None:
        """Tell the worker that waits that there is an answer; it would look by itself soon."""
        await self.redis.publish(Heard.ANSWER, str(challenge_id))

    async def cancel(self, run_id: int) -> None:
        """Tell the worker that holds the run that it is cancelled; it would notice at its next beat."""
        await self.redis.publish(Heard.CANCELLED, str(run_id))

    async def heard(self) -> AsyncIterator[tuple[Heard, int]]:
        """Every one, with its run's or challenge's number. Ends with a RedisError."""
        async with self.redis.pubsub(ignore_subscribe_messages=True) as listening:
            await listening.subscribe(*Heard)
            async for message in listening.listen():
                yield Heard(message["channel"].decode()), int(message["data"])


def _job_id(one: Ring) -> str:
    return f"{one.run_id}:{one.attempt}"


@asynccontextmanager
async def bell_at(redis_url: str) -> AsyncIterator[Bell]:
    """A bell on the Redis there. Raises RedisError or OSError if there is none."""
    settings = RedisSettings.from_dsn(redis_url)
    settings.conn_retries = 0
    redis = await create_pool(settings)
    try:
        yield Bell(redis)
    finally:
        await redis.aclose()
