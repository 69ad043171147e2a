"""The requests of a browser page, sent as the portal's rate limiter allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import BrowserContext, Request, Response, Route
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.browser.listeners import listener
from meterfarm.scrapers.rate_limiter import Permit, RateLimiter, RateLimiterUnavailable

_LONGEST_SECONDS = 60.0
_FOLLOWED_SECONDS = 1.0
_FORM_POST = 2
_ASKS = frozenset({"fetch", "xhr"})


class _RequestSlot:
    """A rate limiter's slot, held by a task of its own until released; ``cost - 1`` redirects are paid for.

    A request that takes longer than any page may is a stream or a long poll: its slot is released.
    """

    def __init__(self, limiter: RateLimiter, cost: int) -> None:
        self.used = False
        self._spare = cost - 1
        self._granted: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        self._answered = asyncio.Event()
        self._holding = asyncio.create_task(self._hold(limiter, cost))

    async def _hold(self, limiter: RateLimiter, cost: int) -> None:
        async with limiter.request(cost, of_page=True) as held:
            self._granted.set_result(held)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_SECONDS):
                    await self._answered.wait()

    async def granted(self) -> bool:
        """Wait for it; False if it was released meanwhile.

        Raises:
            RateLimiterUnavailable: the limiter cannot be reached.
        """
        either: set[asyncio.Future[Any]] = {self._granted, self._holding}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._granted.done() and not self._holding.cancelled():
            self._holding.result()
        return self._granted.done()

    def redirected(self) -> None:
        if self._spare:
            self._spare -= 1
        elif self._granted.done() and not self._holding.done():
            self._granted.result().extra()

    def answered(self) -> None:
        self._answered.set()

    def release(self) -> None:
        """Without an answer."""
        self._holding.cancel()


class RequestThrottle:
    """Takes a slot before each request of a browser context, and holds it until the request has ended.

    The browser follows redirects by itself and asks nobody: they keep the slot of the request that was
    redirected, and are charged as they are seen. ``lost`` is why a request could not be sent.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        is_allowed: Callable[[str], bool],
        refuse: Callable[[Route], Awaitable[None]],
    ) -> None:
        self.lost: RateLimiterUnavailable | None = None
        self._limiter = limiter
        self._is_allowed = is_allowed
        self._refuse = refuse
        self._ahead: _RequestSlot | None = None
        self._slots: dict[Request, _RequestSlot] = {}
        self._waiting: dict[Request, Route] = {}
        self._leading_on: set[Request] = set()
        self._shut = False

    async def start(self, context: BrowserContext) -> None:
        """Throttle all requests of the context from now on."""
        context.on("request", listener(self._sent))
        context.on("response", listener(self._answered))
        context.on("requestfinished", listener(self._finished))
        context.on("requestfailed", listener(self._release))
        await context.route("**/*", self._throttle)

    async def shut(self) -> None:
        """Send nothing more, before the browser is closed: it would send what it was made to hold back."""
        self._shut = True
        for request, route in list(self._waiting.items()):
            self._release(request)
            await _abort(route)

    def close(self) -> None:
        """Release every slot: the page is gone, and its connections with it."""
        for request in list(self._slots):
            self._release(request)

    @asynccontextmanager
    async def ahead(self, cost: int) -> AsyncIterator[None]:
        """Take the slot of the navigation or request in the block beforehand: its time limit starts then."""
        self.lost = None
        slot = _RequestSlot(self._limiter, cost)
        try:
            await slot.granted()
            self._ahead = slot
            yield
        finally:
            self._ahead = None
            if not slot.used:
                slot.release()

    async def _throttle(self, route: Route) -> None:
        request = route.request
        if not self._is_allowed(request.url):
            await self._refuse(route)
            return
        if self._shut:
            await _abort(route)
            return
        slot = self._slots[request] = self._slot(request)
        self._waiting[request] = route
        try:
            if await slot.granted() and self._slots.get(request) is slot:
                await route.continue_()
        except RateLimiterUnavailable as lost:
            self._release(request)
            self.lost = lost
            await _abort(route)
        except PlaywrightError:
            self._release(request)
        except BaseException:
            self._release(request)
            raise
        finally:
            self._waiting.pop(request, None)

    def _slot(self, request: Request) -> _RequestSlot:
        """What a press leads to is often a request in place: while it waited for a slot of its own, the one
        taken beforehand would be held for nothing, and with enough visits no request could go out."""
        navigates = request.is_navigation_request()
        if self._ahead is not None and (navigates or request.resource_type in _ASKS):
            slot, self._ahead = self._ahead, None
            slot.used = True
            return slot
        return _RequestSlot(self._limiter, _FORM_POST if navigates and request.method == "POST" else 1)

    def _sent(self, request: Request) -> None:
        slot = self._slots.pop(request.redirected_from, None) if request.redirected_from else None
        if slot is None:
            return
        self._slots[request] = slot
        if self._is_allowed(request.url):
            slot.redirected()

    def _answered(self, response: Response) -> None:
        if response.request.resource_type == "eventsource":
            self._ended(response.request)
        elif 300 <= response.status < 400 and "location" in response.headers:
            self._leading_on.add(response.request)

    def _finished(self, request: Request) -> None:
        """One that was redirected ends before the next begins; it keeps its slot until then."""
        if request in self._leading_on:
            self._leading_on.discard(request)
            asyncio.get_running_loop().call_later(_FOLLOWED_SECONDS, self._ended, request)
        else:
            self._ended(request)

    def _ended(self, request: Request) -> None:
        if slot := self._taken_from(request):
            slot.answered()

    def _release(self, request: Request) -> None:
        if slot := self._taken_from(request):
            slot.release()

    def _taken_from(self, request: Request) -> _RequestSlot | None:
        self._leading_on.discard(request)
        return self._slots.pop(request, None)


async def _abort(route: Route) -> None:
    """The request may have ended by itself."""
    with suppress(PlaywrightError):
        await route.abort("failed")
