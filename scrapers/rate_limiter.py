"""The port through which requests to a portal are rate limited, whoever keeps the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")


class RateLimiterUnavailable(Exception):
    """The rate limiter cannot be reached. Neither the portal's fault nor the script's."""


class Permit(Protocol):
    """A request's slot, from before it is sent until its answer has come."""

    def extra(self) -> None:
        """Charge one request more: a redirect that a browser followed by itself."""


class RateLimiter(Protocol):
    """How requests to one portal are limited, across all that ask it."""

    def request(self, cost: int = 1, *, of_page: bool = False) -> AbstractAsyncContextManager[Permit]:
        """Wait for a slot, and hold it from before a request is sent until its answer has come.

        ``cost`` counts the redirects to be expected too: they come within the same answer. One ``of_page``
        goes before those that fetch data: a customer may be waiting, and what a sign-in leads through is
        often good for a minute only.

        Raises:
            RateLimiterUnavailable: it cannot be reached.
        """


class _Free:
    def extra(self) -> None:
        pass


class Unlimited:
    """No limits."""

    def request(self, cost: int = 1, *, of_page: bool = False) -> AbstractAsyncContextManager[Permit]:
        """See ``RateLimiter``; it never waits."""
        return nullcontext(_Free())


UNLIMITED = Unlimited()


async def limited(limiter: RateLimiter, send: Callable[[], Awaitable[T]]) -> T:
    """The answer to a request, sent when the limiter allows it.

    A caller that is cancelled while the portal is at work goes at once; the slot is held until the answer
    has come all the same, or the connection is closed.
    """
    slot = AsyncExitStack()
    await slot.enter_async_context(limiter.request())
    sending = asyncio.create_task(_sent(slot, send))
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        sending.add_done_callback(_nobody_listens)
        raise


def _nobody_listens(sending: asyncio.Task[T]) -> None:
    if not sending.cancelled():
        sending.exception()


async def _sent(slot: AsyncExitStack, send: Callable[[], Awaitable[T]]) -> T:
    async with slot:
        return await send()
