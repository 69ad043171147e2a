"""What a browser does after a press: what it sends and gets, where it goes, what it says in dialogs."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress

from playwright.async_api import (
    BrowserContext,
    Dialog,
    Frame,
    Page,
    Request,
    Response,
    WebSocket,
)
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.browser.listeners import listener

_ASKS = frozenset({"document", "fetch", "xhr"})
_SHOWS = frozenset({"image", "stylesheet", "font", "media", "script", "manifest", "texttrack"})
_ABORTED = re.compile(r"ERR_ABORTED|NS_BINDING_ABORTED")
_LONGEST_SPOKEN = 1_000
_POLLS_AFTER_SECONDS = 15.0
_QUIET_SECONDS = 2.0


class Reactions:
    """Counted from the latest ``pressed`` on, or from ``opened``, after which a page's own requests are none
    of a script's business. ``changed`` is set by all that counts, ``last`` is when that was, by ``now``.

    ``sent`` counts what may carry what was typed. ``posted`` tells that something other than a GET was
    answered, ``answered`` that anything was, ``answered_at`` when it first was (epoch milliseconds);
    ``answer`` is the latest of these. ``arrived``: a new document
    is there; ``moved``: the address changed within the document; ``aborted``: a navigation ended without a
    document. ``failure`` is the browser's word for what broke off, "" for nothing. ``spoken`` are the texts
    of dialogs, ``windows`` those that were opened.
    """

    def __init__(
        self,
        context: BrowserContext,
        page: Page,
        is_allowed: Callable[[str], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.changed = asyncio.Event()
        self._page = page
        self._is_allowed = is_allowed
        self._now = now
        self._navigation: Request | None = None
        self._is_loading = False
        self.opened()
        self._context = context
        self._heard = (
            listener(self._sends),
            listener(self._answers),
            listener(self._ends),
            listener(self._fails),
        )
        sends, answers, ends, fails = self._heard
        context.on("request", sends)
        context.on("response", answers)
        context.on("requestfinished", ends)
        context.on("requestfailed", fails)
        page.on("framenavigated", self._goes)
        page.on("domcontentloaded", self._loads)
        page.on("websocket", self._connects)
        page.on("dialog", self._speaks)
        context.on("page", self._opens)

    def stop(self) -> None:
        """Count no more: the page is closed, and its context goes on."""
        sends, answers, ends, fails = self._heard
        self._context.remove_listener("request", sends)
        self._context.remove_listener("response", answers)
        self._context.remove_listener("requestfinished", ends)
        self._context.remove_listener("requestfailed", fails)
        self._context.remove_listener("page", self._opens)

    def opened(self) -> None:
        """From now on count navigations alone."""
        self.pressed()
        self._polls_from = 0.0
        self._was_pressed = False

    def pressed(self) -> None:
        """From now on count whatever follows."""
        self.sent = 0
        self.answered = self.posted = self.arrived = self.moved = self.aborted = False
        self.answered_at = 0.0
        self.failure = ""
        self.answer: Response | None = None
        self.spoken: list[str] = []
        self.windows: list[Page] = []
        self._flying: set[Request] = set()
        self._lands = False
        self._was_pressed = True
        self._polls_from = self._now() + _POLLS_AFTER_SECONDS
        self._happened()

    def _happened(self) -> None:
        self.last = self._now()
        self.changed.set()

    @property
    def navigates(self) -> bool:
        """Whether a document of the page itself is on its way."""
        return self._navigation is not None

    @property
    def waits(self) -> bool:
        """Whether a document is on its way or still loads the scripts that it waits for, or an answer to
        what was asked since the press is on its way."""
        return self.navigates or self._is_loading or bool(self._flying)

    @property
    def has_led_on(self) -> bool:
        """Whether enough followed a press to look at what the page is now."""
        if self.arrived or self.moved or (self.aborted and not self.navigates):
            return True
        return not self.navigates and (self.posted or (self.answered and self.is_quiet))

    @property
    def has_left(self) -> bool:
        """Whether the document that was pressed in is left, or about to be."""
        return self._lands or self.arrived or self.moved or self.navigates

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is awaited, and nothing has happened for a while."""
        return not self.waits and self._now() - self.last > _QUIET_SECONDS

    def _sends(self, request: Request) -> None:
        if not self._is_allowed(request.url):
            return
        ours = self._is_ours(request)
        if ours:
            self._navigation = request
        if self._was_pressed and request.resource_type not in _SHOWS:
            self.sent += 1
        if self._is_asked(request):
            self._flying.add(request)
            self._happened()
        elif ours:
            self._happened()

    def _is_asked(self, request: Request) -> bool:
        """A page that polls without end is not waited for."""
        polls = request.method == "GET" and self._now() > self._polls_from
        return self._was_pressed and request.resource_type in _ASKS and not polls

    def _answers(self, response: Response) -> None:
        request = response.request
        if 300 <= response.status < 400 and "location" in response.headers:
            return
        if self._is_ours(request):
            self._lands = self._is_loading = True
            self._happened()
        elif request in self._flying:
            posted = request.method not in {"GET", "HEAD", "OPTIONS"}
            if not self.answered or (posted and not self.posted):
                self.answered_at = request.timing["startTime"] + max(request.timing["responseStart"], 0.0)
            self.answered = True
            if posted or not self.posted:
                self.answer = response
            if posted:
                self.posted = True
                self._polls_from = self._now() + _POLLS_AFTER_SECONDS
            self._happened()

    def _ends(self, request: Request) -> None:
        """A document's request that was redirected is followed by the next at once."""
        if request is self._navigation and not self._lands:
            self._flying.discard(request)
        else:
            self._over(request)

    def _fails(self, request: Request) -> None:
        ours = self._is_ours(request)
        self._is_loading = self._is_loading and not ours
        known = ours or request in self._flying
        text = request.failure or ""
        if known and _ABORTED.search(text):
            self.aborted = self.aborted or ours
        elif known:
            self.failure = text
        self._over(request)
        if known:
            self._happened()

    def _over(self, request: Request) -> None:
        if request is self._navigation:
            self._navigation = None
        if request in self._flying:
            self._flying.discard(request)
            self._happened()

    def _goes(self, frame: Frame) -> None:
        if frame.parent_frame is None:
            if not self._lands:
                self.moved = True
            self._happened()

    def _loads(self, _: Page) -> None:
        self._is_loading = False
        if self._lands:
            self.arrived = True
        self._happened()

    def _opens(self, window: Page) -> None:
        self.windows.append(window)
        window.on("dialog", self._speaks)

    def _connects(self, socket: WebSocket) -> None:
        socket.on("framesent", self._sends_frame)

    def _sends_frame(self, _: str | bytes) -> None:
        if self._was_pressed:
            self.sent += 1

    async def _speaks(self, dialog: Dialog) -> None:
        """A dialog holds the page up until it is closed; nothing is ever agreed to."""
        self.spoken.append(" ".join(dialog.message[:_LONGEST_SPOKEN].split()))
        self._happened()
        with suppress(PlaywrightError):
            await (dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())

    def _is_ours(self, request: Request) -> bool:
        """Whether it brings a document of the page itself; that of a new window has no frame yet."""
        try:
            return request.is_navigation_request() and request.frame == self._page.main_frame
        except PlaywrightError:
            return False
