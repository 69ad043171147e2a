"""Waiting for something that may never come, without keeping the program alive for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """The result of a call that may block for ever; Ctrl-C ends the program without waiting for it.

    What comes after the loop was closed is nobody's any more.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if not future.done():
            future.set_result((result, error))

    def tell(result: T | None, error: BaseException | None) -> None:
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            if not loop.is_closed():
                raise

    def call() -> None:
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001 - whoever waits has to hear of it, else they wait for ever
            tell(None, exc)
        else:
            tell(result, None)

    threading.Thread(target=call, daemon=True, name="blocking call").start()
    result, error = await future
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only where T allows it
