"""One customer's visit to one portal: a browser page when a script asks for one, shared-cookie HTTP, MFA."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urljoin, urlsplit

import structlog
from playwright.async_api import (
    APIRequestContext,
    BrowserContext,
    Locator,
    Page,
    Response,
    Route,
)
from playwright.async_api import TimeoutError as PlaywrightTimeout

from mfa.port import Answer, Answers, Code, NobodyToAsk
from records import Challenge, Factor, Outcome
from scrapers.browser import Chromium
from scrapers.guard import host_of, is_allowed, is_dangerous
from scrapers.http import Http
from scrapers.outcomes import Sign, Stop, playwright_errors, stop_for_sign, stop_for_status
from scrapers.redact import Secrets
from scrapers.state import PortalSession
from scrapers.utility import Utility

_NAVIGATION_MS = 30_000
_ACTION_MS = 5_000
_ANSWERS = 12

_FIRST_SIGN = """signs => {
  const squeeze = text => (text || "").replace(/\\s+/g, " ").trim();
  const headings = [...document.querySelectorAll("h1, h2")].map(heading => squeeze(heading.innerText));
  const text = squeeze(document.body && document.body.innerText);
  const found = signs.findIndex(sign =>
    (!sign.path || new RegExp(sign.path).test(location.pathname)) &&
    (!sign.heading || headings.includes(sign.heading)) &&
    (!sign.text || text.includes(sign.text)));
  return found < 0 ? null : {found};
}"""

Log = structlog.stdlib.BoundLogger


class Visit:
    """A portal visited with one customer's cookies. Use ``async with``; nothing is shared between visits.

    ``challenged`` tells whether the portal asked for MFA, ``steps`` what was done so far (for the evidence).
    """

    def __init__(
        self,
        utility: Utility,
        base_url: str,
        chromium: Chromium,
        answers: Answers,
        secrets: Secrets,
        session: PortalSession | None = None,
    ) -> None:
        self.utility = utility
        self.base_url = base_url
        self.secrets = secrets
        self.challenged = False
        self.steps: list[dict[str, object]] = []
        self.filled: list[Locator] = []
        self.hosts = (host_of(base_url), *utility.hosts)
        self.http = Http(utility.name, base_url, self.hosts, utility.signs, utility.parallel, self.note)
        self._chromium = chromium
        self._answers = answers
        self._session = session
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._plain: APIRequestContext | None = None
        self._landed: Response | None = None
        self._refused_host = ""
        self._asked = 0
        self._tracing = False
        self._began = time.monotonic()
        self._log: Log = structlog.get_logger("visit").bind(utility=utility.id)
        if session is not None:
            secrets.add(*session.secrets())

    async def __aenter__(self) -> Visit:
        driver = await self._chromium.driver()
        if self._session is not None:
            self._plain = await driver.request.new_context(
                storage_state=self._session.storage_state, user_agent=self._session.user_agent or None
            )
            self.http.request = self._plain
        return self

    async def __aexit__(self, *_: object) -> None:
        async with AsyncExitStack() as stack:
            if self._context is not None:
                stack.push_async_callback(self._context.close)
            if self._plain is not None:
                stack.push_async_callback(self._plain.dispose)

    def note(self, step: str, **fields: object) -> None:
        """Write down a step, for the log and for the evidence of a failed run."""
        elapsed = round(time.monotonic() - self._began, 3)
        self.steps.append({"at": elapsed, "step": step, **fields})
        self._log.debug(step, elapsed=elapsed, **fields)

    # --- the browser page

    async def open(self, path: str) -> Page:
        """The browser page, at an address of the portal; the browser starts at the first call."""
        page = await self._open_page()
        url = urljoin(self.base_url, path)
        self.note("open", path=urlsplit(url).path)
        with self._errors(f"opening {urlsplit(url).path}"):
            self._landed = await page.goto(url, wait_until="domcontentloaded", timeout=_NAVIGATION_MS)
        return page

    async def fill(self, field: Locator, value: str) -> None:
        """Type a secret into a field; it is masked in whatever evidence is kept."""
        self.secrets.add(value)
        self.filled.append(field)
        with self._errors("filling in a form"):
            await field.fill(value, timeout=_ACTION_MS)

    async def submit(self, button: Locator) -> None:
        """Press a button that leads to another page, and wait for that page.

        Raises:
            Stop: the button is missing, or it is one that a visit must never touch.
        """
        page = await self._open_page()
        with self._errors("pressing a button"):
            name = await button.inner_text(timeout=_ACTION_MS)
        if is_dangerous(name):
            raise Stop(
                Outcome.ACTION_REQUIRED, f"{self.utility.name} wants “{name}”; only the customer may do that."
            )
        self.note("submit", button=name)
        with self._errors(f"pressing “{name}”"):
            async with page.expect_navigation(
                wait_until="domcontentloaded", timeout=_NAVIGATION_MS
            ) as arrival:
                await button.click(timeout=_ACTION_MS)
            self._landed = await arrival.value

    async def arrive(self, *signs: Sign) -> Sign:
        """What the page has turned into: the first of ``signs`` and the utility's own that it carries.

        Raises:
            Stop: the page is a declared outcome, the status says what it is, or it is ``unknown_page``.
        """
        page = await self._open_page()
        known = [*signs, *self.utility.signs]
        found = await self._first_sign(page, known)
        self.note("arrive", path=urlsplit(page.url).path, means=found.means if found else None)
        if found is None:
            raise await self._stop_for_unknown(page)
        stop = stop_for_sign(self.utility.name, found)
        if stop:
            raise stop
        return found

    async def _first_sign(self, page: Page, signs: Sequence[Sign]) -> Sign | None:
        looks = [{"path": sign.path, "heading": sign.heading, "text": sign.text} for sign in signs]
        try:
            with self._errors("looking at the page"):
                seen = await page.evaluate(_FIRST_SIGN, looks)
                if seen is None:
                    handle = await page.wait_for_function(
                        _FIRST_SIGN, arg=looks, timeout=self.utility.settle_seconds * 1000
                    )
                    seen = await handle.json_value()
        except Stop as stop:
            if isinstance(stop.__cause__, PlaywrightTimeout):
                return None
            raise
        index: int = seen["found"]
        return signs[index]

    async def _stop_for_unknown(self, page: Page) -> Stop:
        status = self._landed.status if self._landed else 200
        headers = self._landed.headers if self._landed else {}
        by_status = stop_for_status(self.utility.name, status, headers.get("retry-after"))
        title = await page.title()
        return by_status or Stop(
            Outcome.UNKNOWN_PAGE,
            f"{self.utility.name} shows a page that its script does not know (“{title}” at "
            f"{urlsplit(page.url).path}); the script needs mending.",
        )

    async def _open_page(self) -> Page:
        if self._page is not None:
            return self._page
        browser = await self._chromium.browser()
        state = await self._plain.storage_state() if self._plain is not None else None
        self._context = await browser.new_context(storage_state=state, accept_downloads=True)
        await self._context.route(lambda url: not is_allowed(url, self.hosts), self._refuse)
        await self._context.tracing.start(snapshots=True, screenshots=False, sources=False)
        self._tracing = True
        if self._session is not None and self._session.session_storage:
            await self._context.add_init_script(_restoring(self._session.session_storage))
        self._page = await self._context.new_page()
        self.http.request = self._context.request
        return self._page

    async def _refuse(self, route: Route) -> None:
        self._refused_host = host_of(route.request.url)
        self.note("refused", host=self._refused_host)
        await route.abort("blockedbyclient")

    def _errors(self, doing: str) -> Any:
        return playwright_errors(self.utility.name, doing)

    # --- MFA

    def must_be_answerable(self, factor: Factor, prompt: str) -> None:
        """Stop before a portal is made to send a code that nobody could enter."""
        if not self._answers.can_answer(factor):
            raise Stop(
                Outcome.MFA_REQUIRED,
                f"{self.utility.name} asks: {prompt} Nobody is there to answer; run it at a terminal.",
            )

    async def ask(self, challenge: Challenge, *, unanswered: Outcome = Outcome.MFA_REQUIRED) -> Answer:
        """Put the portal's challenge to whoever answers for the customer.

        Raises:
            Stop: ``unanswered`` when nobody answers; ``mfa_failed`` after too many answers.
        """
        self.challenged = True
        self._asked += 1
        if self._asked > _ANSWERS:
            raise Stop(Outcome.MFA_FAILED, f"{self.utility.name} refused {_ANSWERS} answers.")
        self.note(
            "challenge", factor=challenge.factor, destination=challenge.destination, error=challenge.error
        )
        try:
            answer = await self._answers.answer(challenge)
        except NobodyToAsk as exc:
            raise Stop(unanswered, f"{self.utility.name}: {exc}") from exc
        if isinstance(answer, Code):
            self.secrets.add(answer.text)
        return answer

    # --- the session

    async def session(self) -> PortalSession | None:
        """What to save so that the portal knows us next time."""
        if self._context is not None and self._page is not None:
            state = await self._context.storage_state()
            kept = await self._page.evaluate("[location.origin, {...sessionStorage}, navigator.userAgent]")
            session = PortalSession(state, {kept[0]: kept[1]} if kept[1] else {}, kept[2])
        elif self._plain is not None and self._session is not None:
            state = await self._plain.storage_state()
            session = PortalSession(state, self._session.session_storage, self._session.user_agent)
        else:
            return None
        self.secrets.add(*session.secrets())
        return session

    async def forget_trace(self) -> None:
        """Signing in went well: no trace of it is kept."""
        if self._context is not None and self._tracing:
            self._tracing = False
            await self._context.tracing.stop()

    async def end_trace(self, path: str) -> Page | None:
        """Save the trace, if one is running, to the file ``path``; the page, if there is one."""
        if self._context is not None and self._tracing:
            self._tracing = False
            await self._context.tracing.stop(path=path)
        return self._page if self._page is not None and not self._page.is_closed() else None


def _restoring(session_storage: dict[str, dict[str, str]]) -> str:
    return (
        f"const saved = {json.dumps(session_storage)}[location.origin];"
        "if (saved && !sessionStorage.length)"
        " for (const key of Object.keys(saved)) sessionStorage.setItem(key, saved[key]);"
    )
