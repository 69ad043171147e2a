"""What Redis tells of runs, and what became of those that nobody took."""

from __future__ import annotations

from arq.constants import in_progress_key_prefix

from meterfarm.farm.redis.notifier import notifier_at
from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.records import RunKind
from meterfarm.storage.runs import RunNotification

FIRST, SECOND, THIRD = (RunNotification(number, 1, RunKind.COLLECT) for number in (1, 2, 3))


async def test_a_job_is_lost_if_nobody_has_it_at_two_looks(private_redis: PrivateRedis) -> None:
    """In between, whoever has just taken it says so."""
    async with notifier_at(private_redis.url, "one") as notifier:
        rings = [FIRST, SECOND, THIRD]
        await notifier.notify(rings)
        assert await notifier.missing(rings) == []
        await notifier.redis.zrem(notifier.queue(RunKind.COLLECT), "one:1:1", "one:2:1")
        await notifier.redis.set(in_progress_key_prefix + "one:3:1", "1")
        assert await notifier.missing(rings) == [], "they may have been taken just now"
        assert await notifier.missing([SECOND, THIRD]) == [SECOND, THIRD], (
            "the first is in some process's line"
        )
        assert await notifier.missing([]) == []
        assert await notifier.missing([SECOND]) == []
