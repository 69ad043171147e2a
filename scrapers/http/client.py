"""Requests that share the session's cookies and need no browser page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from yarl import URL

from meterfarm.records import Document, Outcome
from meterfarm.scrapers.guard import own_hosts, to_send
from meterfarm.scrapers.http.authorisation import Authorisation, LatestHeaders
from meterfarm.scrapers.http.body import DOCUMENT, LIST, PAGE, Limit
from meterfarm.scrapers.http.exchange import Connect, Fault, NoAnswer
from meterfarm.scrapers.http.judging import UNAUTHORISED, AnswerJudge
from meterfarm.scrapers.http.own_client import OwnClient
from meterfarm.scrapers.http.request import (
    DATA,
    Form,
    HttpRequest,
    Wanted,
    body_of,
    checked_headers,
    texts_sent,
)
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.http.sender import Sender
from meterfarm.scrapers.http.transport import Transport
from meterfarm.scrapers.outcomes import (
    ItemFailed,
    Sign,
    Stop,
)
from meterfarm.scrapers.rate_limiter import UNLIMITED, RateLimiter

if TYPE_CHECKING:
    from meterfarm.scrapers.page.sending import SignInWatch

_TRIES = 3
_RENEWALS = 4
_REFUSALS = 3
_OF_ONE_DOCUMENT = frozenset({Outcome.PORTAL_DOWN, Outcome.LAYOUT_CHANGED})
_ERROR = 500


class Http:
    """Requests within the utility's hosts, at most ``concurrency`` at once, as ``limiter`` allows.

    ``transport`` sends them with the visit's cookies; ``signs`` are what may come instead of what was asked
    for. ``authorisation`` has the headers of the portal's API; ``sending`` gives who is to know that a
    password goes out, while one may. ``connect`` gives a client for a transport.
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
        *,
        authorisation: Authorisation | None = None,
        sending: Callable[[], SignInWatch | None] = lambda: None,
        connect: Connect = OwnClient,
    ) -> None:
        self.connect = connect
        self.judge = AnswerJudge(portal, signs)
        self._portal = portal
        self._base_url = base_url
        own = own_hosts(base_url, hosts)
        self._sender = Sender(portal, own, log, limiter)
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._log = log
        self._authorisation = authorisation or Authorisation(None, own[:1], lambda *_: None)
        self._sending = sending
        self._refusals: list[Stop] = []
        self._handed_over = False
        self._last_page: URL | None = None

    @property
    def transport(self) -> Transport | None:
        """What requests go out by now."""
        return self._sender.transport

    @transport.setter
    def transport(self, transport: Transport | None) -> None:
        self._sender.transport = transport

    def opens_with(self, open_page: Callable[[], Awaitable[object]]) -> None:
        """Where neither a page nor a saved session is there, requests are those of a page that this opens."""
        self._sender.open = open_page

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        authorised: bool | None = None,
    ) -> HttpResponse:
        """Fetch a page of the portal, a list that it sends otherwise, or an answer of its API.

        ``authorised`` says whether it carries the headers of the script's ``authorise``: where there is such
        a method, requests to ``api_hosts`` do.

        Raises:
            SessionEnded: a sign named ``signed_out`` came instead, or HTTP 401, also with new headers.
            Stop: the portal's fault, by a declared sign or the status; or it leads to a foreign host.
        """
        request = self._request(path, params, headers=headers)
        answer = await self._checked(request, LIST, authorised=authorised, repeatable=True)
        if answer.is_page:
            self._last_page = URL(answer.url, encoded=True)
        return answer

    async def post(
        self,
        path: str,
        *,
        form: Form | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        authorised: bool | None = None,
        repeatable: bool = False,
    ) -> HttpResponse:
        """Post a form, or JSON, and follow where the answer leads.

        It is sent once, whatever becomes of it, unless it is ``repeatable``: one that only asks for something
        may be tried again as ``get`` does.

        Raises:
            SessionEnded, Stop: as ``get`` does.
        """
        request = self._request(path, params, form, json, headers, method="POST")
        return await self._checked(request, LIST, authorised=authorised, repeatable=repeatable)

    async def document(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        form: Form | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        authorised: bool | None = None,
        repeatable: bool = False,
        limit: Limit = DOCUMENT,
    ) -> Document:
        """Fetch a file, which may be as large as ``limit`` says. One that cannot be had leaves the others be.

        With a form or JSON it is posted, as ``post`` does.

        Raises:
            ItemFailed: the portal answers with an error to this one, or does not send it as it should.
            SessionEnded, Stop: as ``get`` does; also when the first few documents all fail, or when nothing
                else of the portal can be had either.
        """
        method = "GET" if form is None and json is None else "POST"
        request = self._request(path, params, form, json, headers, method=method)
        try:
            answer = await self._checked(
                request, limit, authorised=authorised, repeatable=repeatable or method == "GET"
            )
        except Stop as stop:
            if stop.outcome not in _OF_ONE_DOCUMENT or not await self._is_there(stop):
                raise
            raise self.refused(stop) from stop
        self._handed_over = True
        return answer.document()

    def refused(self, stop: Stop) -> ItemFailed:
        """One document was refused, which leaves the others be.

        Raises:
            Stop: so were the first few.
        """
        self._refusals.append(stop)
        if len(self._refusals) >= max(_REFUSALS, 2 * self._concurrency) and not self._handed_over:
            raise stop
        return ItemFailed(stop.message)

    def _request(
        self,
        path: str,
        params: Mapping[str, str] | None,
        form: Form | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
    ) -> Wanted:
        url = self._sender.address(self._base_url, path, params)
        given = checked_headers(headers or {})
        if "authorization" in given and not self._authorisation.may_know(url):
            raise self._untrusted(url)
        body, media_type = body_of(form, json)
        usual = {"content-type": media_type} if media_type else {}
        if json is not None:
            usual["accept"] = DATA
        if method != "GET":
            usual |= self._came_from
        request = HttpRequest(url, method, {**usual, **given}, body)
        return Wanted(request, texts_sent(form, json, given) if method != "GET" else ())

    @property
    def _came_from(self) -> Mapping[str, str]:
        """What browsers add, by which servers know that a request comes from a page of their own."""
        origin = str(URL(self._base_url).origin())
        return {"origin": origin, "referer": f"{origin}/"}

    def _untrusted(self, url: URL) -> Stop:
        return Stop(
            Outcome.BLOCKED,
            f"{self._portal}'s script would give its authorisation to {url.raw_host}, which is not one of "
            "its api_hosts; nothing was sent.",
        )

    async def cookie(self, name: str, path: str = "/") -> str:
        """A cookie's value as it is sent to an address now, "" for none: some headers have to repeat one.

        Raises:
            Stop: ``blocked``: the address is not the portal's.
        """
        url = self._sender.address(self._base_url, path, None)
        header = await self.transport.cookie_header(str(url)) if self.transport is not None else ""
        pairs = (pair.partition("=") for pair in header.split("; "))
        return next((value for known, _, value in pairs if known == name), "")

    def has_handed_over(self) -> None:
        """The portal has handed over documents before: if more are refused, it is theirs."""
        self._handed_over = True

    def raise_for_refusals(self) -> None:
        """The portal is down if it handed over nothing, however often it was asked."""
        if len(self._refusals) >= _REFUSALS and not self._handed_over:
            raise self._refusals[0]

    async def _checked(
        self, wanted: Wanted, limit: Limit, *, authorised: bool | None, repeatable: bool
    ) -> HttpResponse:
        answer = await self._authorised(wanted, limit, authorised=authorised, repeatable=repeatable)
        self._log(
            "request.answered",
            path=urlsplit(answer.url).path,
            status=answer.status,
            bytes=len(answer.content),
        )
        return self.judge.judged(answer)

    async def _authorised(
        self, wanted: Wanted, limit: Limit, *, authorised: bool | None, repeatable: bool
    ) -> HttpResponse:
        """With the headers of the script, and with new ones if these are refused.

        Headers that the portal has taken before have run out: while it takes new ones, they may do so again.
        """
        known, url = self._authorisation, wanted.request.url
        if not (known.is_for(url) if authorised is None else authorised):
            return await self._sent(wanted, limit, repeatable=repeatable)
        if not known.may_know(url):
            raise self._untrusted(url)
        for renewals in range(_RENEWALS + 1):
            sent = LatestHeaders(known, await known.headers())
            late = wanted.with_headers(sent.now, self._came_from)
            answer = await self._sent_with(known, late, limit, repeatable=repeatable)
            if answer.status != UNAUTHORISED or isinstance(self.judge.meaning(answer), Outcome):
                known.taken(sent.headers)
                break
            if renewals == _RENEWALS or (renewals and not known.ran_out(sent.headers)):
                break
            self._log("authorisation.refused", path=url.raw_path)
            await known.renewed(sent.headers)
        return answer

    async def _sent_with(
        self, known: Authorisation, wanted: Wanted, limit: Limit, *, repeatable: bool
    ) -> HttpResponse:
        """As ``_sent``; while the script is asked for other headers, its requests have the slots."""
        while True:
            await known.headers()
            async with self._slots:
                if not known.is_asking:
                    return await self._sent_now(wanted, limit, repeatable=repeatable)

    async def _sent(self, wanted: Wanted, limit: Limit, *, repeatable: bool) -> HttpResponse:
        async with self._slots:
            return await self._sent_now(wanted, limit, repeatable=repeatable)

    async def _sent_now(self, wanted: Wanted, limit: Limit, *, repeatable: bool) -> HttpResponse:
        async with self.password_known(wanted.texts):
            answer = await self._sender.send(wanted.request, limit, tries=_TRIES if repeatable else 1)
            return replace(answer, portal=self._portal)

    @asynccontextmanager
    async def password_known(self, texts: Sequence[str]) -> AsyncIterator[None]:
        """Around what sends a password: that it does is known before, also to who comes after a crash.

        ``texts`` are all that is sent.

        Raises:
            Stop: it must not be sent.
        """
        sending = self._sending() if texts else None
        if sending is None:
            yield
            return
        for text in texts:
            sending.typed(text)
        if not await sending.before_press(is_still_there=False):
            yield
            return
        try:
            yield
        except Stop as stop:
            if isinstance(stop.__cause__, NoAnswer) and stop.__cause__.fault is Fault.UNREACHABLE:
                await sending.was_not_sent()
            raise

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
                answer = await self._sender.exchange(HttpRequest(url), PAGE)
        except NoAnswer as exc:
            return not exc.fault.is_no_answer
        except PlaywrightError:
            return False
        return answer.status < _ERROR
