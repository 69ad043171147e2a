"""Somebody before their onboarding form: what they see in a browser, and what they press."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from playwright.async_api import Page, expect

from meterfarm.console.farm.fake_owners import Owner
from meterfarm.services.onboarding import OnboardingStep

WRONG_CODE = "000000"
_PASSWORD = "any password"  # noqa: S105 - fake portals take any
_ENDS = (OnboardingStep.DONE, OnboardingStep.LOGIN, OnboardingStep.AGAIN, OnboardingStep.WITHDRAWN)
_ANOTHER = re.compile("^Send another code")
_PATIENCE = 600_000
"""Milliseconds for what has its time from whoever calls."""


class FormFilling:
    """One person at one form, in a page of their own.

    ``owner`` is how they answer what the portal asks, ``code`` reads what was delivered to them.
    """

    def __init__(self, page: Page, owner: Owner, code: Callable[[], str]) -> None:
        self._page = page
        self._owner = owner
        self._code = code
        self._codes = 0

    async def begin(self, link: str, username: str) -> None:
        """Agree, and give a login."""
        page = self._page
        await page.goto(link)
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Agree and continue").click()
        await page.locator("#username").fill(username)
        await page.locator("#password").fill(_PASSWORD)
        before = await self._version()
        await page.get_by_role("button", name="Connect securely").click()
        await self._changed(before)

    async def to_its_end(self, *, is_patient: bool) -> str:
        """Answer what is asked until nothing is; the last step, "" if the page is none of the form's.

        Who ``is_patient`` waits while it is tried again by itself.
        """
        ends = _ENDS if is_patient else (*_ENDS, OnboardingStep.WAITING)
        while True:
            shown = await self._version()
            step = shown.partition("|")[0]
            if not step or step in ends:
                return step
            if step == OnboardingStep.CHALLENGE:
                await self._answer()
            await self._changed(shown)

    async def heading(self) -> str:
        """What the form shows first."""
        return await self._page.locator("main h1").first.inner_text()

    async def _answer(self) -> None:
        page = self._page
        if await page.locator("main input[name=factor]").count():
            await page.get_by_role("button", name="Send the code").click()
            return
        is_first, self._codes = not self._codes, self._codes + 1
        if self._owner is Owner.RESENDS and is_first:
            await page.get_by_role("button", name=_ANOTHER).click(timeout=_PATIENCE)
            return
        is_wrong = self._owner is Owner.WRONG or (self._owner is Owner.MISTYPES and is_first)
        await page.locator("#answer").fill(WRONG_CODE if is_wrong else await asyncio.to_thread(self._code))
        await page.locator("main form:has(#answer) button").click()

    async def _version(self) -> str:
        """Which state the form shows, its step first; "" if the page is no form."""
        return await self._page.locator("body").get_attribute("data-version") or ""

    async def _changed(self, version: str) -> None:
        """Until the form shows another state."""
        body = self._page.locator("body")
        await expect(body).not_to_have_attribute("data-version", version, timeout=_PATIENCE)
