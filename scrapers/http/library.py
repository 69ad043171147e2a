"""What a visit gives a library that fetches by itself: a session, and what became of its requests."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from meterfarm.scrapers.http.body import LIST
from meterfarm.scrapers.http.client import Http
from meterfarm.scrapers.http.library_session import LibrarySession, WithItsCookies
from meterfarm.scrapers.http.request import HttpRequest, texts_sent
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.http.sender import Sender
from meterfarm.scrapers.outcomes import TAKEN, SessionEnded, VisitError

if TYPE_CHECKING:
    import aiohttp

Send = Callable[[HttpRequest], Awaitable[HttpResponse]]
Around = Callable[[HttpRequest, Send], Awaitable[HttpResponse]]
"""Sends a request, as it is or otherwise, and gives its answer."""
_TRIES = 3
_KEY = re.compile(r"[A-Za-z0-9_.~+/=-]{20,}")
"""What lets its bearer in, in a header or an address; days, names and numbers do not look so."""


async def _as_it_is(request: HttpRequest, send: Send) -> HttpResponse:
    return await send(request)


class ForLibrary:
    """The requests of a library, in one visit. Use ``async with`` by way of ``Visit.library``.

    ``last`` is the last answer. What a request was refused for is ``stopped``, whatever the library made of
    it. Before a sign-in ``stand_in`` is what the library has for a password: where it would be sent, the
    session has ended. Set ``around`` to send a request otherwise.
    """

    def __init__(
        self,
        http: Http,
        sender: Sender,
        base_url: str,
        kept: Iterable[Mapping[str, Any]],
        note: Callable[..., None],
        add_secret: Callable[..., None],
        password_led_on: Callable[[], Awaitable[None]],
        at_once: int,
    ) -> None:
        self.last: HttpResponse | None = None
        self.stopped: VisitError | None = None
        self.stand_in = ""
        self.around: Around = _as_it_is
        self._http = http
        self._sender = sender
        self._base_url = base_url
        self._held = LibrarySession.begin(self._answer, kept)
        self._note = note
        self._add_secret = add_secret
        self._password_led_on = password_led_on
        self._slots = asyncio.Semaphore(at_once)
        self._open = AsyncExitStack()

    async def open(self, user_agent: str) -> None:
        """Be ready to send."""
        client = await self._open.enter_async_context(self._http.connect(user_agent))
        self._sender.transport = WithItsCookies(client)

    async def close(self) -> None:
        """End it."""
        async with self._open:
            await self._held.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The library's."""
        return self._held.session

    @property
    def changes(self) -> int:
        """How often what came back may have changed a cookie."""
        return self._sender.transport.changes if self._sender.transport is not None else 0

    def cookies(self) -> list[dict[str, Any]]:
        """As a browser's storage state has them."""
        return self._held.cookies()

    def raise_if_stopped(self) -> None:
        """Raise what a request was refused for since the last time, also if the library went on."""
        stopped, self.stopped = self.stopped, None
        if stopped is not None:
            raise stopped

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            url = self._sender.address(self._base_url, str(request.url), None)
            token = request.headers.get("authorization", "").rpartition(" ")[2]
            self._add_secret(*filter(_KEY.fullmatch, [token, *url.query.values()]))
            async with self._slots:
                return await self.around(replace(request, url=url), self._send)
        except VisitError as exc:
            self.stopped = self.stopped or exc
            raise

    async def _send(self, request: HttpRequest) -> HttpResponse:
        if self.stand_in and self.stand_in.encode() in request.body:
            raise SessionEnded("The portal asks for the password again.")
        tries = _TRIES if request.method == "GET" else 1
        async with self._http.password_known(_texts_of(request)):
            answer = await self._sender.send(request, LIST, tries=tries, follows=False)
        self._note(
            "request.answered",
            host=request.url.host or "",
            path=request.url.raw_path,
            status=answer.status,
            bytes=len(answer.content),
        )
        self.last = answer
        sign = self._http.judge.seen(answer)
        if sign is not None and sign.means == TAKEN:
            await self._password_led_on()
        return answer


def _texts_of(request: HttpRequest) -> Sequence[str]:
    """Every text of a body that is a form, JSON, or JSON in a form; else the whole of it."""
    if not request.body:
        return ()
    text = request.body.decode("utf-8", "replace")
    kind = request.headers.get("content-type", "")
    if "x-www-form-urlencoded" not in kind:
        return _texts_in(text)
    values = [value for _, value in parse_qsl(text, keep_blank_values=True)]
    return [*values, *(within for value in values for within in _texts_in(value))]


def _texts_in(text: str) -> Sequence[str]:
    """Those of JSON; else the text."""
    try:
        return texts_sent(None, json.loads(text), {})
    except ValueError:
        return (text,)
