"""How a process of ours ends: by a signal, or because the command that started it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

import structlog


async def until_stopped(work: Coroutine[Any, Any, None], parent: int | None, name: str) -> None:
    """Do ``work``; cancel it at SIGINT or SIGTERM, or when the pipe ``parent`` closes."""
    serving = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def orphaned(pipe: int) -> None:
        loop.remove_reader(pipe)  # else it would be called again and again, and cut the shutdown short
        serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    if parent is not None:
        os.set_blocking(parent, False)
        loop.add_reader(parent, orphaned, parent)
    try:
        await serving
    except asyncio.CancelledError:
        structlog.get_logger(name).info(f"{name}.stopped")
