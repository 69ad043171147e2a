"""The requests of a browser page, let out at the portal's pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import BrowserContext, Request, Response, Route
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.pace import Held, Pace, PaceLost

_LONGEST_SECONDS = 60.0
_FOLLOWED_SECONDS = 1.0
_FORM_POST = 2


class _Place:
    """A place in the pace, held by a task of its own until it is let go; ``spare`` redirects are paid for.

    What takes longer than any page may is a stream, or a poll that waits for news: it is let go.
    """

    def __init__(self, pace: Pace, cost: int) -> None:
        self.used = False
        self._spare = cost - 1
        self._granted: asyncio.Future[Held] = asyncio.get_running_loop().create_future()
        self._answered = asyncio.Event()
        self._holding = asyncio.create_task(self._hold(pace, cost))

    async def _hold(self, pace: Pace, cost: int) -> None:
        async with pace.request(cost) as held:
            self._granted.set_result(held)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_SECONDS):
                    await self._answered.wait()

    async def granted(self) -> bool:
        """Wait for it; False if it was let go meanwhile. Raises PaceLost."""
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

    def let_go(self) -> None:
        """Without an answer."""
        self._holding.cancel()


class Admission:
    """Asks the pace before each request of a browser context, and holds its place until it has ended.

    The browser follows redirects by itself and asks nobody: they go on in the place of the request that was
    redirected, and are charged as they are seen. ``lost`` is why a request could not be let out.
    """

    def __init__(
        self, pace: Pace, is_allowed: Callable[[str], bool], refuse: Callable[[Route], Awaitable[None]]
    ) -> None:
        self.lost: PaceLost | None = None
        self._pace = pace
        self._is_allowed = is_allowed
        self._refuse = refuse
        self._ahead: _Place | None = None
        self._places: dict[Request, _Place] = {}
        self._waiting: dict[Request, Route] = {}
        self._leading_on: set[Request] = set()
        self._shut = False

    async def start(self, context: BrowserContext) -> None:
        context.on("request", self._sent)
        context.on("response", self._answered)
        context.on("requestfinished", self._finished)
        context.on("requestfailed", self._let_go)
        await context.route("**/*", self._admit)

    async def shut(self) -> None:
        """Let nothing more out, before the browser is closed: it would send what it was made to hold back."""
        self._shut = True
        for request, route in list(self._waiting.items()):
            self._let_go(request)
            await _abort(route)

    def close(self) -> None:
        """Let go of everything: the page is gone, and its connections with it."""
        for request in list(self._places):
            self._let_go(request)

    @asynccontextmanager
    async def ahead(self, cost: int) -> AsyncIterator[None]:
        """Take the place of the navigation that the block leads to: its time limit starts only then."""
        self.lost = None
        place = _Place(self._pace, cost)
        try:
            await place.granted()
            self._ahead = place
            yield
        finally:
            self._ahead = None
            if not place.used:
                place.let_go()

    async def _admit(self, route: Route) -> None:
        request = route.request
        if not self._is_allowed(request.url):
            await self._refuse(route)
            return
        if self._shut:
            await _abort(route)
            return
        place = self._places[request] = self._place(request)
        self._waiting[request] = route
        try:
            if await place.granted() and self._places.get(request) is place:
                await route.continue_()
        except PaceLost as lost:
            self._let_go(request)
            self.lost = lost
            await _abort(route)
        except PlaywrightError:
            self._let_go(request)
        except BaseException:
            self._let_go(request)
            raise
        finally:
            self._waiting.pop(request, None)

    def _place(self, request: Request) -> _Place:
        navigates = request.is_navigation_request()
        if navigates and self._ahead is not None:
            place, self._ahead = self._ahead, None
            place.used = True
            return place
        return _Place(self._pace, _FORM_POST if navigates and request.method == "POST" else 1)

    def _sent(self, request: Request) -> None:
        place = self._places.pop(request.redirected_from, None) if request.redirected_from else None
        if place is None:
            return
        self._places[request] = place
        if self._is_allowed(request.url):
            place.redirected()

    def _answered(self, response: Response) -> None:
        if response.request.resource_type == "eventsource":
            self._ended(response.request)
        elif 300 <= response.status < 400 and "location" in response.headers:
            self._leading_on.add(response.request)

    def _finished(self, request: Request) -> None:
        """One that was redirected ends before the next begins; it keeps its place until then."""
        if request in self._leading_on:
            self._leading_on.discard(request)
            asyncio.get_running_loop().call_later(_FOLLOWED_SECONDS, self._ended, request)
        else:
            self._ended(request)

    def _ended(self, request: Request) -> None:
        if place := self._taken_from(request):
            place.answered()

    def _let_go(self, request: Request) -> None:
        if place := self._taken_from(request):
            place.let_go()

    def _taken_from(self, request: Request) -> _Place | None:
        self._leading_on.discard(request)
        return self._places.pop(request, None)


async def _abort(route: Route) -> None:
    """The request may have ended by itself."""
    with suppress(PlaywrightError):
        await route.abort("failed")
