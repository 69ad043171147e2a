"""Requests that share the session's cookies and need no browser page."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Error as PlaywrightError
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)
from yarl import URL

from meterfarm.records import Document, Outcome
from meterfarm.scrapers.boundaries import playwright_errors
from meterfarm.scrapers.guard import is_allowed, led_to, own_hosts, to_send
from meterfarm.scrapers.http.body import DOCUMENT, LIST, PAGE, Limit
from meterfarm.scrapers.http.markup import first_sign
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.http.transport import Fault, NoAnswer, Transport
from meterfarm.scrapers.outcomes import (
    SIGNED_OUT,
    ItemFailed,
    SessionEnded,
    Sign,
    Stop,
    stop_for_sign,
    stop_for_status,
)
from meterfarm.scrapers.rate_limiter import UNLIMITED, RateLimiter, limited
from meterfarm.support.tracing import span

_REDIRECTS = 10
_REQUESTS = 5_000
_REFUSALS = 3
_OF_ONE_DOCUMENT = frozenset({Outcome.PORTAL_DOWN, Outcome.LAYOUT_CHANGED})
_PAGES = 8
_BLIPS = frozenset({502, 503, 504})
_ERROR = 500


class Http:
    """GET requests within the utility's hosts, at most ``concurrency`` at once, as ``limiter`` allows.

    ``transport`` sends them with the visit's cookies; ``signs`` are the pages that may come instead of what
    was asked for.
    """

    def __init__(
        self,
        portal: str,
        base_url: str,
        hosts: Sequence[str],
        signs: Sequence[Sign],
        concurrency: int,
        log: Callable[..., None],
        limiter: RateLimiter = UNLIMITED,
    ) -> None:
        self.transport: Transport | None = None
        self.pages: deque[HttpResponse] = deque(maxlen=_PAGES)
        self._portal = portal
        self._base_url = base_url
        self._hosts = own_hosts(base_url, hosts)
        self._signs = signs
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._log = log
        self._limiter = limiter
        self._refusals: list[Stop] = []
        self._handed_over = False
        self._last_page: URL | None = None
        self._left = _REQUESTS

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> HttpResponse:
        """Fetch a page of the portal, or a list that it sends otherwise.

        Raises:
            SessionEnded: a sign named ``signed_out`` came instead.
            Stop: the portal's fault, by a declared sign or the status; or it leads to a foreign host.
        """
        answer = await self._checked(path, params, LIST)
        if answer.is_page:
            self._last_page = URL(answer.url, encoded=True)
        return answer

    async def document(
        self, path: str, params: Mapping[str, str] | None = None, *, limit: Limit = DOCUMENT
    ) -> Document:
        """Fetch a file, which may be as large as ``limit`` says. One that cannot be had leaves the others be.

        Raises:
            ItemFailed: the portal answers with an error to this one, or does not send it as it should.
            SessionEnded, Stop: as ``get`` does; also when the first few documents all fail, or when nothing
                else of the portal can be had either.
        """
        try:
            answer = await self._checked(path, params, limit)
        except Stop as stop:
            if stop.outcome not in _OF_ONE_DOCUMENT or not await self._is_there(stop):
                raise
            self._refusals.append(stop)
            if len(self._refusals) >= max(_REFUSALS, 2 * self._concurrency) and not self._handed_over:
                raise
            raise ItemFailed(stop.message) from stop
        self._handed_over = True
        return answer.document()

    def has_handed_over(self) -> None:
        """The portal has handed over documents before: if more are refused, it is theirs."""
        self._handed_over = True

    def raise_for_refusals(self) -> None:
        """The portal is down if it handed over nothing, however often it was asked."""
        if len(self._refusals) >= _REFUSALS and not self._handed_over:
            raise self._refusals[0]

    async def _checked(self, path: str, params: Mapping[str, str] | None, limit: Limit) -> HttpResponse:
        async with self._slots:
            answer = await self._retried(path, params, limit)
        self._log(
            "request.answered",
            path=urlsplit(answer.url).path,
            status=answer.status,
            bytes=len(answer.content),
        )
        self._raise_for(answer)
        return answer

    async def _is_there(self, stop: Stop) -> bool:
        """Whether the portal answers at all; if nothing came, it is asked for the last page that did."""
        cause = stop.__cause__
        if isinstance(cause, NoAnswer) and not cause.fault.is_no_answer:
            return True
        if not isinstance(cause, (NoAnswer, PlaywrightError)):
            return True
        url = self._last_page or to_send(self._base_url, "/")
        if self.transport is None or url is None:
            return False
        try:
            async with self._slots:
                answer = await limited(self._limiter, partial(self.transport.get, url, PAGE))
        except NoAnswer as exc:
            return not exc.fault.is_no_answer
        except PlaywrightError:
            return False
        return answer.status < _ERROR

    async def _retried(self, path: str, params: Mapping[str, str] | None, limit: Limit) -> HttpResponse:
        blips = AsyncRetrying(
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_result(lambda answer: answer.status in _BLIPS) | retry_if_exception(_may_pass),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: HttpResponse = await blips(self._followed, path, params, limit)
        return answer

    async def _followed(self, target: str, params: Mapping[str, str] | None, limit: Limit) -> HttpResponse:
        if self.transport is None:
            raise RuntimeError("the visit has not started")
        base = self._base_url
        for _ in range(_REDIRECTS):
            self._left -= 1
            if self._left < 0:
                raise Stop(
                    Outcome.LAYOUT_CHANGED,
                    f"{self._portal} comes to no end after {_REQUESTS} requests.",
                )
            url = self._address(base, target, params)
            with span("GET", server__address=url.raw_host or "", url__path=url.raw_path) as stage:
                with self._errors(url.raw_path):
                    answer = await limited(self._limiter, partial(self.transport.get, url, limit))
                stage.set(http__response__status_code=answer.status, bytes=len(answer.content))
            base, target, params = answer.url, answer.headers.get("location", ""), None
            if answer.status not in {301, 302, 303, 307, 308} or not target:
                return answer
        raise Stop(Outcome.PORTAL_DOWN, f"{self._portal} redirects without end.")

    def _address(self, base: str, target: str, params: Mapping[str, str] | None) -> URL:
        """What is judged is what is sent."""
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

    def _raise_for(self, answer: HttpResponse) -> None:
        if not answer.is_page:
            if answer.status >= 400:
                self._raise_for_status(answer)
            return
        self.pages.append(answer)
        sign = first_sign(answer.url, answer.content, self._signs, answer.content_type)
        if sign is not None and sign.means == SIGNED_OUT:
            raise SessionEnded(f"{self._portal} ended the session.")
        stop = stop_for_sign(self._portal, sign) if sign else None
        if stop:
            raise stop
        if answer.status >= 400 and sign is None:
            self._raise_for_status(answer)

    def _raise_for_status(self, answer: HttpResponse) -> None:
        stop = stop_for_status(self._portal, answer.status, answer.headers.get("retry-after"))
        path = urlsplit(answer.url).path
        raise stop or Stop(
            Outcome.LAYOUT_CHANGED,
            f"{self._portal} answers HTTP {answer.status} to {path}, which used to work.",
        )


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
