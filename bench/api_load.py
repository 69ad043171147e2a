"""HTTP clients that ask for one thing again and again, side by side, and how long they waited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from meterfarm.bench.child import BenchFailed

_TIMEOUT = aiohttp.ClientTimeout(total=120)
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Load:
    """What came of many requests: how many a second were answered, and how long each took, in seconds."""

    per_second: float
    seconds: Sequence[float]


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """What came of one long answer: seconds to its first byte and to its last, and its bytes."""

    first: float
    total: float
    size: int


class LoadClient:
    """Connections to one server that stay open; ``clients`` of them at most."""

    def __init__(self, base_url: str, key: str, clients: int) -> None:
        connector = aiohttp.TCPConnector(limit=clients)
        auth = aiohttp.BasicAuth(key, "") if key else None
        self._session = aiohttp.ClientSession(base_url, connector=connector, auth=auth, timeout=_TIMEOUT)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def ask(self, path: str, clients: int, requests: int) -> Load:
        """``requests`` of them in all, by so many clients at once, each asking as soon as it has its answer.

        Raises:
            BenchFailed: an answer was none.
        """
        left, seconds = iter(range(requests)), list[float]()

        async def client() -> None:
            for _ in left:
                seconds.append(await self._once(path))

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        return Load(requests / (time.perf_counter() - began), seconds)

    async def stream(self, path: str) -> StreamedAnswer:
        """Read one long answer as it comes.

        Raises:
            BenchFailed: the answer was none.
        """
        began, first, size = time.perf_counter(), 0.0, 0
        async with self._session.get(path) as response:
            self._check(path, response.status)
            async for chunk in response.content.iter_chunked(_CHUNK):
                first = first or time.perf_counter() - began
                size += len(chunk)
        return StreamedAnswer(first, time.perf_counter() - began, size)

    async def _once(self, path: str) -> float:
        began = time.perf_counter()
        async with self._session.get(path) as response:
            await response.read()
            self._check(path, response.status)
        return time.perf_counter() - began

    def _check(self, path: str, status: int) -> None:
        if status != 200:
            raise BenchFailed(f"{path} was answered with {status}.")
