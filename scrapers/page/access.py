"""What every operation on a page goes through: the page's turn, the visit's end, limits, errors as ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from playwright.async_api import Locator, Page

from meterfarm.records import Outcome
from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.outcomes import SIGNED_OUT, SessionEnded, Sign, Stop, stop_for_sign
from meterfarm.scrapers.page.sending import SignInWatch
from meterfarm.scrapers.page.tab import Tab
from meterfarm.scrapers.page.turns import Turns
from meterfarm.scrapers.page.window import PageWindow
from meterfarm.scrapers.portal import Portal
from meterfarm.scrapers.script_calls import SIGNING_IN, current_call
from meterfarm.support.redact import Secrets

T = TypeVar("T")
LONGEST_TEXT = 5_000
"""Characters that are taken of a page's text unless more is asked for."""
Find = Callable[[Page], Locator]


@dataclass(slots=True)
class Surroundings:
    """What all pages of one visit share.

    ``scratch`` is a private folder. ``filled`` are the fields to mask in a screenshot. ``sending`` is set
    while signing in: it is informed of what is typed, and before each press.
    """

    portal: Portal
    base_url: str
    secrets: Secrets
    note: Callable[..., None]
    clock: VisitClock
    turns: Turns
    scratch: Path
    filled: list[Locator] = field(default_factory=list)
    sending: SignInWatch | None = None
    _characters: str = ""

    @property
    def types(self) -> bool:
        """Whether what is to be filled in is typed, and not only its field found."""
        return self.sending is None or self.sending.types

    @property
    def looks_on(self) -> bool:
        """Whether controls are only looked for: nothing is typed, and a field was to be filled in already."""
        return self.sending is not None and not self.sending.types and self.sending.has_typed

    def register(self, value: str) -> None:
        """As a secret. Of boxes for a character each the whole is it: a digit would blank out every date."""
        if len(value) == 1:
            self.secrets.add_character(value)
            self._characters += value
            return
        self.secrets.add(value, self._characters if len(self._characters) > 1 else "")
        self._characters = ""


class Access:
    """To one page of a visit: that of the tab, which is opened at the first operation, or a ``window``."""

    def __init__(self, tab: Tab, shared: Surroundings, window: PageWindow | None = None) -> None:
        self.tab = tab
        self.shared = shared
        self._own = window

    @property
    def seen(self) -> PageWindow | None:
        """The page's window, if it was opened."""
        return self._own or self.tab.main

    async def window(self) -> PageWindow:
        """The page's window. Raises what ``Tab.window`` does."""
        return self._own or await self.tab.window()

    @property
    def action_ms(self) -> float:
        """How long a control is waited for, in milliseconds."""
        return self.shared.clock.timeouts.action * 1000

    @property
    def navigation_ms(self) -> float:
        """How long a document is waited for, in milliseconds."""
        return self.shared.clock.timeouts.navigation * 1000

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Whatever is done with the page is done within; see ``Turns``."""
        return self.shared.turns.turn()

    @asynccontextmanager
    async def operation(self, doing: str) -> AsyncIterator[Page]:
        """The page, for the operation that ``doing`` names in an error.

        Signs are looked for before a control that is not there is called a change of layout.

        Raises:
            Stop, BrowserGone: see ``boundaries.playwright_errors``; also what the page declares.
            SessionEnded: the page says so.
        """
        async with self.turn():
            window = await self.window()
            try:
                with window.rules.errors(doing):
                    yield window.page
            except Stop as stop:
                if stop.outcome is not Outcome.LAYOUT_CHANGED:
                    raise
                found = await window.watch.sign_now(self.shared.portal.signs)
                if (declared := self.declared_by(found)) is None:
                    raise
                raise declared from stop

    def declared_by(self, sign: Sign | None) -> Stop | SessionEnded | None:
        """What is raised for a sign of the portal that a script did not ask for, if anything.

        A page of the signed out is one on the way while signing in, and elsewhere the session's end.
        """
        if sign is None:
            return None
        call = current_call()
        if sign.means == SIGNED_OUT and call is not None and call.name != SIGNING_IN:
            return SessionEnded(f"{self.shared.portal.name} ended the session.")
        return stop_for_sign(self.shared.portal.name, sign)

    async def of_control(
        self,
        doing: str,
        find: Find,
        ask: Callable[[Locator, float], Awaitable[T]],
        seconds: float | None = None,
    ) -> T:
        """What ``ask`` gives for a control, which gets a limit in milliseconds and may be asked again."""
        limit = self.action_ms if seconds is None else seconds * 1000
        async with self.operation(doing) as page:
            control = find(page)
            return await self.shared.clock.patiently(lambda left: ask(control, left), limit)
