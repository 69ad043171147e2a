"""Notifies workers over Redis to look into the database; a notification carries nothing but numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix

from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.records import RunKind
from meterfarm.storage.runs import QUEUES, RunNotification

FUNCTION = "run"
_SILENT_SECONDS = 15.0
_LONGEST_NUMBER = 18


class Topic(StrEnum):
    """What processes are notified of, each by a channel of its own."""

    RUN = "runs"
    ANSWER = "answers"
    CANCELLED = "cancelled"


class Notifier:
    """Notifies of queued runs, answers and cancellations of one ``farm``, whatever else is on its Redis.

    Every method raises RedisError or OSError while Redis is away.
    """

    def __init__(self, redis: ArqRedis, farm: str) -> None:
        self.redis = redis
        self.farm = farm
        self._gone: frozenset[RunNotification] = frozenset()

    async def notify(self, runs: Sequence[RunNotification]) -> None:
        """Have workers take queued runs. Repeating it for a run changes nothing."""
        for count, run in enumerate(runs):
            await self.redis.enqueue_job(
                FUNCTION,
                run.run_id,
                run.attempt,
                _job_id=self.job_id(run),
                _queue_name=self.queue(run.kind),
            )
            if count in {0, len(runs) - 1}:
                await self.redis.publish(self._channel(Topic.RUN), str(run.run_id))

    async def missing(self, undelivered: Sequence[RunNotification]) -> Sequence[RunNotification]:
        """Those of the runs that no process has in line and that had no job at the last call either.

        A process that has just taken a job notes by its own next call that it has the run in line.
        """
        gone = await self._taken_or_lost(undelivered) if undelivered else ()
        missing = [run for run in gone if run in self._gone]
        self._gone = frozenset(gone)
        return missing

    async def _taken_or_lost(self, runs: Sequence[RunNotification]) -> Sequence[RunNotification]:
        """Those that do not wait in Redis any more: some process has taken the job, or it is gone.

        A job that was taken stays marked for an hour if its process is killed before it took the run.
        """
        async with self.redis.pipeline(transaction=False) as pipe:
            for run in runs:
                pipe.zscore(self.queue(run.kind), self.job_id(run))
                pipe.exists(in_progress_key_prefix + self.job_id(run))
            answers = await pipe.execute()
        waits = [
            score is not None and not in_progress
            for score, in_progress in zip(answers[::2], answers[1::2], strict=True)
        ]
        return [run for run, still in zip(runs, waits, strict=True) if not still]

    async def has_been_flushed(self) -> bool:
        """Whether Redis has lost its data since the last call."""
        return bool(await self.redis.set(self._named("notified"), 1, nx=True))

    async def claim(self, name: str, seconds: int) -> bool:
        """Whether this is the first call with the name in so many seconds, of all processes of the farm."""
        return bool(await self.redis.set(self._named(f"claim:{name}"), 1, nx=True, ex=seconds))

    async def announce_answer(self, challenge_id: int) -> None:
        """Wake the worker that waits for the answer; it would find it by itself within seconds."""
        await self.redis.publish(self._channel(Topic.ANSWER), str(challenge_id))

    async def announce_cancel(self, run_id: int) -> None:
        """Have the worker that holds the run cancel it; it would notice at its next beat."""
        await self.redis.publish(self._channel(Topic.CANCELLED), str(run_id))

    async def messages(self) -> AsyncIterator[tuple[Topic, int]]:
        """Every notification, with the number of its run or challenge.

        Raises:
            RedisError: the connection broke.
            TimeoutError: Redis has not answered for 30 s.
        """
        channels = {self._channel(topic).encode(): topic for topic in Topic}
        async with self.redis.pubsub() as subscribed:
            await subscribed.subscribe(*channels)
            pinged = False
            while True:
                message = await subscribed.get_message(timeout=_SILENT_SECONDS)
                if message is None and pinged:
                    raise TimeoutError("Redis has fallen silent")
                pinged = message is None
                if message is None:
                    await subscribed.ping()
                    continue
                if message["type"] != "message":
                    continue
                topic, number = channels.get(message["channel"]), message["data"]
                if topic is not None and number.isdigit() and len(number) <= _LONGEST_NUMBER:
                    yield topic, int(number)

    def queue(self, kind: RunKind) -> str:
        """The queue of such runs, as arq knows it."""
        return self._named(QUEUES[kind])

    def job_id(self, run: RunNotification) -> str:
        """The job of one attempt at a run, as arq knows it."""
        return f"{self.farm}:{run.run_id}:{run.attempt}"

    def _channel(self, topic: Topic) -> str:
        return self._named(topic.value)

    def _named(self, name: str) -> str:
        return f"meterfarm:{self.farm}:{name}"


@asynccontextmanager
async def notifier_at(redis_url: str, farm: str) -> AsyncIterator[Notifier]:
    """A notifier on the Redis there. Raises RedisUnusable, RedisError or OSError if there is none."""
    redis = parse_redis_url(redis_url).connect()
    try:
        await redis.ping()
        yield Notifier(redis, farm)
    finally:
        await redis.aclose()
