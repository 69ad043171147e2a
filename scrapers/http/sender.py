"""Sending a request: within the hosts and the limits, where redirects lead, again where that may help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urljoin

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)
from yarl import URL

from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import playwright_errors
from meterfarm.scrapers.guard import is_allowed, led_to, to_send
from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.http.exchange import Fault, NoAnswer
from meterfarm.scrapers.http.request import HttpRequest
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.http.transport import Transport
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.rate_limiter import RateLimiter, limited
from meterfarm.support.tracing import span

_REDIRECTS = 10
_REQUESTS = 5_000
_LEADS_ON = frozenset({301, 302, 303, 307, 308})
_BLIPS = frozenset({502, 503, 504})


class Sender:
    """Of one visit, which sends so many requests at most; ``transport`` is what they go out by.

    Where neither a page nor a saved session is there, ``open`` opens a page, and they go as its requests.
    """

    def __init__(
        self, portal: str, hosts: Sequence[str], log: Callable[..., None], limiter: RateLimiter
    ) -> None:
        self.transport: Transport | None = None
        self.open: Callable[[], Awaitable[object]] | None = None
        self._opening = asyncio.Lock()
        self._portal = portal
        self._hosts = hosts
        self._log = log
        self._limiter = limiter
        self._left = _REQUESTS

    async def exchange(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        """One answer, a redirect too, when the rate limiter allows it.

        Raises:
            NoAnswer, playwright.async_api.Error: none came.
        """
        transport = self.transport or await self._opened()
        return await limited(self._limiter, lambda: transport.send(request.as_sent(), limit))

    async def _opened(self) -> Transport:
        async with self._opening:
            if self.transport is None and self.open is not None:
                await self.open()
        if self.transport is None:
            raise RuntimeError("the visit has not started")
        return self.transport

    async def send(
        self, request: HttpRequest, limit: Limit, *, tries: int = 1, follows: bool = True
    ) -> HttpResponse:
        """The answer that it leads to, tried so often if it may go well a moment later.

        Unless it ``follows``, a redirect is the answer.

        Raises:
            Stop: none came in time, it is too large, or it leads to a foreign host.
        """
        blips = AsyncRetrying(
            stop=stop_after_attempt(tries),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_result(lambda answer: answer.status in _BLIPS) | retry_if_exception(_may_pass),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: HttpResponse = await blips(self._followed if follows else self._answered, request, limit)
        return answer

    async def _followed(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        for _ in range(_REDIRECTS):
            answer = await self._answered(request, limit)
            target = answer.headers.get("location", "")
            if answer.status not in _LEADS_ON or not target:
                return answer
            request = request.redirected(answer.status, self.address(answer.url, target, None))
        raise Stop(Outcome.PORTAL_DOWN, f"{self._portal} redirects without end.")

    async def _answered(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        self._left -= 1
        if self._left < 0:
            raise Stop(
                Outcome.LAYOUT_CHANGED,
                f"{self._portal} comes to no end after {_REQUESTS} requests.",
            )
        url = request.url
        with span(request.method, server__address=url.raw_host or "", url__path=url.raw_path) as stage:
            with self._errors(url.raw_path):
                answer = await self.exchange(request, limit)
            stage.set(http__response__status_code=answer.status, bytes=len(answer.content))
        return answer

    def address(self, base: str, target: str, params: Mapping[str, str] | None) -> URL:
        """Where a request for ``target`` goes; what is judged is what is sent.

        Raises:
            Stop: ``blocked``: to a host that is not the portal's.
        """
        url = to_send(base, target, params)
        if url is not None and is_allowed(str(url), self._hosts):
            return url
        where = led_to(str(url) if url is not None else _joined(base, target), self._hosts)
        raise Stop(
            Outcome.BLOCKED,
            f"{self._portal} led to {where}, which is not one of its own hosts; not followed.",
        )

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            with playwright_errors(
                self._portal, f"fetching {path}", otherwise=Outcome.PORTAL_DOWN, note=self._log
            ):
                yield
        except NoAnswer as exc:
            outcome = Outcome.LAYOUT_CHANGED if exc.fault is Fault.TOO_LARGE else Outcome.PORTAL_DOWN
            raise Stop(outcome, f"{self._portal} {exc} while fetching {path}.") from exc


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        return target


def _may_pass(error: BaseException) -> bool:
    """Whether it may go well a moment later; what brought no answer in time is not tried again."""
    return (
        isinstance(error, Stop) and isinstance(error.__cause__, NoAnswer) and error.__cause__.fault.may_pass
    )
