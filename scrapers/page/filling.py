"""Filling in a page's fields, boxes and lists; nothing is sent by it."""

from __future__ import annotations

import re
from contextlib import suppress

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.names import ControlNames, names_of
from meterfarm.scrapers.page.sight import is_navigating

_VALUES = """fields => fields.map(field =>
  String((field.isContentEditable ? field.innerText : field.value) ?? ''))"""
_OPTIONS = """(list, wanted) => {
  const squeeze = text => text.replace(/\\s+/g, " ").trim();
  const options = [...list.options].slice(0, 10000);
  const found = options.find(option => squeeze(option.label || option.text) === squeeze(wanted))
    || options.find(option => option.value === wanted);
  return found ? [found.value, squeeze(found.label || found.text).slice(0, 1000)] : null;
}"""
_IS_LIST = "control => control.localName === 'select'"
_LABEL = "box => [...(box.labels || [])].find(label => label.checkVisibility()) || null"
_BECOMES_EDITABLE = """async (found, [milliseconds, byKeys]) => {
  const field = found.closest("label")?.control || found;
  const takesText = () => byKeys || (["INPUT", "TEXTAREA"].includes(field.tagName) && !field.readOnly);
  const isEditable = () => field.isContentEditable || (takesText() && !field.matches(":disabled"));
  const until = performance.now() + milliseconds;
  while (field.isConnected && !isEditable() && performance.now() < until)
    await new Promise(done => setTimeout(done, 50));
  return isEditable();
}"""
_KEY_MS = 20.0
_ASKED_MS = 250.0
_UNTYPED = re.compile(r"[\x00-\x1f\x7f]")
"""What is a key that does something, such as sending the form."""


class Filling:
    """Of one page."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def fill(self, field: Control, value: str, *, secret: bool, typed: bool) -> None:
        """See ``BrowserPage``."""
        shared = self._access.shared
        if secret:
            shared.register(value)
        if shared.sending is not None:
            shared.sending.typed(value)
        async with self._access.operation(f"filling in {field.what}") as page:
            found = field.locator(page).filter(
                visible=True
            )  # templates of forms have fields of the same name
            shared.filled.append(found)
            if not shared.types and await self._is_editable(found, by_keys=typed):
                return
            if shared.types and await self._is_entered(found, value, typed):
                return
        raise Stop(
            Outcome.LAYOUT_CHANGED,
            f"{shared.portal.name} does not take what is typed into {field.what}; the script needs mending.",
        )

    async def _is_entered(self, field: Locator, value: str, typed: bool) -> bool:
        for by_keys in (typed,) if typed else (False, True):
            await self._enter(field, value, typed=by_keys)
            if await self._has_taken(field, value):
                return True
        return False

    async def _is_editable(self, field: Locator, *, by_keys: bool) -> bool:
        """Whether it is to be seen and takes what is typed, or does so soon; the field is not touched.

        One that is written in key by key may be read-only until it has the focus.
        """
        clock, limit = self._access.shared.clock, self._access.action_ms
        await clock.patiently(lambda left: field.wait_for(timeout=left), limit)
        return bool(await field.evaluate(_BECOMES_EDITABLE, [limit, by_keys], timeout=limit))

    async def _enter(self, field: Locator, value: str, *, typed: bool) -> None:
        limit = self._access.action_ms
        if not typed:
            await self._access.shared.clock.patiently(lambda left: field.fill(value, timeout=left), limit)
            return
        if any(await field.evaluate_all(_VALUES)):
            await self._access.shared.clock.patiently(lambda left: field.fill("", timeout=left), limit)
        keys = _UNTYPED.sub("", value)
        await field.press_sequentially(keys, timeout=limit + 2 * _KEY_MS * len(keys))

    async def _has_taken(self, field: Locator, value: str) -> bool:
        """Whether it stands in the field, also formatted or as dots; a field that is gone has taken it."""
        try:
            stands = await _stands_in(field, value)
        except PlaywrightError as exc:
            if is_navigating(exc):
                return True
            raise
        return _bare(stands) == _bare(value) or (len(stands) == len(value) and not _bare(stands))

    async def check(self, control: Control, *, checked: bool) -> None:
        """See ``BrowserPage``."""
        async with self._access.operation(f"checking {control.what}") as page:
            found = control.locator(page)
            names = await self._names(found)
            if checked:
                names.must_be_harmless(self._access.shared.portal.name)
            if self._access.shared.looks_on:
                return
            try:
                await self._access.shared.clock.patiently(
                    lambda left: found.set_checked(checked, timeout=left), self._access.action_ms / 2
                )
            except PlaywrightTimeout:
                await self._check_by_label(found, checked=checked)

    async def _check_by_label(self, box: Locator, *, checked: bool) -> None:
        """Where a page hides the box itself, and shows another in its label."""
        limit = self._access.action_ms / 2
        label = (await box.evaluate_handle(_LABEL, timeout=limit)).as_element()
        if label is None:
            await box.set_checked(checked, timeout=limit)
        elif await box.is_checked(timeout=limit) is not checked:
            await label.click(timeout=limit)
            if await box.is_checked(timeout=limit) is not checked:
                await box.set_checked(checked, timeout=limit)

    async def choose(self, control: Control, option: str) -> None:
        """See ``BrowserPage``."""
        portal = self._access.shared.portal.name
        async with self._access.operation(f"choosing in {control.what}") as page:
            found = control.locator(page)
            if not await found.evaluate(_IS_LIST, timeout=self._access.action_ms):
                await self._choose_shown(page, found, option)
                return
            chosen = await found.evaluate(_OPTIONS, option, timeout=self._access.action_ms)
            if chosen is None:
                raise Stop(
                    Outcome.LAYOUT_CHANGED,
                    f"{portal} offers no “{option}” in {control.what}; the script needs mending.",
                )
            ControlNames([chosen[1]]).must_be_harmless(portal)
            if self._access.shared.looks_on:
                return
            await self._access.shared.clock.patiently(
                lambda left: found.select_option(value=chosen[0], timeout=left), self._access.action_ms
            )

    async def _choose_shown(self, page: Page, control: Locator, option: str) -> None:
        """Where a page has a list of its own make (ARIA roles ``combobox`` and ``option``)."""
        limit = self._access.action_ms
        if self._access.shared.looks_on:
            await self._names(control)
            return
        for part in (control, page.get_by_role("option", name=option, exact=True)):
            (await self._names(part)).must_be_harmless(self._access.shared.portal.name)
            await part.click(timeout=limit)

    async def _names(self, control: Locator) -> ControlNames:
        return await self._access.shared.clock.patiently(
            lambda left: names_of(control, left), self._access.action_ms
        )


async def _stands_in(field: Locator, gone: str) -> str:
    """What stands in the field, or ``gone`` if it is not there any more.

    Most are asked by what Playwright has in the page already: asking for all that are found, as of one that
    is no input or is gone, has it put a second copy of its own script beside those of the page.
    """
    with suppress(PlaywrightError):
        return await field.input_value(timeout=_ASKED_MS)
    values = await field.evaluate_all(_VALUES)
    return str(values[0]) if values else gone


def _bare(text: str) -> str:
    """Without what a mask adds, in any case."""
    return re.sub(r"[\W_]", "", text).casefold() or re.sub(r"[\s•●∙*·]", "", text)
