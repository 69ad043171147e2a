"""The run's one thread for reading and storing."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from meterfarm.scrapers.runs.reader import read_and_store


async def test_what_fails_after_its_run_was_broken_off_is_passed_over() -> None:
    """Though the run is broken off once more while the thread is still at work."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    begun, go_on, ended = threading.Event(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        begun.set()
        go_on.wait(20)
        loop.call_soon_threadsafe(ended.set)
        raise ValueError("another worker has the run")

    run = asyncio.ensure_future(read_and_store(work))
    await asyncio.to_thread(begun.wait, 20)
    for _ in range(2):
        run.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await run
    go_on.set()
    await ended.wait()
    await read_and_store(int)  # the thread is done with it
    gc.collect()
    assert complaints == []
