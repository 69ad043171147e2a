"""Pressing a control of a page, once it is known to be harmless, and what follows at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator

from meterfarm.scrapers.outcomes import Sign, Stop, stop_for_sign
from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.arriving import Arriving
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.going import going
from meterfarm.scrapers.page.names import ControlNames, names_of
from meterfarm.scrapers.page.sight import steady
from meterfarm.scrapers.page.watch import Watch
from meterfarm.scrapers.page.window import PageWindow

_FORM_AND_REDIRECTS = 3


class Pressing:
    """Of one page."""

    def __init__(self, access: Access, arriving: Arriving) -> None:
        self._access = access
        self._arriving = arriving
        self._shared = access.shared

    async def press(self, control: Control, signs: Sequence[Sign], until: Sequence[Sign]) -> Sign | None:
        """See ``BrowserPage``."""
        async with self._access.turn():
            window = await self._access.window()
            found = await self.pressed(window, control, [*until, *signs])
            return await self._arriving.until(window, until, found) if until else None

    async def pressed(self, window: PageWindow, control: Control, signs: Sequence[Sign]) -> Sign | None:
        self._shared.register("")
        watch, button = window.watch, control.locator(window.page)
        with window.rules.errors(f"pressing {control.what}"):
            names = await self._names(window, button)
        names.must_be_harmless(self._shared.portal.name)
        window.expect_navigation()
        doing = f"pressing “{names.shown}”"
        declared = list(dict.fromkeys((*self._shared.portal.signs, *signs, *self._arriving.known)))
        async with (
            window.slot(_FORM_AND_REDIRECTS),
            self._sent(watch, is_still_there=names.has_password),
        ):
            self._shared.note("control.pressed", name=names.shown)
            with going(window, doing):
                found = await watch.press(
                    button,
                    declared,
                    doing,
                    self._shared.clock.timeouts.navigation,
                    self._access.action_ms,
                    self._shared.secrets.scrub,
                )
        stop = stop_for_sign(self._shared.portal.name, found) if found else None
        if stop:
            raise stop
        return found

    @asynccontextmanager
    async def _sent(self, watch: Watch, *, is_still_there: bool) -> AsyncIterator[None]:
        """Around a press: if it sends the password, that is known before, also to who comes after a crash."""
        sending = self._shared.sending
        if sending is None or not await sending.before_press(is_still_there=is_still_there):
            yield
            return
        try:
            yield
        except Stop:
            if not watch.has_sent:
                await sending.was_not_sent()
            raise

    async def _names(self, window: PageWindow, button: Locator) -> ControlNames:
        """What it is called, once it can be pressed or has had its time.

        Time for which our own limits hold back scripts that the button waits for does not count. Nothing is
        pressed: what may have been pressed is never pressed again.
        """
        clock, limit = self._shared.clock, self._access.action_ms
        if window.is_throttled:
            with suppress(PlaywrightError):
                names = await clock.patiently(lambda left: names_of(button, left), limit)
                if names.is_ready:
                    return names
                await clock.patiently(lambda left: button.click(trial=True, timeout=left), limit)
        return await steady(window.page, lambda: names_of(button, limit), now=clock.now)
