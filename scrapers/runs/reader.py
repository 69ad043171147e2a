"""The one thread in which a run reads documents and writes to the store.

PDF reading is not thread-safe, and a writing transaction should not wait for another of the same run; one
thread serves both while the event loop goes on downloading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")


async def read_and_store(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do ``work`` in the reader's thread. Once begun it is waited for, even if the run is broken off.

    What it logs is logged, scrubbed and traced as the caller's.
    """
    job = _THREAD.submit(copy_context().run, partial(work, *args, **kwargs))
    try:
        return await asyncio.wrap_future(job)
    except asyncio.CancelledError:
        if job.running():
            ending = asyncio.wrap_future(job)
            ending.add_done_callback(_passed_over)
            await asyncio.wait({ending})
        raise


def _passed_over(ended: asyncio.Future[T]) -> None:
    """The run is over: nobody asks how it ended, also if the waiting for it is broken off."""
    if not ended.cancelled():
        ended.exception()
