"""The port through which requests go out to a portal no faster than it bears, whoever limits them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")


class PaceLost(Exception):
    """Whoever limits the requests cannot be asked. Not the portal's fault, nor the script's."""


class Held(Protocol):
    """A request's place, while it is held."""

    def extra(self) -> None:
        """Charge one request more: a redirect that a browser followed by itself."""


class Pace(Protocol):
    """How requests to one portal are limited, across all that ask it."""

    def request(self, cost: int = 1) -> AbstractAsyncContextManager[Held]:
        """Waits for a place, which is held from before a request is sent until its answer has come.

        ``cost`` counts the redirects to be expected too: they come within the same answer.

        Raises:
            PaceLost: nobody says whether the request may go.
        """


class _Free:
    def extra(self) -> None:
        pass


class Unpaced:
    """Nobody limits."""

    def request(self, cost: int = 1) -> AbstractAsyncContextManager[Held]:
        return nullcontext(_Free())


UNPACED = Unpaced()


async def paced(pace: Pace, send: Callable[[], Awaitable[T]]) -> T:
    """The answer to a request, sent when the pace allows it.

    A caller that is cancelled while the portal is at work goes at once; the place is held until the answer
    has come all the same, or the connection is closed.
    """
    place = AsyncExitStack()
    await place.enter_async_context(pace.request())
    sending = asyncio.create_task(_sent(place, send))
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        sending.add_done_callback(_nobody_listens)
        raise


def _nobody_listens(sending: asyncio.Task[T]) -> None:
    if not sending.cancelled():
        sending.exception()


async def _sent(place: AsyncExitStack, send: Callable[[], Awaitable[T]]) -> T:
    async with place:
        return await send()
