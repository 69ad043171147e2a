"""What a script does with a visit's browser page: opens addresses, types, presses, reads what follows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import overload
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import SIGNED_OUT, SessionEnded, Sign, Stop, stop_for_sign, stop_for_status
from meterfarm.scrapers.page.access import Access, Surroundings
from meterfarm.scrapers.page.boxes import CodeBoxes
from meterfarm.scrapers.page.control import Control, Surface
from meterfarm.scrapers.page.filling import Filling
from meterfarm.scrapers.page.names import names_of
from meterfarm.scrapers.page.overlays import Overlays
from meterfarm.scrapers.page.sending import Sending
from meterfarm.scrapers.page.sight import is_navigating, steady
from meterfarm.scrapers.page.tab import Tab
from meterfarm.scrapers.page.watch import Watch
from meterfarm.support.logs import safe_for_the_run
from meterfarm.support.tracing import span

_FORM_AND_REDIRECTS = 3
_MOST_SOUGHT, _MOST_NAMED = 50, 5
_LONGEST_HTML = 8 * 1024 * 1024

_IS_EMPTY = """() => !document.body || !(document.body.innerText.trim() ||
  document.body.querySelector("img, svg, canvas, input, button, iframe, object, embed, video"))"""
_HTML = "most => document.documentElement.outerHTML.slice(0, most)"
_ABORTED = re.compile(r"ERR_ABORTED|Download is starting")


class BrowserPage(Surface):
    """A page as scripts work it. Controls are found by ``label``, ``role``, ``button``, ``link``, ``text``,
    ``placeholder``, ``css``, ``test_id`` and within a ``frame``; see ``Finders`` and ``Control``.

    The browser starts at the first operation. One call of a script drives the page at a time (``Turns``).
    Whatever is done has a limit, stays on the portal's hosts, and fails with ``Stop``, in one sentence.
    """

    def __init__(self, tab: Tab, shared: Surroundings) -> None:
        access = Access(tab, shared)
        super().__init__(access, lambda page: page)
        self._filling = Filling(access)
        self._boxes = CodeBoxes(access)
        self._overlays = Overlays(access)
        self._shared = shared
        self._tab = tab
        self._portal = shared.portal
        self._base_url = shared.base_url
        self._note = shared.note
        self._clock = shared.clock
        self._known: dict[Sign, None] = {}

    @property
    def filled(self) -> Sequence[Locator]:
        """For the engine: the fields to mask in a screenshot."""
        return self._shared.filled

    @property
    def sending(self) -> Sending | None:
        """For the engine: set while a password may be sent."""
        return self._shared.sending

    @sending.setter
    def sending(self, sending: Sending | None) -> None:
        self._shared.sending = sending

    @property
    def url(self) -> str:
        """The address of the document that is shown, "" before the first."""
        return self._tab.shown.url if self._tab.shown is not None else ""

    async def raw_playwright_page(self) -> Page:
        """Playwright's own page: without limits of time and size, without the refusal of dangerous controls.

        No script needs it; one that uses it answers for what the engine else sees to.
        """
        async with self._access.operation("opening a page") as page:
            return page

    async def html(self) -> str:
        """The document as it is now, at most eight million characters; without frames and shadow trees."""
        async with self._access.operation("reading the page") as page:
            return str(await steady(page, lambda: page.evaluate(_HTML, _LONGEST_HTML), now=self._clock.now))

    @property
    def downloaded(self) -> str:
        """The address of the file that the last navigation led to instead of a page, "" for none."""
        return self._tab.downloaded

    async def open(self, path: str) -> None:
        """Go to an address of the portal. One that leads to a file leaves the page that was shown.

        Raises:
            Stop: the portal does not answer, says what the outcome is, or leads to a foreign host.
        """
        async with self._access.turn():
            page, watch = await self._tab.watched()
            url = urljoin(self._base_url, path)
            self._note("page.opened", path=urlsplit(url).path)
            watch.opened()
            self._tab.expect_navigation()
            async with self._tab.slot():
                with self._going(f"opening {urlsplit(url).path}"):
                    await self._go(page, watch, url)

    async def _go(self, page: Page, watch: Watch, url: str) -> None:
        """To an address. A navigation may end without a document (a download, HTTP 204) or lead on at once;
        a page that says what is wrong is heard before it is called down."""
        try:
            await page.goto(url, wait_until="commit", timeout=self._access.navigation_ms)
            await self._loaded(page)
        except PlaywrightError as exc:
            if is_navigating(exc):
                await self._loaded(page)
            elif _ABORTED.search(str(exc)) and not self._tab.led_away:
                self._note("navigation.aborted", path=urlsplit(url).path)
            else:
                stop = await watch.declared(self._portal.signs)
                if stop is None:
                    raise
                raise stop from exc

    async def _loaded(self, page: Page) -> None:
        """Wait until the document is there, with the scripts that it waits for."""
        await self._clock.patiently(
            lambda left: page.wait_for_load_state("domcontentloaded", timeout=left),
            self._access.navigation_ms,
        )

    async def fill(self, field: Control, value: str, *, secret: bool = True, typed: bool = False) -> None:
        """Enter ``value`` into a field, and see that it stands there; a mask may format it.

        A secret is masked in whatever evidence is kept, any field in a screenshot. ``typed``: key by key, for
        a field that ignores a value that is set at once.

        Raises:
            Stop: ``layout_changed``: there is no such field, or it does not take what is entered.
        """
        await self._filling.fill(field, value, secret=secret, typed=typed)

    async def fill_boxes(self, boxes: Control | Sequence[Control], code: str) -> None:
        """Type a code, a secret, into boxes for a character each: the boxes, in order, or what they are in.

        It does not matter whether the page's script moves on by itself, refuses what is pasted or set at
        once, or sends the code when it is complete: ``arrive`` takes that for a press.

        Raises:
            Stop: ``layout_changed``: there are none, or they do not take the code.
        """
        await self._boxes.fill(boxes, code)

    async def dismiss(self, *controls: Control) -> bool:
        """Press each of these that is to be seen now; whether any was. It waits for none.

        From then on one that comes up is pressed before it hides what is to be pressed or filled in.

        Raises:
            Stop: one that is to be seen is one that a visit must never touch.
        """
        return any([await self._overlays.dismiss(control) for control in controls])

    async def check(self, control: Control, *, checked: bool = True) -> None:
        """Check a box or a radio button, or uncheck a box.

        Raises:
            Stop: there is none, or checking it would agree to something or cost something.
        """
        await self._filling.check(control, checked=checked)

    async def choose(self, control: Control, option: str) -> None:
        """Choose an option of a list (``select``) by its label, else by its value.

        Raises:
            Stop: there is no such list or option, or the option is one that a visit must never touch.
        """
        await self._filling.choose(control, option)

    @overload
    async def press(self, control: Control, *signs: Sign, until: None = None) -> None: ...

    @overload
    async def press(self, control: Control, *signs: Sign, until: Sign | Sequence[Sign]) -> Sign: ...

    async def press(
        self, control: Control, *signs: Sign, until: Sign | Sequence[Sign] | None = None
    ) -> Sign | None:
        """Press a control, and wait for what comes of it: another page, an answer, or a sign in place.

        Looked for are the utility's signs, ``signs``, and those that ``arrive`` was asked for before. With
        ``until`` it ends only when one of these is there, which is returned: where an answer, or another
        address, is not yet what the press is for.

        Raises:
            Stop: the control is missing, or is one that a visit must never touch; the page says in place what
                the outcome is; the browser refuses to send the form; nothing comes of it; ``until`` does not.
            SessionEnded: the page that comes when the session has ended came instead of ``until``.
        """
        awaited = [until] if isinstance(until, Sign) else list(until or ())
        async with self._access.turn():
            page, watch = await self._tab.watched()
            found = await self._pressed(page, watch, control, [*awaited, *signs])
            return await self._until(page, watch, awaited, found) if awaited else None

    async def _pressed(
        self, page: Page, watch: Watch, control: Control, signs: Sequence[Sign]
    ) -> Sign | None:
        self._shared.register("")
        button = control.locator(page)
        with self._tab.errors(f"pressing {control.what}"):
            await self._pressable(button)
            names = await steady(page, lambda: names_of(button, self._access.action_ms), now=self._clock.now)
        names.must_be_harmless(self._portal.name)
        self._note("control.pressed", name=names.shown)
        self._tab.expect_navigation()
        doing = f"pressing “{names.shown}”"
        declared = list(dict.fromkeys((*self._portal.signs, *signs, *self._known)))
        async with (
            self._tab.slot(_FORM_AND_REDIRECTS),
            self._sent(watch, is_still_there=names.has_password),
        ):
            with self._going(doing):
                found = await watch.press(
                    button,
                    declared,
                    doing,
                    self._clock.timeouts.navigation,
                    self._access.action_ms,
                    self._shared.secrets.scrub,
                )
        stop = stop_for_sign(self._portal.name, found) if found else None
        if stop:
            raise stop
        return found

    async def _until(self, page: Page, watch: Watch, awaited: Sequence[Sign], found: Sign | None) -> Sign:
        """The first of the signs that comes after a press that has led on, or led to ``found``."""
        outcomes = [sign for sign in self._portal.signs if isinstance(sign.means, Outcome)]
        signed_out = [sign for sign in self._portal.signs if sign.means == SIGNED_OUT]
        until = self._clock.now() + self._clock.timeouts.navigation
        while found is None or found not in awaited:
            if found in signed_out:
                raise SessionEnded(f"{self._portal.name} ended the session.")
            left = until - self._clock.now()
            if left <= 0:
                raise await self._stop_for_unknown(page, watch, awaited)
            with self._tab.boundary("looking at the page"):
                found = await watch.first_sign(
                    [*awaited, *outcomes, *signed_out], self._portal.settle_seconds, left, signed_out
                )
            if (stop := stop_for_sign(self._portal.name, found) if found else None) is not None:
                raise stop
            if found is None and (by_status := self._stop_by_status(watch)) is not None:
                raise by_status
        return found

    @asynccontextmanager
    async def _sent(self, watch: Watch, *, is_still_there: bool) -> AsyncIterator[None]:
        """Around a press: if it sends the password, that is known before, also to who comes after a crash."""
        sending = self.sending
        if sending is None or not await sending.before_press(is_still_there=is_still_there):
            yield
            return
        try:
            yield
        except Stop:
            if not watch.has_sent:
                await sending.was_not_sent()
            raise

    async def password_led_on(self) -> None:
        """The portal has gone on from the password to something else."""
        if self.sending is not None:
            await self.sending.led_on()

    async def _pressable(self, button: Locator) -> None:
        """Wait while scripts that the button waits for are held back by our own limits. Nothing is pressed:
        what may have been pressed is never pressed again."""
        if self._tab.is_throttled:
            with suppress(PlaywrightError):
                await self._clock.patiently(
                    lambda left: button.click(trial=True, timeout=left), self._access.action_ms
                )

    async def arrive(self, *signs: Sign) -> Sign:
        """What the page has turned into: the first of ``signs`` and the utility's own that it carries.

        Raises:
            Stop: the page is a declared outcome, the status says what it is, or it is ``unknown_page``.
            SessionEnded: it is that of the signed out, for which it was not asked; not while signing in.
        """
        async with self._access.turn():
            page, watch = await self._tab.watched()
            return await self._arrived(page, watch, signs)

    async def _arrived(self, page: Page, watch: Watch, signs: Sequence[Sign]) -> Sign:
        self._shared.register("")
        self._known.update(dict.fromkeys(signs))
        outcomes = [sign for sign in self._portal.signs if isinstance(sign.means, Outcome)]
        unasked = [sign for sign in self._portal.signs if sign not in (*outcomes, *signs)]
        declared = [*signs, *outcomes, *unasked]
        settle, limit = self._portal.settle_seconds, self._clock.timeouts.navigation
        with self._tab.boundary("looking at the page"):
            found = await watch.first_sign(declared, settle, limit, unasked)
        self._note("page.recognised", path=urlsplit(page.url).path, means=found.means if found else None)
        if found is None:
            raise await self._stop_for_unknown(page, watch, signs)
        if found not in signs and (meant := self._access.declared_by(found)) is not None:
            raise meant
        if (stop := stop_for_sign(self._portal.name, found)) is not None:
            raise stop
        return found

    def _stop_by_status(self, watch: Watch) -> Stop | None:
        answer = self._tab.landed if watch.reactions.arrived else watch.reactions.answer or self._tab.landed
        status, headers = (answer.status, answer.headers) if answer else (200, {})
        return stop_for_status(self._portal.name, status, headers.get("retry-after"))

    async def _stop_for_unknown(self, page: Page, watch: Watch, sought: Sequence[Sign]) -> Stop:
        by_status = self._stop_by_status(watch)
        with self._tab.errors("looking at the page"):
            title = safe_for_the_run(await steady(page, page.title, now=self._clock.now), 100)
            is_empty = await steady(page, partial(page.evaluate, _IS_EMPTY), now=self._clock.now)
        if self._tab.downloaded and not by_status:
            file = urlsplit(self._tab.downloaded).path
            return Stop(
                Outcome.UNKNOWN_PAGE,
                f"{self._portal.name} sends a file ({file}) where its script awaits a page; the script needs"
                " mending.",
            )
        path = safe_for_the_run(urlsplit(page.url).path, 200)
        looked_for = [sign.look for sign in dict.fromkeys((*sought, *self._portal.signs))]
        self._note("page.unknown", path=path, title=title, looked_for=looked_for[:_MOST_SOUGHT])
        names = ", ".join(dict.fromkeys(f"“{sign.means}”" for sign in sought[:_MOST_NAMED]))
        instead = f", not {names}" if names else ""
        what = (
            f"an empty page at {path}{instead}"
            if is_empty
            else f"a page that its script does not know (“{title}” at {path}{instead})"
        )
        return by_status or Stop(
            Outcome.UNKNOWN_PAGE, f"{self._portal.name} shows {what}; the script needs mending."
        )

    @contextmanager
    def _going(self, doing: str) -> Iterator[None]:
        """The boundary around a navigation."""
        with span("page", doing=doing) as stage, self._tab.boundary(doing):
            yield
            if self._tab.shown is not None:
                stage.set(url__path=urlsplit(self._tab.shown.url).path)
