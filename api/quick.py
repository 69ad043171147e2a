"""Reads that take less time than another thread's turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from meterfarm.storage.store import Store

P = ParamSpec("P")
T = TypeVar("T")


async def read_quickly(farm: Store, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``read`` gives of a few rows: at once from a local database, else in a thread of its own."""
    if farm.is_local:
        return read(*args, **kwargs)
    return await run_in_threadpool(read, *args, **kwargs)
