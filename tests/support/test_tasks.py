"""Whatever becomes of a call in a thread of its own, whoever waits for it hears of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from meterfarm.support.tasks import in_daemon_thread

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


@pytest.mark.parametrize("end", [lambda: 7, lambda: int("seven")], ids=["gives", "raises"])
def test_what_comes_after_the_program_ended_is_no_error(end: Callable[[], int]) -> None:
    begun, late = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def work() -> int:
        threads.append(threading.current_thread())
        begun.set()
        late.wait(SECONDS)
        return end()

    async def program() -> None:
        waiting = asyncio.create_task(in_daemon_thread(work))
        await asyncio.to_thread(begun.wait, SECONDS)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting

    told: list[threading.ExceptHookArgs] = []
    before, threading.excepthook = threading.excepthook, told.append
    try:
        asyncio.run(program())
        late.set()
        threads[0].join(SECONDS)
    finally:
        threading.excepthook = before
    assert not threads[0].is_alive()
    assert not told
