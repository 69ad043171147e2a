"""What asyncio lacks: a group that raises its first error, detached tasks, calls that may block for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


async def gather(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Run ``works`` concurrently. The first that fails cancels the others, and its own error is raised.

    ``asyncio.gather`` leaves the others running, and a task group raises a group of errors.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as exc:
        raise exc.exceptions[0] from exc


def detached_task(work: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
    """``work`` as a task with an empty context: it logs, scrubs and traces for no run in particular.

    For what one run happens to start and what then serves all.
    """
    return asyncio.create_task(work, name=name, context=Context())


async def made_in(pool: Executor, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts, made in threads of which there are few: however many read, other requests have theirs."""
    loop = asyncio.get_running_loop()
    while (part := await loop.run_in_executor(pool, next, parts, None)) is not None:
        yield part


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """The result of a call that may block for ever; Ctrl-C ends the program without waiting for it.

    A result that comes after the loop was closed is dropped.

    Raises:
        BaseException: whatever ``work`` raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if not future.done():
            future.set_result((result, error))

    def hand_over(result: T | None, error: BaseException | None) -> None:
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            if not loop.is_closed():
                raise

    def call() -> None:
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001 - without an error the caller would wait for ever
            hand_over(None, exc)
        else:
            hand_over(result, None)

    threading.Thread(target=call, daemon=True, name="blocking call").start()
    result, error = await future
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only where T allows it
