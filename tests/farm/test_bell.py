"""What Redis tells of runs, and what became of those that nobody took."""

from __future__ import annotations

from arq.constants import in_progress_key_prefix

from meterfarm.farm.redis.notifier import bell_at
from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.records import RunKind
from meterfarm.storage.work import Ring

FIRST, SECOND, THIRD = (Ring(number, 1, RunKind.COLLECT) for number in (1, 2, 3))


async def test_a_job_is_lost_if_nobody_has_it_at_two_looks(private_redis: PrivateRedis) -> None:
    """In between, whoever has just taken it says so."""
    async with bell_at(private_redis.url, "one") as bell:
        rings = [FIRST, SECOND, THIRD]
        await bell.ring(rings)
        assert await bell.lost(rings) == []
        await bell.redis.zrem(bell.queue(RunKind.COLLECT), "one:1:1", "one:2:1")
        await bell.redis.set(in_progress_key_prefix + "one:3:1", "1")
        assert await bell.lost(rings) == [], "they may have been taken just now"
        assert await bell.lost([SECOND, THIRD]) == [SECOND, THIRD], "the first is in some process's line"
        assert await bell.lost([]) == []
        assert await bell.lost([SECOND]) == []
