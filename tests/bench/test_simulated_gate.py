"""The simulated limits let requests go at the very instants at which the script within Redis does."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from heapq import heappop, heappush
from pathlib import Path

import pytest
from redis.asyncio import Redis

import meterfarm.farm.redis.limits_script
from meterfarm.bench.simulation.gate import Gate
from meterfarm.farm.redis.limits import in_a_window
from meterfarm.farm.redis.limits_script import Exchange, LimitTimes
from meterfarm.farm.redis.private import PrivateRedis

_NOW = "{now}:clock"
Sent = list[tuple[float, int]]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    with PrivateRedis(tmp_path / "home") as server:
        async with Redis.from_url(server.url) as redis:
            yield redis


def _in_the_gate(at_once: int, per_second: float, arrivals: list[float], takes: list[float]) -> Sent:
    gate, sent = Gate(at_once, per_second), []
    events = [(when, "arrives", number) for number, when in enumerate(arrivals)]
    while events:
        now, what, number = heappop(events)
        if what == "arrives":
            gate.waiting.append(number)
        elif what == "is answered":
            gate.answered(now)
        while gate.waiting and (when := gate.free_at(now)) <= now:
            number = gate.waiting.popleft()
            gate.send(now)
            sent.append((now, number))
            heappush(events, (round(now + takes[number], 6), "is answered", number))
        if gate.waiting and when != float("inf"):
            heappush(events, (when, "token", -1))
    return sent


async def _in_redis(
    redis: Redis, at_once: int, per_second: float, arrivals: list[float], takes: list[float]
) -> Sent:
    """The same, asking the script whenever an answer has come, or a token comes back."""
    per_window, window = in_a_window(per_second)
    exchange = Exchange(redis, "village", "p", at_once, per_window, window)
    waiting: list[int] = []
    sent: Sent = []
    memory: bytes | str = ""
    events = [(when, "arrives", number) for number, when in enumerate(arrivals)]
    while events:
        now, what, number = heappop(events)
        await redis.mset({_NOW + ":s": int(now), _NOW + ":us": round(now % 1 * 1_000_000)})
        given_back = [(str(number), 1)] if what == "is answered" else []
        if what == "arrives":
            waiting.append(number)
        flying = [(str(number), 1) for at, number in sent if now < round(at + takes[number], 6)]
        renewed = flying if what == "renew" else []
        reply = await exchange(memory, given_back, renewed, [(str(number), 1) for number in waiting])
        memory = reply.memory
        for number in waiting[: reply.granted]:
            sent.append((now, number))
            heappush(events, (round(now + takes[number], 6), "is answered", number))
        del waiting[: reply.granted]
        if what == "is answered":
            heappush(events, (round(now + window, 6), "token", -1))
        if flying and not any(kind == "renew" for _, kind, _ in events):
            heappush(events, (now + LimitTimes().renew, "renew", -1))
    return sent


@pytest.mark.parametrize(
    ("at_once", "per_second", "spread", "mean"),
    [(4, 20, 3.0, 0.2), (2, 5, 4.0, 0.1), (30, 8, 2.0, 0.4), (3, 0.5, 20.0, 1.0), (1, 100, 1.0, 0.05)],
)
async def test_the_gate_is_the_scripts_equal(
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
    per_second: float,
    spread: float,
    mean: float,
) -> None:
    given_time = meterfarm.farm.redis.limits_script._LUA.replace(
        "redis.call('TIME')", f"redis.call('MGET', '{_NOW}:s', '{_NOW}:us')"
    )
    assert given_time != meterfarm.farm.redis.limits_script._LUA
    monkeypatch.setattr(meterfarm.farm.redis.limits_script, "_LUA", given_time)
    dice = random.Random(f"{at_once} {per_second}")  # noqa: S311 - the same each time
    arrivals = sorted(round(1_000 + dice.uniform(0, spread), 6) for _ in range(60 if per_second >= 1 else 12))
    takes = [round(mean * dice.uniform(0.5, 1.5), 6) for _ in arrivals]
    expected = _in_the_gate(at_once, per_second, arrivals, takes)
    assert len(expected) == len(arrivals)
    assert await _in_redis(redis, at_once, per_second, arrivals, takes) == expected
