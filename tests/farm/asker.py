"""A process that asks a portal at the pace of its limits: a line on standard output for each answer.

asker.py REDIS_URL PORTAL_PORT AT_ONCE PER_SECOND REQUESTS PATH
"""

from __future__ import annotations

import asyncio
import random
import sys

from redis.asyncio import Redis

from meterfarm.farm.redis.limits import PortalRateLimiter, RateLimits

WAY_SECONDS = 0.15
"""The longest that a request is on its way, there and back."""


async def travel() -> None:
    await asyncio.sleep(WAY_SECONDS * random.random())  # noqa: S311 - any will do


async def ask(port: int, path: str) -> None:
    await travel()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    await reader.read()
    writer.close()
    await writer.wait_closed()
    await travel()


async def paced(limits: PortalRateLimiter, port: int, path: str) -> None:
    async with limits.request():
        await ask(port, path)
    sys.stdout.write("answered\n")
    sys.stdout.flush()


async def main(url: str, port: str, at_once: str, per_second: str, requests: str, path: str) -> None:
    async with Redis.from_url(url) as redis, RateLimits(redis, "farm") as limits:
        portal = limits.named("village", int(at_once), float(per_second))
        await asyncio.gather(*(paced(portal, int(port), path) for _ in range(int(requests))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
