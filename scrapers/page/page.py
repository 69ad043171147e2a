"""What a script does with a visit's browser page: opens addresses, types, presses, reads what follows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page

from meterfarm.records import Outcome
from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.outcomes import Sign, Stop, stop_for_sign, stop_for_status
from meterfarm.scrapers.page.controls import is_dangerous
from meterfarm.scrapers.page.sending import Sending
from meterfarm.scrapers.page.sight import is_navigating, steady
from meterfarm.scrapers.page.tab import Tab
from meterfarm.scrapers.page.watch import Watch
from meterfarm.scrapers.portal import Portal
from meterfarm.support.logs import safe_for_the_run
from meterfarm.support.redact import Secrets
from meterfarm.support.tracing import span

_FORM_AND_REDIRECTS = 3

_IS_EMPTY = """() => !document.body || !(document.body.innerText.trim() ||
  document.body.querySelector("img, svg, canvas, input, button, iframe, object, embed, video"))"""
_ABORTED = re.compile(r"ERR_ABORTED|Download is starting")
_NAMES = """control => [
  [control.innerText, control.getAttribute("aria-label"), control.title, control.alt,
    control.tagName === "INPUT" ? control.value : ""]
    .map(name => (name || "").replace(/\\s+/g, " ").trim().slice(0, 200)),
  [...(control.form || control.closest("form") || control.getRootNode()).querySelectorAll("[type=password]")]
    .some(field => field.value !== "" && field.checkVisibility())]"""


class BrowserPage:
    """The page as scripts work it. ``filled`` are the fields to mask in a screenshot.

    ``sending`` is set while a password may be sent: it is informed of what is typed, and before each press.
    """

    def __init__(
        self,
        tab: Tab,
        portal: Portal,
        base_url: str,
        secrets: Secrets,
        note: Callable[..., None],
        clock: VisitClock,
    ) -> None:
        self.filled: list[Locator] = []
        self.sending: Sending | None = None
        self._tab = tab
        self._portal = portal
        self._base_url = base_url
        self._secrets = secrets
        self._note = note
        self._clock = clock
        self._known: dict[Sign, None] = {}
        self._boxes = ""

    @property
    def _navigation_ms(self) -> float:
        return self._clock.timeouts.navigation * 1000

    @property
    def _action_ms(self) -> float:
        return self._clock.timeouts.action * 1000

    @property
    def downloaded(self) -> str:
        """The address of the file that the last navigation led to instead of a page, "" for none."""
        return self._tab.downloaded

    async def open(self, path: str) -> Page:
        """The page, at an address of the portal; the browser starts at the first call."""
        page, watch = await self._tab.watched()
        url = urljoin(self._base_url, path)
        self._note("page.opened", path=urlsplit(url).path)
        watch.opened()
        self._tab.expect_navigation()
        async with self._tab.slot():
            with self._going(f"opening {urlsplit(url).path}"):
                await self._go(page, watch, url)
        return page

    async def _go(self, page: Page, watch: Watch, url: str) -> None:
        """To an address. A navigation may end without a document (a download, HTTP 204) or lead on at once;
        a page that says what is wrong is heard before it is called down."""
        try:
            await page.goto(url, wait_until="commit", timeout=self._navigation_ms)
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
            lambda left: page.wait_for_load_state("domcontentloaded", timeout=left), self._navigation_ms
        )

    async def fill(self, field: Locator, value: str, *, secret: bool = True) -> None:
        """Type into a field; a secret is masked in whatever evidence is kept, any field in a screenshot."""
        if secret:
            self._register(value)
        if self.sending is not None:
            self.sending.typed(value)
        self.filled.append(field)
        with self._tab.errors("filling in a form"):
            await self._clock.patiently(lambda left: field.fill(value, timeout=left), self._action_ms)

    def _register(self, value: str) -> None:
        """Of boxes for a character each the whole is the secret: a digit would blank out every date."""
        if len(value) == 1:
            self._secrets.add_character(value)
            self._boxes += value
            return
        self._secrets.add(value, self._boxes if len(self._boxes) > 1 else "")
        self._boxes = ""

    async def submit(self, button: Locator, *signs: Sign) -> None:
        """Press a button, and wait for what comes of it: another page, an answer, or a sign in place.

        Looked for are the utility's signs, ``signs``, and those that ``arrive`` was asked for before.

        Raises:
            Stop: the button is missing, or is one that a visit must never touch; the page says in place what
                the outcome is; the browser refuses to send the form; nothing comes of it.
        """
        page, watch = await self._tab.watched()
        self._register("")
        with self._tab.errors("pressing a button"):
            await self._pressable(button)
            names, has_password = await steady(
                page, lambda: button.evaluate(_NAMES, timeout=self._action_ms), now=self._clock.now
            )
        name = " ".join(dict.fromkeys(filter(None, names)))
        if any(map(is_dangerous, names)):
            raise Stop(
                Outcome.ACTION_REQUIRED,
                f"{self._portal.name} wants “{name}”; only the customer may do that.",
            )
        self._note("form.submitted", button=name)
        self._tab.expect_navigation()
        doing = f"pressing “{name}”"
        declared = list(dict.fromkeys((*self._portal.signs, *signs, *self._known)))
        async with self._tab.slot(_FORM_AND_REDIRECTS), self._sent(watch, is_still_there=has_password):
            with self._going(doing):
                found = await watch.press(
                    button,
                    declared,
                    doing,
                    self._clock.timeouts.navigation,
                    self._action_ms,
                    self._secrets.scrub,
                )
        stop = stop_for_sign(self._portal.name, found) if found else None
        if stop:
            raise stop

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
                    lambda left: button.click(trial=True, timeout=left), self._action_ms
                )

    async def arrive(self, *signs: Sign) -> Sign:
        """What the page has turned into: the first of ``signs`` and the utility's own that it carries.

        Raises:
            Stop: the page is a declared outcome, the status says what it is, or it is ``unknown_page``.
        """
        page, watch = await self._tab.watched()
        self._register("")
        self._known.update(dict.fromkeys(signs))
        outcomes = [sign for sign in self._portal.signs if isinstance(sign.means, Outcome)]
        unasked = [sign for sign in self._portal.signs if sign not in (*outcomes, *signs)]
        declared = [*signs, *outcomes, *unasked]
        settle, limit = self._portal.settle_seconds, self._clock.timeouts.navigation
        with self._tab.boundary("looking at the page"):
            found = await watch.first_sign(declared, settle, limit, unasked)
        self._note("page.recognised", path=urlsplit(page.url).path, means=found.means if found else None)
        if found is None:
            raise await self._stop_for_unknown(page, watch)
        stop = stop_for_sign(self._portal.name, found)
        if stop:
            raise stop
        return found

    async def _stop_for_unknown(self, page: Page, watch: Watch) -> Stop:
        answer = self._tab.landed if watch.reactions.arrived else watch.reactions.answer or self._tab.landed
        status, headers = (answer.status, answer.headers) if answer else (200, {})
        by_status = stop_for_status(self._portal.name, status, headers.get("retry-after"))
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
        what = (
            f"an empty page at {path}"
            if is_empty
            else f"a page that its script does not know (“{title}” at {path})"
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
