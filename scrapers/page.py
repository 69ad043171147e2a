"""The browser page of a visit: opened when a script asks for it, kept to the utility's hosts, traced."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from urllib.parse import urljoin, urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    Download,
    Frame,
    Locator,
    Page,
    Request,
    Response,
    Route,
    ViewportSize,
)
from playwright.async_api import Error as PlaywrightError

from meterfarm.records import Outcome
from meterfarm.scrapers import pulse, traces
from meterfarm.scrapers.boundaries import playwright_errors
from meterfarm.scrapers.browser import BrowserGone, Chromium
from meterfarm.scrapers.browser_state import SessionStorage, context_with
from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.controls import is_dangerous
from meterfarm.scrapers.guard import is_allowed, led_to, own_hosts
from meterfarm.scrapers.http import Http
from meterfarm.scrapers.outcomes import Sign, Stop, stop_for_sign, stop_for_status
from meterfarm.scrapers.portal import Portal
from meterfarm.scrapers.rate_limiter import UNLIMITED, RateLimiter, Unlimited
from meterfarm.scrapers.request_throttle import RequestThrottle
from meterfarm.scrapers.sending import Sending
from meterfarm.scrapers.sight import is_navigating, steady
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.transport import InBrowser
from meterfarm.scrapers.watch import Watch
from meterfarm.support.logs import safe_for_the_run
from meterfarm.support.redact import Secrets
from meterfarm.support.tasks import detached_task
from meterfarm.support.tracing import span

_NAVIGATION_MS = 30_000
_ACTION_MS = 5_000
_OPENING_SECONDS = 30.0
_ASIDE_SECONDS = 10.0
"""For what is asked of a browser beside the portal's pages, which answers at once or not at all."""
_AT_REST: ViewportSize = {"width": 320, "height": 240}
_FORM_AND_REDIRECTS = 3

_IS_EMPTY = """() => !document.body || !(document.body.innerText.trim() ||
  document.body.querySelector("img, svg, canvas, input, button, iframe, object, embed, video"))"""
_ABORTED = re.compile(r"ERR_ABORTED|Download is starting")

_KEPT = """() => {
  try { return [location.origin, {...sessionStorage}, navigator.userAgent]; }
  catch (error) { return [location.origin, null, navigator.userAgent]; }
}"""
_NAMES = """control => [
  [control.innerText, control.getAttribute("aria-label"), control.title, control.alt,
    control.tagName === "INPUT" ? control.value : ""]
    .map(name => (name || "").replace(/\\s+/g, " ").trim().slice(0, 200)),
  [...(control.form || control.closest("form") || control.getRootNode()).querySelectorAll("[type=password]")]
    .some(field => field.value !== "" && field.checkVisibility())]"""


class BrowserPage:
    """One page in a browser context of its own. ``filled`` are the fields to mask in a screenshot.

    ``opened`` counts how often a page was opened: 0 or 1. ``downloaded`` is the address of the file that
    the last navigation led to instead of a page, "" for none: the browser does not keep it.
    """

    def __init__(
        self,
        portal: Portal,
        base_url: str,
        hosts: Sequence[str],
        chromium: Chromium,
        http: Http,
        secrets: Secrets,
        session: PortalSession | None,
        note: Callable[..., None],
        limiter: RateLimiter = UNLIMITED,
        clock: VisitClock | None = None,
        *,
        trace_snapshots: bool = True,
    ) -> None:
        self.hangs = False
        self.filled: list[Locator] = []
        self._portal = portal
        self._base_url = base_url
        self._hosts = own_hosts(base_url, hosts)
        self._chromium = chromium
        self._http = http
        self._secrets = secrets
        self._storage = SessionStorage(session.session_storage if session is not None else {})
        self._note = note
        self._clock = clock or VisitClock()
        self._pulse: asyncio.Task[None] | None = None
        self._trace_snapshots = trace_snapshots
        self._throttle = (
            None if isinstance(limiter, Unlimited) else RequestThrottle(limiter, self._allows, self._refuse)
        )
        self.sending: Sending | None = None
        self.opened = 0
        self.downloaded = ""
        self._browser = AsyncExitStack()
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._watch: Watch | None = None
        self._known: dict[Sign, None] = {}
        self._answered: Response | None = None
        self._landed: Response | None = None
        self._tracing = False
        self._trace = ""
        self._led_away = ""
        self._boxes = ""

    @property
    def shown(self) -> Page | None:
        """The page, if it was opened and has not closed or crashed."""
        return self._page if self._page is not None and not self._page.is_closed() else None

    async def close(self) -> None:
        """Give the page up, with whatever its scripts do: its renderer ends with its context."""
        async with self._browser:
            if self._pulse is not None:
                self._pulse.cancel()
            try:
                async with asyncio.timeout(_ASIDE_SECONDS):
                    if self._throttle is not None:
                        await self._throttle.shut()
                    if self._context is not None:
                        await self._context.close()
            except PlaywrightError:
                self._note("browser gone")
            except TimeoutError:
                self._give_up_browser("closing a page")
            finally:
                self._let_go()

    def _give_up_browser(self, doing: str) -> None:
        """Other visits go on in it as long as they can; new ones get another, and then it is ended."""
        self._note("browser.stuck", doing=doing)
        if self._context is not None and self._context.browser is not None:
            self._chromium.retire(self._context.browser)

    async def open(self, path: str) -> Page:
        """The page, at an address of the portal; the browser starts at the first call."""
        page, watch = await self._watched()
        url = urljoin(self._base_url, path)
        self._note("open", path=urlsplit(url).path)
        watch.opened()
        self._led_away = self.downloaded = ""
        async with self._slot():
            with self._going(f"opening {urlsplit(url).path}"):
                await self._go(page, watch, url)
        return page

    async def _go(self, page: Page, watch: Watch, url: str) -> None:
        """To an address. A navigation may end without a document (a download, HTTP 204) or lead on at once;
        a page that says what is wrong is heard before it is called down."""
        try:
            await page.goto(url, wait_until="commit", timeout=_NAVIGATION_MS)
            await self._loaded(page)
        except PlaywrightError as exc:
            if is_navigating(exc):
                await self._loaded(page)
            elif _ABORTED.search(str(exc)) and not self._led_away:
                self._note("navigation.aborted", path=urlsplit(url).path)
            else:
                stop = await watch.declared(self._portal.signs)
                if stop is None:
                    raise
                raise stop from exc

    async def _loaded(self, page: Page) -> None:
        """Wait until the document is there, with the scripts that it waits for."""
        await self._clock.patiently(
            lambda left: page.wait_for_load_state("domcontentloaded", timeout=left), _NAVIGATION_MS
        )

    async def fill(self, field: Locator, value: str, *, secret: bool = True) -> None:
        """Type into a field; a secret is masked in whatever evidence is kept, any field in a screenshot."""
        if secret:
            self._register(value)
        if self.sending is not None:
            self.sending.typed(value)
        self.filled.append(field)
        with self._errors("filling in a form"):
            await self._clock.patiently(lambda left: field.fill(value, timeout=left), _ACTION_MS)

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
        page, watch = await self._watched()
        self._register("")
        with self._errors("pressing a button"):
            await self._pressable(button)
            names, has_password = await steady(
                page, lambda: button.evaluate(_NAMES, timeout=_ACTION_MS), now=self._clock.now
            )
        name = " ".join(dict.fromkeys(filter(None, names)))
        if any(map(is_dangerous, names)):
            raise Stop(
                Outcome.ACTION_REQUIRED,
                f"{self._portal.name} wants “{name}”; only the customer may do that.",
            )
        self._note("submit", button=name)
        self._led_away = self.downloaded = ""
        doing = f"pressing “{name}”"
        declared = list(dict.fromkeys((*self._portal.signs, *signs, *self._known)))
        async with self._slot(_FORM_AND_REDIRECTS), self._sent(watch, is_still_there=has_password):
            with self._going(doing):
                found = await watch.press(
                    button, declared, doing, _NAVIGATION_MS / 1000, _ACTION_MS, self._secrets.scrub
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
        if self._throttle is not None:
            with suppress(PlaywrightError):
                await self._clock.patiently(lambda left: button.click(trial=True, timeout=left), _ACTION_MS)

    async def arrive(self, *signs: Sign) -> Sign:
        """What the page has turned into: the first of ``signs`` and the utility's own that it carries.

        Raises:
            Stop: the page is a declared outcome, the status says what it is, or it is ``unknown_page``.
        """
        page, watch = await self._watched()
        self._register("")
        self._known.update(dict.fromkeys(signs))
        outcomes = [sign for sign in self._portal.signs if isinstance(sign.means, Outcome)]
        unasked = [sign for sign in self._portal.signs if sign not in (*outcomes, *signs)]
        declared = [*signs, *outcomes, *unasked]
        settle, limit = self._portal.settle_seconds, _NAVIGATION_MS / 1000
        with self._boundary("looking at the page"):
            found = await watch.first_sign(declared, settle, limit, unasked)
        self._note("arrive", path=urlsplit(page.url).path, means=found.means if found else None)
        if found is None:
            raise await self._stop_for_unknown(page, watch)
        stop = stop_for_sign(self._portal.name, found)
        if stop:
            raise stop
        return found

    async def _stop_for_unknown(self, page: Page, watch: Watch) -> Stop:
        answer = self._landed if watch.reactions.arrived else watch.reactions.answer or self._landed
        status, headers = (answer.status, answer.headers) if answer else (200, {})
        by_status = stop_for_status(self._portal.name, status, headers.get("retry-after"))
        with self._errors("looking at the page"):
            title = safe_for_the_run(await steady(page, page.title, now=self._clock.now), 100)
            is_empty = await steady(page, partial(page.evaluate, _IS_EMPTY), now=self._clock.now)
        if self.downloaded and not by_status:
            return Stop(
                Outcome.UNKNOWN_PAGE,
                f"{self._portal.name} sends a file ({urlsplit(self.downloaded).path}) where its script awaits"
                " a page; the script needs mending.",
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

    async def _watched(self) -> tuple[Page, Watch]:
        page = await self._opened()
        if self._watch is None:
            raise RuntimeError("the page is not watched")
        return page, self._watch

    async def _opened(self) -> Page:
        if self._page is not None:
            return self._page
        with self._errors("opening a page"):
            browser = await self._browser.enter_async_context(self._chromium.borrowed())
            self.opened += 1
            try:
                async with asyncio.timeout(_OPENING_SECONDS):
                    return await self._page_of(browser)
            except TimeoutError as exc:
                self._chromium.retire(browser)
                raise BrowserGone("The browser opened no page in time; run again.") from exc

    async def _page_of(self, browser: Browser) -> Page:
        state = await self._http.transport.storage_state() if self._http.transport is not None else None
        self._context = await context_with(browser, state, self._chromium.proxy(self._hosts))
        if self._throttle is None:
            await self._context.route(lambda url: not self._allows(url), self._refuse)
        else:
            await self._throttle.start(self._context)
        if self._chromium.makes_traces:
            await self._start_trace(self._context)
        if first := self._chromium.first_script:
            await self._context.add_init_script(first)
        self._page = await self._context.new_page()
        await self._storage.start(self._page)
        self._watch = Watch(self._portal.name, self._context, self._page, self._allows, self._clock.now)
        self._page.on("requestfailed", self._failed)
        self._page.on("download", self._downloads)
        self._page.on("response", self._answers)
        self._page.on("framenavigated", self._lands)
        self._page.on("close", self._let_go)
        self._page.on("crash", self._let_go)
        self._pulse = detached_task(pulse.watch(self._page, self._clock, self._hangs))
        agent: str = await self._page.evaluate("navigator.userAgent")
        self._http.transport = await self._browser.enter_async_context(InBrowser(self._context, agent))
        return self._page

    async def _start_trace(self, context: BrowserContext) -> None:
        self._trace = traces.new_name()
        await context.tracing.start(
            name=self._trace, snapshots=self._trace_snapshots, screenshots=False, sources=False
        )
        self._tracing = True

    def _hangs(self) -> None:
        """The page's script does not yield: nothing that is asked of the page will be answered."""
        self.hangs = True
        self._note("page.hangs")
        seconds = f"{pulse.ANSWER_SECONDS:g}"
        self._clock.end(
            Stop(
                Outcome.PORTAL_DOWN,
                f"{self._portal.name}'s page has not answered for {seconds} seconds; try again later.",
            )
        )

    def _failed(self, request: Request) -> None:
        """Routes do not see redirects; the browser resolves no foreign host, and this says which it was."""
        if request.is_navigation_request() and not self._allows(request.url):
            self._led_away = led_to(request.url, self._hosts)

    async def _downloads(self, download: Download) -> None:
        self.downloaded = download.url
        self._note("download.refused", path=urlsplit(download.url).path)
        with suppress(PlaywrightError):
            await download.cancel()

    def _answers(self, response: Response) -> None:
        """Of a redirect chain the last answer is the one that counts."""
        request, page = response.request, self._page
        leads_on = 300 <= response.status < 400 and "location" in response.headers
        if page and request.is_navigation_request() and not leads_on and request.frame == page.main_frame:
            self._answered = response

    def _lands(self, frame: Frame) -> None:
        """``_landed`` answers for the document that is shown: an answer without one, like a download, does
        not, and an address that a script changes is the same document's."""
        if frame.parent_frame is not None:
            return
        if self._answered is not None and _is_same_document(self._answered.url, frame.url):
            self._landed = self._answered
        elif frame.url.startswith("about:"):
            self._landed = None

    def _allows(self, url: str) -> bool:
        return is_allowed(url, self._hosts)

    def _slot(self, cost: int = 1) -> AbstractAsyncContextManager[None]:
        """The place of the navigation that follows."""
        return nullcontext() if self._throttle is None else self._throttle.ahead(cost)

    def _let_go(self, _: Page | None = None) -> None:
        if self._throttle is not None:
            self._throttle.close()

    async def _refuse(self, route: Route) -> None:
        self._note("refused", host=led_to(route.request.url, self._hosts))
        await route.abort("blockedbyclient")

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        with self._clock.scope(), playwright_errors(self._portal.name, doing, note=self._note):
            yield

    @contextmanager
    def _going(self, doing: str) -> Iterator[None]:
        """The boundary around a navigation."""
        with span("page", doing=doing) as stage, self._boundary(doing):
            yield
            if self._page is not None:
                stage.set(url__path=urlsplit(self._page.url).path)

    @contextmanager
    def _boundary(self, doing: str) -> Iterator[None]:
        """Around what may lead to a foreign host, or be kept waiting by whoever limits requests."""
        try:
            with self._errors(doing):
                yield
        except Stop as stop:
            if self._throttle is not None and self._throttle.lost is not None:
                raise self._throttle.lost from stop
            if not self._led_away:
                raise
            raise Stop(
                Outcome.BLOCKED,
                f"{self._portal.name} led to {self._led_away}, a host that is not its own; not followed.",
            ) from stop

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """While nothing is done with the page: no caret that blinks, which takes a percent of a core, a small
        view and no garbage, which takes half the memory. It is given back as it was but for the focus."""
        page = self.shown
        size = page.viewport_size if page is not None else None
        if page is None or size is None:
            yield
            return
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_ASIDE_SECONDS):
                await page.evaluate("document.activeElement && document.activeElement.blur()")
                await page.set_viewport_size(_AT_REST)
                await page.request_gc()
        try:
            yield
        finally:
            with suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(_ASIDE_SECONDS):
                    await page.set_viewport_size(size)

    async def cookies(self) -> object:
        """All that the context has; None without one."""
        return await self._context.cookies() if self._context is not None and self.shown else None

    async def session(self) -> PortalSession | None:
        """What a browser needs to be known again, if the page is still there to ask."""
        page = self.shown
        if self._context is None or page is None or self.hangs:
            return None
        try:
            async with asyncio.timeout(_ASIDE_SECONDS):
                state = await self._context.storage_state()
                origin, items, user_agent = await steady(page, lambda: page.evaluate(_KEPT))
        except TimeoutError:
            self._note("session.unknown", reason="the page does not answer")
            return None
        if items is not None:
            self._storage.seen(origin, items)
        return PortalSession(state, self._storage.by_origin(), user_agent)

    async def end_trace(self, path: str | None = None) -> None:
        """Stop tracing, into the file ``path`` or, without one, into nothing."""
        if self._context is not None and self._tracing:
            self._tracing = False
            try:
                async with asyncio.timeout(_ASIDE_SECONDS):
                    await self._context.tracing.stop(path=path)
            except TimeoutError:
                self._note("trace.lost")
            traces.forget(self._chromium.traces, self._trace)


def _is_same_document(url: str, other: str) -> bool:
    return url.partition("#")[0] == other.partition("#")[0]
