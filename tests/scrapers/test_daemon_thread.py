"""Whatever becomes of a call in a thread of its own, whoever waits for it hears of it."""

from __future__ import annotations

import asyncio

import pytest

from scrapers.daemon_thread import in_daemon_thread

SECONDS = 10


async def test_what_a_call_gives_reaches_who_waits() -> None:
    async with asyncio.timeout(SECONDS):
        assert await in_daemon_thread(lambda: 7) == 7


@pytest.mark.parametrize("error", [EOFError, RuntimeError, AttributeError, SystemExit])
async def test_whatever_a_call_raises_reaches_who_waits(error: type[BaseException]) -> None:
    def work() -> None:
        raise error("what went wrong")

    with pytest.raises(error, match="what went wrong"):
        async with asyncio.timeout(SECONDS):
            await in_daemon_thread(work)


async def test_neither_is_anybody_left_waiting_by_what_no_future_can_hold() -> None:
    """Python turns a StopIteration that leaves a coroutine into a RuntimeError."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        async with asyncio.timeout(SECONDS):
            await in_daemon_thread(lambda: next(iter(())))
