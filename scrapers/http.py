"""Requests that share the session's cookies and need no browser page."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

from records import Document, Outcome
from scrapers.answer import Answer
from scrapers.guard import host_of, is_allowed
from scrapers.outcomes import (
    ItemFailed,
    SessionEnded,
    Sign,
    Stop,
    playwright_errors,
    stop_for_sign,
    stop_for_status,
)
from scrapers.pace import UNPACED, Pace, paced
from scrapers.signs import first_sign
from scrapers.tracing import span
from scrapers.transport import NoAnswer, Transport

_REDIRECTS = 10
_REQUESTS = 5_000
_REFUSALS = 3
_OF_ONE_DOCUMENT = frozenset({Outcome.PORTAL_DOWN, Outcome.LAYOUT_CHANGED})
_PAGES = 8
_BLIPS = frozenset({502, 503, 504})


class Http:
    """GET requests within the utility's hosts, at most ``parallel`` at once, each when ``pace`` allows it.

    ``transport`` sends them with the visit's cookies; ``signs`` are the pages that may come instead of what
    was asked for.
    """

    def __init__(
        self,
        portal: str,
        base_url: str,
        hosts: Sequence[str],
        signs: Sequence[Sign],
        parallel: int,
        log: Callable[..., None],
        pace: Pace = UNPACED,
    ) -> None:
        self.transport: Transport | None = None
        self.pages: deque[Answer] = deque(maxlen=_PAGES)
        self._portal = portal
        self._base_url = base_url
        self._hosts = hosts
        self._signs = signs
        self._slots = asyncio.Semaphore(parallel)
        self._log = log
        self._pace = pace
        self._refused = 0
        self._handed_over = 0
        self._left = _REQUESTS

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Fetch an address of the portal.

        Raises:
            SessionEnded: a sign named ``signed_out`` came instead.
            Stop: the portal's fault, by a declared sign or the status; or it leads to a foreign host.
        """
        async with self._slots:
            answer = await self._retried(urljoin(self._base_url, path), params)
        self._log("get", path=urlsplit(answer.url).path, status=answer.status, bytes=len(answer.content))
        self._raise_for(answer)
        return answer

    async def document(self, path: str, params: Mapping[str, str] | None = None) -> Document:
        """Fetch a file. One that the portal answers with an error leaves the others be.

        Raises:
            ItemFailed: the portal answers with an error to this one.
            SessionEnded, Stop: as ``get`` does; also when the first few documents are all answered so.
        """
        try:
            answer = await self.get(path, params)
        except Stop as stop:
            self._refused += 1
            no_answer = isinstance(stop.__cause__, (PlaywrightError, NoAnswer))
            none_comes = self._refused >= _REFUSALS and not self._handed_over
            if no_answer or none_comes or stop.outcome not in _OF_ONE_DOCUMENT:
                raise
            raise ItemFailed(stop.message) from stop
        self._handed_over += 1
        return answer.document()

    async def _retried(self, url: str, params: Mapping[str, str] | None) -> Answer:
        blips = AsyncRetrying(
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_result(lambda answer: answer.status in _BLIPS)
            | retry_if_exception(_is_unreachable),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: Answer = await blips(self._followed, url, params)
        return answer

    async def _followed(self, url: str, params: Mapping[str, str] | None) -> Answer:
        if self.transport is None:
            raise RuntimeError("the visit has not started")
        for _ in range(_REDIRECTS):
            self._left -= 1
            if self._left < 0:
                raise Stop(
                    Outcome.LAYOUT_CHANGED,
                    f"{self._portal} comes to no end after {_REQUESTS} requests.",
                )
            if not is_allowed(url, self._hosts):
                raise Stop(
                    Outcome.BLOCKED,
                    f"{self._portal} led to {host_of(url)}, which is not one of its own hosts; not followed.",
                )
            path = urlsplit(url).path
            with span("GET", server__address=host_of(url), url__path=path) as told:
                with self._errors(f"fetching {path}"):
                    answer = await paced(self._pace, partial(self.transport.get, url, params))
                told.tell(http__response__status_code=answer.status, bytes=len(answer.content))
            target = answer.headers.get("location")
            if answer.status not in {301, 302, 303, 307, 308} or not target:
                return answer
            url, params = _joined(url, target), None
        raise Stop(Outcome.PORTAL_DOWN, f"{self._portal} redirects without end.")

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            with playwright_errors(self._portal, doing, otherwise=Outcome.PORTAL_DOWN, note=self._log):
                yield
        except NoAnswer as exc:
            said = (
                f"could not be reached while {doing} ({exc})"
                if exc.in_time
                else f"did not answer in time while {doing}"
            )
            raise Stop(Outcome.PORTAL_DOWN, f"{self._portal} {said}.") from exc

    def _raise_for(self, answer: Answer) -> None:
        if answer.media_type != "text/html":
            if answer.status >= 400:
                self._raise_for_status(answer)
            return
        self.pages.append(answer)
        sign = first_sign(urlsplit(answer.url).path, answer.content, self._signs)
        if sign is not None and sign.means == SIGNED_OUT:
            raise SessionEnded(f"{self._portal} ended the session.")
        stop = stop_for_sign(self._portal, sign) if sign else None
        if stop:
            raise stop
        if answer.status >= 400 and sign is None:
            self._raise_for_status(answer)

    def _raise_for_status(self, answer: Answer) -> None:
        stop = stop_for_status(self._portal, answer.status, answer.headers.get("retry-after"))
        path = urlsplit(answer.url).path
        raise stop or Stop(
            Outcome.LAYOUT_CHANGED,
            f"{self._portal} answers HTTP {answer.status} to {path}, which used to work.",
        )


SIGNED_OUT = "signed_out"
"""The name a script gives the page that comes when the session has ended."""


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        return target


def _is_unreachable(error: BaseException) -> bool:
    """Whether no connection could be had; one that brought no answer in time is not tried again."""
    return (
        isinstance(error, Stop)
        and error.outcome is Outcome.PORTAL_DOWN
        and not isinstance(error.__cause__, PlaywrightTimeout)
        and not (isinstance(error.__cause__, NoAnswer) and not error.__cause__.in_time)
    )
