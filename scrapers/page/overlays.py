"""What lies over a page: cookie banners, offers, surveys. It is dismissed now, and when it comes later."""

from __future__ import annotations

from contextlib import suppress

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.names import names_of

_AWAY_MS = 2_000


class Overlays:
    """Of one page. What was to be dismissed once is dismissed again whenever it hides what is worked."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._known: set[str] = set()

    async def dismiss(self, control: Control) -> bool:
        """Press it if it is to be seen; whether it was.

        Raises:
            Stop: it is one that a visit must never touch.
        """
        async with self._access.operation(f"dismissing {control.what}") as page:
            found = control.locator(page).filter(visible=True).first
            if not await found.count():
                await self._expect(page, control, found)
                return False
            if await self._is_going(control, found):
                return True
            names = await names_of(found, self._access.action_ms)
            names.must_be_harmless(self._access.shared.portal.name)
            self._access.shared.note("overlay.dismissed", name=names.shown)
            await self._access.shared.clock.patiently(
                lambda left: found.click(timeout=left), self._access.action_ms
            )
            with suppress(PlaywrightTimeout):
                await found.wait_for(state="hidden", timeout=_AWAY_MS)
            await self._expect(page, control, found)
        return True

    async def _is_going(self, control: Control, found: Locator) -> bool:
        """Whether it is one that was dismissed before, and is pressed by itself when it is looked at."""
        if control.what not in self._known:
            return False
        with suppress(PlaywrightTimeout):
            await names_of(found, _AWAY_MS)
        return not await found.count()

    async def _expect(self, page: Page, control: Control, found: Locator) -> None:
        """Playwright looks for it before each action, for it may come between looking and pressing."""
        if control.what in self._known:
            return
        self._known.add(control.what)

        async def dismissed(shown: Locator) -> None:
            with suppress(PlaywrightError):
                names = await names_of(shown, _AWAY_MS)
                if not names.is_dangerous:
                    self._access.shared.note("overlay.dismissed", name=names.shown)
                    await shown.click(timeout=_AWAY_MS)

        await page.add_locator_handler(found, dismissed, no_wait_after=True)
