"""One customer's visit to one portal: a browser page when a script asks for one, shared-cookie HTTP, MFA."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog

from meterfarm.mfa.port import Answer, Answers
from meterfarm.records import Challenge, Document, Factor, Outcome
from meterfarm.scrapers import RUN_SECONDS
from meterfarm.scrapers.asking import Asking
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.clock import TimedRateLimiter, Timeouts, VisitClock
from meterfarm.scrapers.guard import own_hosts
from meterfarm.scrapers.http.authorisation import Authorisation
from meterfarm.scrapers.http.body import DOCUMENT, Limit
from meterfarm.scrapers.http.client import Http
from meterfarm.scrapers.http.connections import connection
from meterfarm.scrapers.http.encoded_file import file_in
from meterfarm.scrapers.http.library import ForLibrary
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.http.sender import Sender
from meterfarm.scrapers.http.tokens import Tokens
from meterfarm.scrapers.http.transport import WithoutBrowser
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.access import Surroundings
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.page import BrowserPage
from meterfarm.scrapers.page.tab import Tab
from meterfarm.scrapers.page.turns import Turns
from meterfarm.scrapers.polling import polled
from meterfarm.scrapers.portal import Portal
from meterfarm.scrapers.rate_limiter import UNLIMITED, RateLimiter, Unlimited
from meterfarm.scrapers.script_calls import ScriptCall, ScriptCalls
from meterfarm.scrapers.state import PortalSession
from meterfarm.support.extras import require
from meterfarm.support.logs import safe_for_the_run
from meterfarm.support.redact import Secrets

T = TypeVar("T")

_STEPS = 2_000


class Visit:
    """A portal visited with one customer's cookies. Use ``async with``; nothing is shared between visits.

    A script works through ``page`` (a browser), ``http`` (no browser) and ``ask`` (MFA), and keeps in
    ``state`` what it has to remember. ``steps`` is what was done so far. ``given_mark`` is the
    ``session_mark`` of the session that was given last, ``saved_mark`` that of the one in store.
    """

    def __init__(
        self,
        portal: Portal,
        base_url: str,
        chromium: Chromium,
        answers: Answers,
        secrets: Secrets,
        session: PortalSession | None = None,
        limiter: RateLimiter = UNLIMITED,
        *,
        trace_snapshots: bool = True,
        run_seconds: float = RUN_SECONDS,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - it is frozen
    ) -> None:
        if portal.extra:
            require(portal.extra, portal.name)
        hosts = own_hosts(base_url, portal.hosts)
        self.portal = portal
        self.secrets = secrets
        self.steps: list[dict[str, object]] = []
        self.clock = VisitClock(timeouts)
        self._run_seconds = run_seconds
        if not isinstance(limiter, Unlimited):
            limiter = TimedRateLimiter(limiter, self.clock)
        self._own_origin = "{0.scheme}://{0.netloc}".format(urlsplit(base_url))
        self.tokens = Tokens(session.tokens if session is not None else {}, secrets.add)
        self.keep: Callable[[], Awaitable[None]] | None = None
        self.given_mark: object = None
        self.saved_mark: object = None
        self._authorisation = Authorisation(
            self._authorise if portal.authoriser() is not None else None,
            own_hosts(base_url, portal.api_hosts)[1 if portal.api_hosts else 0 :],
            secrets.add,
        )
        self.http = Http(
            portal.name,
            base_url,
            hosts,
            portal.signs,
            portal.session_concurrency,
            self.note,
            limiter,
            authorisation=self._authorisation,
            sending=lambda: self.page.sending,
            connect=connection(portal.refresh_transport, chromium, hosts),
        )
        self.tab = Tab(
            portal.name,
            hosts,
            chromium,
            self.http,
            session,
            self.note,
            limiter,
            self.clock,
            trace_snapshots=trace_snapshots,
        )
        self.http.opens_with(self.tab.window)
        self.page = BrowserPage(
            self.tab,
            Surroundings(portal, base_url, secrets, self.note, self.clock, Turns(), chromium.scratch),
        )
        self._asking = Asking(portal.name, answers, secrets, self.clock, self.page, self.tab, self.note)
        self.scratch = chromium.scratch
        self._calls = ScriptCalls(portal.side_by_side)
        self._states: dict[type[object], object] = {}
        self._chromium = chromium
        self._session = session
        self._plain: WithoutBrowser | None = None
        self._library: ForLibrary | None = None
        self._base_url, self._hosts, self._limiter = base_url, hosts, limiter
        self._open = AsyncExitStack()
        self._began = time.monotonic()
        self._log: Any = structlog.get_logger("visit").bind(utility=portal.id)
        if session is not None:
            secrets.add(*session.secrets())

    async def __aenter__(self) -> Visit:
        self.clock.start(self._run_seconds, self._late())
        session = self._session
        if session is not None:
            exchange = await self._open.enter_async_context(self.http.connect(session.user_agent))
            self._plain = self.http.transport = WithoutBrowser(session, exchange)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.clock.stop()
        async with self._open as stack:
            stack.push_async_callback(self.tab.close)
            await self._authorisation.close()
            if self._library is not None:
                await self._library.close()

    async def library(self) -> ForLibrary:
        """For a library that fetches by itself: a session of its own whose requests are the visit's."""
        if self._library is None:
            portal, session = self.portal, self._session
            self._library = ForLibrary(
                self.http,
                Sender(portal.name, own_hosts(self._base_url, self._hosts), self.note, self._limiter),
                self._base_url,
                session.storage_state.get("cookies", ()) if session is not None else (),
                self.note,
                self.secrets.add,
                self.page.password_led_on,
                portal.session_concurrency,
            )
            await self._library.open("")
        return self._library

    def _late(self) -> Stop:
        minutes = f"{self._run_seconds / 60:.3g}"
        return Stop(
            Outcome.PORTAL_DOWN,
            f"{self.portal.name} was not done after {minutes} minutes, the longest that a run may take "
            "(METERFARM_RUN_SECONDS). What is in store stays; run again for the rest.",
        )

    def note(self, step: str, **fields: object) -> None:
        """Write down a step, for the log and for the evidence of a failed run."""
        elapsed = round(time.monotonic() - self._began, 3)
        fields = {
            name: safe_for_the_run(value) if isinstance(value, str) else value
            for name, value in fields.items()
        }
        self.steps.append({"at": elapsed, "step": step, **fields})
        if len(self.steps) > 2 * _STEPS:  # a page may ask for other hosts without end
            del self.steps[_STEPS // 2 : -_STEPS // 2]
        self._log.debug(step, elapsed=elapsed, **fields)

    def script_call(self, name: str) -> AbstractAsyncContextManager[ScriptCall]:
        """Around every call of a script's method: what may not run beside others waits for its turn."""
        return self._calls.call(name)

    def state(self, kind: type[T]) -> T:
        """The visit's only instance of this class, made without arguments at first use."""
        if kind not in self._states:
            self._states[kind] = kind()
        return cast("T", self._states[kind])

    async def _authorise(self, renew: bool) -> Mapping[str, str]:
        """The headers of the portal's API; a token that came with them is saved before they are used."""
        ask, before = self.portal.authoriser(), self.tokens.version
        self.note("authorisation.asked", renew=renew)
        headers = await ask(self, renew=renew) if ask is not None else {}
        if self.keep is not None and self.tokens.version != before:
            await self.keep()
        return headers

    def signed_in_anew(self) -> None:
        """What the portal's API was shown before is no more."""
        self._authorisation.forget()

    async def local_storage(self, origin: str = "") -> Mapping[str, str]:
        """The local storage of an origin like ``https://my.portal.example``, without one the portal's own.

        It is that of the browser page, or of the saved session where none was opened.
        """
        session = await self.tab.session() or self._session
        return session.local_storage(origin or self._own_origin) if session is not None else {}

    async def session_storage(self, origin: str = "") -> Mapping[str, str]:
        """The session storage likewise."""
        session = await self.tab.session() or self._session
        return (
            dict(session.session_storage.get(origin or self._own_origin, {})) if session is not None else {}
        )

    async def capture(self, control: Control, limit: Limit = DOCUMENT) -> Document:
        """The file that a control of the visit's page hands over when it is pressed, however it does.

        As a download, in a window that turns into a signed address, in a tab or viewer of the browser's, to a
        script of the page, or made by one. See ``BrowserPage.download``, which is the same for any page.

        Raises:
            ItemFailed: none comes, or it is more than ``limit`` allows.
            Stop, SessionEnded: as ``press`` does, or the page says so instead.
        """
        return await self.page.download(control, limit)

    def capture_from(self, answer: HttpResponse, pointer: str, name: str = "") -> Document:
        """A file that stands in a JSON answer as base64 (also as a ``data:`` address) or hexadecimal digits.

        Raises:
            Stop: ``layout_changed``: there is none at this JSON pointer, or it is not written so.
        """
        return file_in(answer, pointer, name)

    async def until(
        self,
        poll: Callable[[], Awaitable[T | None]],
        every: float,
        at_most: float,
        what: str = "the export",
        *,
        pending: str = "",
    ) -> T:
        """What ``poll`` gives once that is not None: asked at once, then every so many seconds.

        ``pending`` is by what a later run asks for what the portal still makes; it is kept from now on.

        Raises:
            ExportPending: it is not there after ``at_most`` seconds, and ``pending`` was given.
            ItemFailed: it is not there after ``at_most`` seconds.
        """
        return await polled(self.clock, poll, every, at_most, what, pending)

    @property
    def challenged(self) -> bool:
        """Whether the portal asked for MFA."""
        return self._asking.challenged

    @property
    def met(self) -> Factor | None:
        """The factor by which it asked last."""
        return self._asking.met

    async def must_be_answerable(self, factor: Factor, prompt: str) -> None:
        """Stop before a portal is made to send a code that nobody could enter.

        Otherwise whoever receives codes is asked to expect one: what came before is none.

        Raises:
            Stop: ``mfa_required``: nobody could enter the code.
        """
        await self._asking.must_be_answerable(factor, prompt)

    async def ask(self, challenge: Challenge, *, unanswered: Outcome = Outcome.MFA_REQUIRED) -> Answer:
        """Put the portal's challenge to whoever answers for the customer.

        Raises:
            Stop: ``unanswered`` when nobody answers, ``mfa_expired`` when somebody was asked and did not
                answer in time, ``mfa_failed`` after too many answers.
        """
        return await self._asking.ask(challenge, unanswered)

    @property
    def stirred(self) -> object:
        """Something else when something came that may have changed ``session``; no page is asked."""
        changes = self.http.transport.changes if self.http.transport is not None else 0
        if self._library is not None:
            changes += self._library.changes
        return self.tab.stirs, changes, self.tokens.version

    async def session_mark(self) -> object:
        """Something else whenever ``session`` would be, and cheaper."""
        if self._library is not None:
            return self._library.changes, self.tokens.version
        if self.tab.shown is None and self._plain is not None:
            return self._plain.changes, self.tokens.version
        return await self.tab.session_mark(), self.tokens.version

    async def session(self) -> PortalSession | None:
        """What to save so that the portal knows us next time."""
        version = self.tokens.version
        session = await self.tab.session()
        mark = self.tab.given_mark
        if self._library is not None:
            mark = self._library.changes
            session = PortalSession({"cookies": self._library.cookies(), "origins": []})
            if not self.portal.keeps_session:  # old cookies of a session make some portals choke
                session = session.of_device(time.time())
        if session is None and self._plain is not None and self._session is not None:
            mark = self._plain.changes
            state = await self._plain.storage_state()
            session = replace(self._session, storage_state=state)
        if session is not None:
            self.given_mark = mark, version
            session = replace(session, tokens=dict(self.tokens), signed_in=self.portal.keeps_session)
            self.secrets.add(*session.secrets())
        return session
