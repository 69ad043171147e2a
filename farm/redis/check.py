"""Whether a Redis does what the farm needs of it: tried with all that workers do, on keys of its own."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix, result_key_prefix, retry_key_prefix
from redis.exceptions import RedisError, ResponseError

from meterfarm.farm.redis.address import RedisAddress, RedisUnusable
from meterfarm.farm.redis.limits_script import Exchange
from meterfarm.farm.redis.notifier import FUNCTION
from meterfarm.farm.redis.refusals import ENDED, explained

_SECONDS = 15.0
_NEARLY_FULL = 0.9
_WRONG = (RedisError, OSError, TimeoutError, ValueError, TypeError, LookupError, AttributeError)
"""The last four: what answers is something else, and its answers are of other shapes."""


@dataclass(frozen=True, slots=True)
class RedisFound:
    """``doubt`` is what may go wrong later, "" if nothing. Its clock: ``theirs`` between two of ours."""

    version: str
    doubt: str
    before: float
    theirs: float
    after: float


async def must_serve(address: RedisAddress, farm: str, seconds: float = _SECONDS) -> RedisFound:
    """Raises RedisUnusable, which says what is wrong."""
    redis = address.connect()
    try:
        async with asyncio.timeout(seconds):
            return await _tried(redis, farm)
    except _WRONG as exc:
        why = explained(exc)
        if why == ENDED and not address.is_tls:
            why = await _greeting(address) or why
        raise RedisUnusable(f"Redis at {address.where} {why}.") from None
    finally:
        with suppress(*_WRONG):
            async with asyncio.timeout(1):
                await redis.aclose()


async def _greeting(address: RedisAddress) -> str:
    """Why it takes no connection, if it says so by itself: its words may be lost to whoever speaks first."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await address.open()
            try:
                greeting = await reader.read(300)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""
    return explained(ResponseError(greeting[1:].decode("ascii", "replace"))) if greeting[:1] == b"-" else ""


async def _tried(redis: ArqRedis, farm: str) -> RedisFound:
    await redis.ping()
    about: dict[str, Any] = await redis.info()
    if about.get("redis_mode") == "sentinel":
        raise RedisUnusable("The Redis of REDIS_URL is a Sentinel; name the server that it watches.")
    if about.get("redis_mode") == "cluster" or about.get("cluster_enabled"):
        raise RedisError("CLUSTERDOWN")
    before = time.time()
    at, micros = await redis.time()
    after = time.time()
    check = f"meterfarm:{farm}:check:{secrets.token_hex(6)}"
    try:
        await _queue(redis, check)
        await _limits(redis, check)
        await _messages(redis, check)
    finally:
        with suppress(*_WRONG):
            async with asyncio.timeout(1):
                await redis.delete(check, *(f"{name}{check}" for name in _PREFIXES))
    version = str(about.get("redis_version", "unknown"))[:20]
    return RedisFound(version, _doubt(about), before, at + micros / 1e6, after)


_PREFIXES = (job_key_prefix, in_progress_key_prefix, retry_key_prefix, result_key_prefix)


async def _queue(redis: ArqRedis, check: str) -> None:
    """A job as arq takes it: entered, found, begun, and done."""
    await redis.dbsize()
    await redis.enqueue_job(FUNCTION, 0, 0, _job_id=check, _queue_name=check, _expires=60)
    if await redis.zrangebyscore(check, min="-inf", max="inf", start=0, num=1) != [check.encode()]:
        raise ValueError(check)
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch(in_progress_key_prefix + check)
        await pipe.exists(in_progress_key_prefix + check)
        await pipe.zscore(check, check)
        cast("Any", pipe).multi()
        pipe.psetex(in_progress_key_prefix + check, 60_000, b"1")
        pipe.get(job_key_prefix + check)
        pipe.incr(retry_key_prefix + check)
        pipe.expire(retry_key_prefix + check, 60)
        pipe.setex(result_key_prefix + check, 60, b"1")
        pipe.zcard(check)
        pipe.zrem(check, check)
        pipe.zincrby(check, 1, check)
        await pipe.execute()
    await redis.delete(check)
    await redis.set(check, 1, nx=True, px=60_000)


async def _limits(redis: ArqRedis, check: str) -> None:
    """The script that counts requests to portals."""
    exchange = Exchange(redis, check, "check", 1, 1, 1.0)
    try:
        reply = await exchange("", [], [], [("check@1", 1)])
        if reply.granted != 1:
            raise ValueError(check)
    finally:
        with suppress(*_WRONG):
            async with asyncio.timeout(1):
                await redis.delete(*exchange.keys)


async def _messages(redis: ArqRedis, check: str) -> None:
    async with redis.pubsub(ignore_subscribe_messages=True) as listening:
        await listening.subscribe(check)
        message = await listening.get_message(timeout=5)
        await redis.publish(check, "1")
        while message is None:
            message = await listening.get_message(timeout=5)
        if message["data"] != b"1":
            raise ValueError(check)


def _doubt(about: dict[str, Any]) -> str:
    most, policy = about.get("maxmemory", 0), str(about.get("maxmemory_policy", "noeviction"))
    if most and policy != "noeviction":
        return "throws away what it holds when it is full; set its maxmemory-policy to noeviction"
    if most and about.get("used_memory", 0) > most * _NEARLY_FULL:
        return "is nearly full; raise its maxmemory"
    return ""
